//! `welkin transfers`: what was moved, what was interrupted, and cleaning up.

mod gc;
mod manifest;
mod resume;

use crate::app::App;
use crate::cli::{TransfersArgs, TransfersCommand};
use crate::exit::Exit;
use crate::moving::bytes_words;
use crate::output::{Align, Format, Table, shown, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_sky::{TransferRecord, TransferState, Transfers};
use welkin_transfer::journal::Resumed;

#[derive(Serialize)]
struct Row<'a> {
    transfer: &'a str,
    state: TransferState,
    source: &'a str,
    target: &'a str,
    objects: u64,
    bytes: u64,
    failed: u64,
    /// Uploads that were begun and not finished.
    open_uploads: usize,
}

#[derive(Serialize)]
struct Wire<'a> {
    /// Oldest first.
    transfers: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    failures: Vec<(&'a str, &'a str)>,
}

pub(crate) fn run(args: &TransfersArgs, app: &mut App) -> anyhow::Result<Exit> {
    let records = app.sky.transfers();
    match &args.command {
        None => list(&records, app),
        Some(TransfersCommand::Show { transfer }) => show(&records, transfer, app),
        Some(TransfersCommand::Resume { transfer }) => resume::run(&records, transfer, app),
        Some(TransfersCommand::Manifest { transfer, b3sum }) => {
            manifest::run(&records, transfer, *b3sum, app)
        }
        Some(TransfersCommand::Gc { transfer }) => gc::run(&records, transfer.as_deref(), app),
        Some(TransfersCommand::Forget { transfer }) => forget(&records, transfer.as_deref(), app),
    }
}

fn row<'a>(about: &'a TransferRecord, state: TransferState, resumed: &Resumed) -> Row<'a> {
    Row {
        transfer: &about.id,
        state,
        source: &about.source,
        target: &about.target,
        objects: resumed.objects,
        bytes: resumed.bytes,
        failed: resumed.failed_objects,
        open_uploads: resumed.uploads.len() + resumed.intents.len(),
    }
}

const fn state_words(state: TransferState) -> &'static str {
    match state {
        TransferState::Running => "running",
        TransferState::Interrupted => "interrupted",
        TransferState::Done => "done",
        TransferState::Incomplete => "incomplete",
        TransferState::Damaged => "damaged",
    }
}

fn list(records: &Transfers, app: &mut App) -> anyhow::Result<Exit> {
    let all = records.all()?;
    let transfers: Vec<_> = all
        .iter()
        .map(|about| {
            let (state, resumed) = records.state(about);
            row(about, state, &resumed)
        })
        .collect();
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.transfers/1", &Wire { transfers })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("TRANSFER", Align::Left),
        ("STATE", Align::Left),
        ("OBJECTS", Align::Right),
        ("BYTES", Align::Right),
        ("FAILED", Align::Right),
        ("FROM", Align::Left),
        ("TO", Align::Left),
    ]);
    for row in &transfers {
        let failed = if row.failed == 0 { String::new() } else { row.failed.to_string() };
        table.row([
            row.transfer.to_owned(),
            state_words(row.state).to_owned(),
            row.objects.to_string(),
            bytes_words(row.bytes),
            failed,
            row.source.to_owned(),
            row.target.to_owned(),
        ]);
    }
    if table.is_empty() {
        writeln!(app.out, "there are no transfers yet")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn show(records: &Transfers, name: &str, app: &mut App) -> anyhow::Result<Exit> {
    let about = records.find(name)?;
    let (state, resumed) = records.state(&about);
    let failures = resumed.failed.iter().map(|(key, (_, why))| (key.as_str(), why.as_str())).collect();
    let one = One { row: row(&about, state, &resumed), failures };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.transfer-record/1", &one)?;
        return Ok(Exit::Success);
    }
    let out = &mut app.out;
    writeln!(out, "{}  {}", app.style.bold(&about.id), state_words(state))?;
    writeln!(out, "from     {}\nto       {}", about.source, about.target)?;
    writeln!(out, "arrived  {} objects, {}", one.row.objects, bytes_words(one.row.bytes))?;
    if one.row.open_uploads > 0 {
        writeln!(out, "open     {} uploads at the target", one.row.open_uploads)?;
    }
    for (key, why) in &one.failures {
        let words = format!("{key}: {why}");
        writeln!(out, "{}   {}", app.style.red("failed"), shown(&words))?;
    }
    out.flush()?;
    Ok(Exit::Success)
}

fn forget(records: &Transfers, name: Option<&str>, app: &mut App) -> anyhow::Result<Exit> {
    let chosen = match name {
        Some(name) => vec![records.find(name)?],
        None => records.all()?,
    };
    let mut count = 0;
    for about in chosen {
        let (state, _) = records.state(&about);
        if state == TransferState::Done {
            records.forget(&about)?;
            count += 1;
        } else if name.is_some() {
            app.warn(&format!("{} is {}: resume it, or give it up with gc", about.id, state_words(state)));
            return Ok(Exit::Failure);
        }
    }
    app.note(&format!("{count} forgotten"));
    Ok(Exit::Success)
}
