//! `welkin queue`: the work on a cluster.

use crate::app::App;
use crate::cli::QueueArgs;
use crate::clusters::expect;
use crate::engine::{now, store_fault};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::{ClusterRole, LeaseState, Open, Reader, RunId, RunSummary};
use welkin_provider::UnixMillis;
use welkin_units::Span;

/// A run on a cluster.
#[derive(Debug, Serialize)]
struct Entry {
    run: RunId,
    job: String,
    /// As for every run, but `waiting` before its turn.
    state: String,
    submitted: UnixMillis,
    /// Since or between the moments at which it had its part of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<Span>,
    /// What it has of a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<u32>,
}

#[derive(Serialize)]
struct Wire<'a> {
    cluster: &'a str,
    holder: &'a RunId,
    /// In the order in which they came.
    runs: &'a [Entry],
}

pub(crate) fn run(args: &QueueArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (reader, holder) = expect(&app.sky, &args.cluster)?;
    let which = if args.skip_finished { Open::Only } else { Open::OrOver };
    let runs = reader.in_cluster(&ClusterRole::On(holder.clone()), which).map_err(store_fault)?;
    let entries = runs.into_iter().map(|run| entry(&reader, run)).collect::<anyhow::Result<Vec<_>>>()?;
    if app.settings.output == Format::Json {
        let wire = Wire { cluster: &args.cluster, holder: &holder, runs: &entries };
        write_json(&mut app.out, "welkin.queue/1", &wire)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("RUN", Align::Left),
        ("STATE", Align::Left),
        ("SUBMITTED", Align::Left),
        ("TOOK", Align::Right),
        ("NODES", Align::Right),
        ("PART", Align::Left),
    ]);
    for entry in &entries {
        table.row([
            entry.run.0.clone(),
            entry.state.clone(),
            moment(entry.submitted),
            entry.took.map(|took| took.to_string()).unwrap_or_default(),
            entry.nodes.map(|nodes| nodes.to_string()).unwrap_or_default(),
            entry.part.clone().unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        writeln!(app.out, "nothing is under way on {}", args.cluster)?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn entry(reader: &Reader, run: RunSummary) -> anyhow::Result<Entry> {
    let view = reader.status(&run.id).map_err(store_fault)?;
    let last = view.attempts().last();
    let has = last.filter(|attempt| !attempt.nodes.is_empty());
    let waits = |state: LeaseState| matches!(state, LeaseState::Intended | LeaseState::Requested);
    let waiting = !view.state.is_over() && last.is_none_or(|attempt| waits(attempt.lease));
    let began =
        view.attempts().find(|attempt| !attempt.nodes.is_empty()).and_then(|first| first.lease_started);
    let until = view.ended.unwrap_or_else(|| now(reader));
    Ok(Entry {
        state: if waiting { "waiting".to_owned() } else { run.state },
        job: run.name,
        submitted: run.submitted,
        took: began.map(|began| until.since(began)),
        part: has
            .map(|attempt| attempt.place.instance_type.rsplit('/').next().unwrap_or_default().to_owned()),
        nodes: has.map(|attempt| attempt.place.nodes),
        run: run.id,
    })
}
