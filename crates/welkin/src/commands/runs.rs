//! `welkin runs`: every run of this folder.

use crate::app::App;
use crate::engine::{Undriven, reader, store_fault, undriven};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::RunSummary;

#[derive(Serialize)]
struct Wire<'a> {
    /// Oldest first.
    runs: &'a [RunSummary],
    /// Those that are not over and that no process drives.
    undriven: &'a [Undriven],
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let (runs, left) = match reader(&app.settings)? {
        Some(reader) => (reader.list().map_err(store_fault)?, undriven(&reader)?),
        None => (Vec::new(), Vec::new()),
    };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.runs/1", &Wire { runs: &runs, undriven: &left })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("RUN", Align::Left),
        ("JOB", Align::Left),
        ("STATE", Align::Left),
        ("SUBMITTED", Align::Left),
    ]);
    for run in &runs {
        table.row([run.id.0.clone(), run.name.clone(), state_words(run), moment(run.submitted)]);
    }
    if table.is_empty() {
        writeln!(app.out, "there are no runs yet")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    left.iter().for_each(|run| app.warn(&run.words()));
    Ok(Exit::Success)
}

/// A state that nobody works on is no state to rely on.
fn state_words(run: &RunSummary) -> String {
    match run.driven {
        Some(false) => format!("{}, not driven", run.state),
        _ => run.state.clone(),
    }
}
