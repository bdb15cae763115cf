//! `welkin transfers gc`: drop what unfinished transfers left at stores.

use crate::app::App;
use crate::exit::Exit;
use crate::moving::plainly;
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use welkin_sky::{PlaceOptions, TransferRecord, TransferState, Transfers};
use welkin_stores::Links;
use welkin_transfer::engine::{Options, Patience, Quiet, Retrying, Stats};
use welkin_transfer::journal::Record;

/// How far the clock of a store may be behind when an upload is told from one that was there before.
const CLOCK_SKEW_MS: i64 = 15 * 60 * 1000;

#[derive(Serialize, Default)]
struct Wire {
    /// Transfers that were given up.
    transfers: Vec<String>,
    /// Uploads that were dropped.
    uploads: u64,
    /// What could not be done.
    failures: Vec<String>,
}

pub(super) fn run(records: &Transfers, name: Option<&str>, app: &mut App) -> anyhow::Result<Exit> {
    let chosen = match name {
        Some(name) => vec![records.find(name)?],
        None => records.all()?,
    };
    let mut wire = Wire::default();
    let runtime = crate::moving::runtime()?;
    runtime.block_on(async {
        for about in chosen {
            if matches!(
                records.state(&about).0,
                TransferState::Interrupted | TransferState::Incomplete | TransferState::Damaged
            ) {
                match give_up(records, &about, app).await {
                    Ok(uploads) => {
                        wire.uploads += uploads;
                        wire.transfers.push(about.id);
                    }
                    Err(error) => wire.failures.push(format!("{}: {error:#}", about.id)),
                }
            }
        }
    });
    let whole = wire.failures.is_empty();
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.transfers-gc/1", &wire)?;
    } else {
        for failure in &wire.failures {
            app.warn(failure);
        }
        let uploads = usize::try_from(wire.uploads).unwrap_or(usize::MAX);
        let (transfers, uploads) = (counted(wire.transfers.len(), "transfer"), counted(uploads, "upload"));
        writeln!(app.out, "{transfers} given up, {uploads} dropped")?;
        app.out.flush()?;
    }
    Ok(if whole { Exit::Success } else { Exit::Unsettled })
}

/// The place that the keys on record are of. What is found under its name now may be another: what would be dropped
/// there is not what was left, and what was left would be forgotten.
async fn target(about: &TransferRecord, app: &App) -> anyhow::Result<Retrying> {
    let place = app.sky.place(&about.keys_at)?;
    // What becomes of links is part of which folder it is.
    for links in [Links::Skip, Links::Keep, Links::Follow] {
        let endpoint = place.open(&app.sky, &PlaceOptions { links, ..plainly() }).await?.below()?;
        if about.keys_of.as_ref().is_none_or(|known| *known == endpoint.identity()) {
            return Ok(Retrying::new(endpoint));
        }
    }
    let message = format!("{} is another place than it was for this transfer", about.keys_at);
    let hint = "variables, profiles or stores changed since; set as they were, `welkin transfers gc` drops what was left there";
    Err(Fault::new(Code::Transfer, message).hint(hint).into())
}

/// Drops what a transfer left, and forgets it.
async fn give_up(records: &Transfers, about: &TransferRecord, app: &App) -> anyhow::Result<u64> {
    let (journal, resumed) = match records.state(about) {
        // Nothing more is written to it; every line that can be read is believed by itself.
        (TransferState::Damaged, resumed) => (None, resumed),
        _ => records.take(about).map(|(journal, resumed)| (Some(journal), resumed))?,
    };
    let endpoint = target(about, app).await?;
    let stats = Stats::default();
    let patience = Patience::new(Options::default().attempts, &stats, &Quiet);
    let mut dropped = 0;
    for partial in resumed.uploads.values() {
        endpoint.abort(&patience, &partial.upload).await?;
        let (key, upload) = (partial.upload.key.clone(), partial.upload.id.clone());
        if let Some(journal) = &journal {
            journal.write(&Record::Dropped { key, upload })?;
        }
        dropped += 1;
    }
    for (key, at_ms) in &resumed.intents {
        for lost in endpoint.dangling(&patience, key).await? {
            if lost.upload.key == *key && lost.begun_ms.is_none_or(|begun| begun >= at_ms - CLOCK_SKEW_MS) {
                endpoint.abort(&patience, &lost.upload).await?;
                dropped += 1;
            }
        }
    }
    drop(journal);
    records.forget(about)?;
    Ok(dropped)
}
