//! `welkin cost`: what runs cost, by the meter and by the plan.

use crate::app::App;
use crate::cli::CostArgs;
use crate::engine::{Undriven, bill, find_run, reader, store_fault, undriven, unreadable_words};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, bill_notes, bill_table, missed_words, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::{MissedDeadline, Reader, RunView};
use welkin_ledger::Bill;
use welkin_units::Usd;

#[derive(Serialize)]
struct Wire<'a> {
    bill: &'a Bill,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missed_deadlines: &'a [MissedDeadline],
}

#[derive(Serialize)]
struct Totals {
    runs: Vec<Total>,
    /// Runs whose records cannot be read, each with the reason: their cost is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    /// Runs that are not over and that no process drives.
    undriven: Vec<Undriven>,
}

#[derive(Serialize)]
struct Total {
    run: String,
    state: String,
    estimated: Usd,
    metered: Usd,
    /// The part that is list price for emulated machines: no cloud will ever charge it.
    emulated: Usd,
}

pub(crate) fn run(args: &CostArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    match &args.run {
        Some(text) => {
            let run = find_run(reader.as_ref(), text)?;
            // `find_run` finds nothing without a reader.
            let Some(reader) = reader else { return Ok(Exit::NotFound) };
            let view = reader.status(&run).map_err(store_fault)?;
            one(&bill(&reader, &run).map_err(store_fault)?, &view, app)?;
        }
        None => return all(reader.as_ref(), app),
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn one(bill: &Bill, run: &RunView, app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        let wire = Wire { bill, missed_deadlines: &run.missed_deadlines };
        return write_json(&mut app.out, "welkin.bill/1", &wire);
    }
    bill_table(bill).write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    for note in bill_notes(bill).into_iter().chain(missed_words(run)) {
        writeln!(app.out, "{note}")?;
    }
    Ok(())
}

fn all(reader: Option<&Reader>, app: &mut App) -> anyhow::Result<Exit> {
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for run in reader.map_or_else(|| Ok(Vec::new()), Reader::list).map_err(store_fault)? {
        let Some(reader) = reader else { break };
        // One damaged run must not hide what the others cost.
        let Bill { estimated, metered, notional, .. } = match bill(reader, &run.id) {
            Ok(bill) => bill,
            Err(error) => {
                unreadable.push(unreadable_words(&run.id, &error));
                continue;
            }
        };
        runs.push(Total { run: run.id.0, state: run.state, estimated, metered, emulated: notional });
    }
    let left = reader.map_or_else(|| Ok(Vec::new()), undriven)?;
    let exit = if unreadable.is_empty() { Exit::Success } else { Exit::Unreadable };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.cost/1", &Totals { runs, unreadable, undriven: left })?;
        return Ok(exit);
    }
    let mut table = Table::new([
        ("RUN", Align::Left),
        ("STATE", Align::Left),
        ("PLANNED", Align::Right),
        ("METERED", Align::Right),
        ("OF IT EMULATED", Align::Right),
    ]);
    for run in &runs {
        table.row([
            run.run.clone(),
            run.state.clone(),
            run.estimated.to_string(),
            run.metered.to_string(),
            run.emulated.to_string(),
        ]);
    }
    if table.is_empty() && unreadable.is_empty() {
        writeln!(app.out, "there are no runs yet")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    unreadable.iter().for_each(|run| app.warn(run));
    left.iter().for_each(|run| app.warn(&run.words()));
    Ok(exit)
}
