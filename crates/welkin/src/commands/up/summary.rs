//! What is shown when a run is over: how it ended and what it cost.

use crate::app::App;
use crate::engine::{bill, store_fault};
use crate::output::{Format, bill_notes, bill_table, missed_words, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::{Reader, RunId, RunView, TraceId};
use welkin_ledger::Bill;
use welkin_provider::UnixMillis;

#[derive(Serialize)]
struct Wire<'a> {
    trace: TraceId,
    run: &'a RunView,
    bill: &'a Bill,
}

pub(crate) fn show(reader: &Reader, run: &RunId, app: &mut App) -> anyhow::Result<()> {
    let view = reader.status(run).map_err(store_fault)?;
    let bill = bill(reader, run).map_err(store_fault)?;
    if app.settings.output == Format::Json {
        let wire = Wire { trace: view.trace_id(), run: &view, bill: &bill };
        return write_json(&mut app.out, "welkin.run/1", &wire);
    }
    let took = view.ended.unwrap_or(UnixMillis(0)).since(view.submitted);
    writeln!(app.out, "\n{run} {} after {took}", view.state)?;
    for missed in missed_words(&view) {
        writeln!(app.out, "{missed}")?;
    }
    if !bill.lines.is_empty() {
        writeln!(app.out)?;
        bill_table(&bill).write(&mut app.out, app.style)?;
        writeln!(app.out)?;
        for note in bill_notes(&bill) {
            writeln!(app.out, "{note}")?;
        }
    }
    app.out.flush()?;
    Ok(())
}
