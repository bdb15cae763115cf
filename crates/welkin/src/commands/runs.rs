//! `welkin runs`: every run of this folder.

use crate::app::App;
use crate::engine::{reader, store_fault};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::RunSummary;

#[derive(Serialize)]
struct Wire<'a> {
    /// Oldest first.
    runs: &'a [RunSummary],
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let runs = match reader(&app.settings)? {
        Some(reader) => reader.list().map_err(store_fault)?,
        None => Vec::new(),
    };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.runs/1", &Wire { runs: &runs })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("RUN", Align::Left),
        ("JOB", Align::Left),
        ("STATE", Align::Left),
        ("SUBMITTED", Align::Left),
    ]);
    for run in &runs {
        table.row([run.id.0.clone(), run.name.clone(), run.state.clone(), moment(run.submitted)]);
    }
    if table.is_empty() {
        writeln!(app.out, "there are no runs yet")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}
