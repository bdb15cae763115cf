//! What a command line would do: nothing is moved, made or taken.

use crate::app::App;
use crate::exit::Exit;
use crate::moving::execute::{Wanted, engine_fault, sites};
use crate::moving::{bytes_words, cost};
use crate::output::{Format, counted, shown, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_sky::Aimed;
use welkin_transfer::engine::{Preview, preview};

/// Looks, and tells.
pub(super) async fn look(wanted: &Wanted<'_>, aimed: &Aimed, app: &mut App) -> anyhow::Result<Exit> {
    #[derive(Serialize)]
    struct Dry<'a> {
        would: &'a [(&'static str, String, u64)],
        copy_objects: u64,
        copy_bytes: u64,
        check_objects: u64,
        same_objects: u64,
        delete_objects: u64,
        /// How many may be removed, where that is less: the transfer would stop and remove nothing.
        guarded: Option<u64>,
        /// The interrupted transfer that would be gone on with.
        goes_on: Option<&'a str>,
        /// Objects of it that are still as they arrived.
        resumed_objects: u64,
        source_objects: u64,
        refused: &'a [(String, String)],
        left_out_objects: u64,
        /// The first of them.
        left_out: &'a [(String, &'static str)],
        /// None where one end's place is not known.
        cost: Option<cost::Cost>,
    }
    let ends = sites(wanted, app)?;
    let records = app.sky.transfers();
    let going = match wanted.manner.restart {
        true => None,
        false => records.interrupted(&aimed.what())?,
    };
    let (id, past) = going.unzip();
    let json = app.settings.output == Format::Json;
    let mut steps = Vec::new();
    let mut failed = Ok(());
    let out = &mut app.out;
    let seen = preview(&aimed.transfer, past, |word, key, size| {
        if json {
            steps.push((word, key.to_owned(), size));
        } else if failed.is_ok() {
            failed = writeln!(out, "{word} {} ({})", shown(key), bytes_words(size));
        }
    })
    .await
    .map_err(|error| engine_fault(error, id.as_deref().unwrap_or("")))?;
    failed?;
    let cost = match &ends {
        (Some(from), Some(to)) => Some(cost::Cost::of(from, to, &seen)),
        _ => None,
    };
    if json {
        let dry = Dry {
            would: &steps,
            copy_objects: seen.copy_objects,
            copy_bytes: seen.copy_bytes,
            check_objects: seen.check_objects,
            same_objects: seen.same_objects,
            delete_objects: seen.delete_objects,
            guarded: seen.guarded,
            goes_on: id.as_deref(),
            resumed_objects: seen.resumed_objects,
            source_objects: seen.source_objects,
            refused: &seen.refused,
            left_out_objects: seen.left_out_objects,
            left_out: &seen.left_out,
            cost,
        };
        write_json(&mut app.out, "welkin.transfer-preview/1", &dry)?;
        return Ok(Exit::Success);
    }
    let cost = cost.map_or_else(
        || cost::unpriced(if ends.0.is_none() { wanted.source } else { wanted.target }),
        |cost| cost.words(),
    );
    tell(wanted, &seen, id.as_deref(), &cost, app)?;
    Ok(Exit::Success)
}

/// The same in words.
fn tell(
    wanted: &Wanted<'_>,
    seen: &Preview,
    id: Option<&str>,
    cost: &str,
    app: &mut App,
) -> anyhow::Result<()> {
    let count = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "object");
    writeln!(
        app.out,
        "would copy {} ({}), compare {}, leave {}, {} {}; nothing was done",
        count(seen.copy_objects),
        bytes_words(seen.copy_bytes),
        count(seen.check_objects),
        count(seen.same_objects),
        if seen.guarded.is_some() { "refuse to remove" } else { "remove" },
        count(seen.delete_objects),
    )?;
    if let Some(id) = id {
        let (objects, bytes) = (count(seen.resumed_objects), bytes_words(seen.resumed_bytes));
        writeln!(
            app.out,
            "would continue {id}, of which {objects} ({bytes}) are unchanged since they arrived"
        )?;
    }
    writeln!(app.out, "{cost}")?;
    if let Some(most) = seen.guarded {
        let (surplus, there) = (seen.delete_objects, seen.target_objects);
        app.warn(&format!(
            "the transfer would copy, and then stop and remove nothing: {surplus} of {there} objects at the target are \
             not at the source, and at most {most} may be removed; --max-delete changes that"
        ));
    }
    if seen.source_objects == 0 {
        app.warn(&format!("nothing was found at {}", wanted.source));
    }
    for (key, why) in &seen.refused {
        app.warn(&shown(&format!("{key}: {why}")));
    }
    for (key, why) in &seen.left_out {
        app.warn(&shown(&format!("left out: {key}: {why}")));
    }
    let more = seen.left_out_objects - seen.left_out.len() as u64;
    if more > 0 {
        app.warn(&format!("{more} more are left out"));
    }
    app.out.flush()?;
    Ok(())
}
