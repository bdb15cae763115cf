//! `welkin cost`: what runs cost, by the meter and by the plan.

use crate::app::App;
use crate::cli::CostArgs;
use crate::engine::{bill, find_run, reader, store_fault};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, bill_notes, bill_table, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::Reader;
use welkin_ledger::Bill;
use welkin_units::Usd;

#[derive(Serialize)]
struct Wire<'a> {
    bill: &'a Bill,
}

#[derive(Serialize)]
struct Totals {
    runs: Vec<Total>,
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
    let reader = reader(&app.settings)?;
    match &args.run {
        Some(text) => {
            let run = find_run(reader.as_ref(), text)?;
            // `find_run` finds nothing without a reader.
            let Some(reader) = reader else { return Ok(Exit::NotFound) };
            one(&bill(&reader, &run)?, app)?;
        }
        None => all(reader.as_ref(), app)?,
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn one(bill: &Bill, app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        return write_json(&mut app.out, "welkin.bill/1", &Wire { bill });
    }
    bill_table(bill).write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    for note in bill_notes(bill) {
        writeln!(app.out, "{note}")?;
    }
    Ok(())
}

fn all(reader: Option<&Reader>, app: &mut App) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for run in reader.map_or_else(|| Ok(Vec::new()), Reader::list).map_err(store_fault)? {
        let Some(reader) = reader else { break };
        let Bill { estimated, metered, notional, .. } = bill(reader, &run.id)?;
        runs.push(Total { run: run.id.0, state: run.state, estimated, metered, emulated: notional });
    }
    if app.settings.output == Format::Json {
        return write_json(&mut app.out, "welkin.cost/1", &Totals { runs });
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
    if table.is_empty() {
        writeln!(app.out, "there are no runs yet")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    Ok(())
}
