//! `welkin clusters`: the clusters there are.

use crate::app::App;
use crate::clusters::{machines, resting};
use crate::engine::{now, reader, store_fault};
use crate::exit::Exit;
use crate::output::nature_words;
use crate::output::{Align, Format, Table, location_words, moment, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_broker::{ClusterRole, Open, Reader, RunId, RunState, RunSummary, RunView};
use welkin_name::Name;
use welkin_provider::{Location, Nature, UnixMillis};
use welkin_units::{Span, Usd};

/// A cluster.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    /// The run that holds it.
    run: RunId,
    /// `starting` before its machines are there, `up`, `stopping`, `stopped`, or `ending`.
    state: &'static str,
    since: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nature: Option<Nature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_type: Option<String>,
    /// The lease of its machines by its `sky:` name.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<u32>,
    /// What its machines cost in an hour.
    hourly: Usd,
    /// How long nothing may be under way before it ends, or stops, by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle: Option<Span>,
    /// Whether its machines are stopped then, and not given back.
    stops: bool,
    /// When that is, if nothing comes; later where nobody knows what happened before.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<UnixMillis>,
    /// Since when its machines are stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<UnixMillis>,
    /// Why they were last not stopped, or not started, though that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// Runs on it that are not over.
    runs: usize,
}

#[derive(Serialize)]
struct Wire<'a> {
    clusters: &'a [Entry],
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    let open = reader.as_ref().map_or_else(|| Ok(Vec::new()), Reader::unfinished).map_err(store_fault)?;
    let mut entries = Vec::new();
    for run in open {
        let name = match &run.cluster {
            Some(ClusterRole::Holds(name)) => name.clone(),
            _ => continue,
        };
        if let Some(reader) = &reader {
            entries.push(entry(reader, name, run)?);
        }
    }
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.clusters/1", &Wire { clusters: &entries })?;
        return Ok(Exit::Success);
    }
    let at = reader.as_ref().map(now).unwrap_or_default();
    show(&entries, at, app)?;
    Ok(Exit::Success)
}

fn entry(reader: &Reader, name: String, run: RunSummary) -> anyhow::Result<Entry> {
    let view = reader.status(&run.id).map_err(store_fault)?;
    let on_it = reader.in_cluster(&ClusterRole::On(run.id.clone()), Open::Only).map_err(store_fault)?;
    let resting = resting(&view);
    let there = machines(&view).or(resting.map(|(_, attempt)| attempt));
    let state = match (&there, resting, view.state) {
        (.., RunState::Ending) => "ending",
        (_, Some((state, _)), _) => state.name(),
        (Some(_), ..) => "up",
        (None, ..) => "starting",
    };
    let due = match (view.idle(), state) {
        (Some(idle), "up") if on_it.is_empty() => due(reader, &view, idle)?,
        _ => None,
    };
    Ok(Entry {
        name,
        run: run.id,
        state,
        since: run.submitted,
        place: there.map(|attempt| attempt.place.location.clone()),
        nature: there.map(|attempt| attempt.nature),
        instance_type: there.map(|attempt| attempt.place.instance_type.clone()),
        lease: there.and_then(|attempt| attempt.name.clone()),
        nodes: there.map(|attempt| attempt.place.nodes),
        hourly: view.hourly(),
        idle: view.idle(),
        stops: view.stops(),
        due,
        stopped: there.and_then(|attempt| attempt.stopped),
        refused: there.and_then(|attempt| attempt.rest_refused.clone()),
        runs: on_it.len(),
    })
}

/// How many of the last runs on a cluster are looked at for when it was last busy: those that end late began late, but for
/// a few.
const LOOKED_AT: usize = 20;

/// When a cluster ends or stops on which nothing is under way.
fn due(reader: &Reader, view: &RunView, idle: Span) -> anyhow::Result<Option<UnixMillis>> {
    let role = ClusterRole::On(view.id.clone());
    let mut since = view.idle_since();
    let past = reader.in_cluster(&role, Open::OrOver).map_err(store_fault)?;
    for run in past.iter().rev().take(LOOKED_AT) {
        since = since.max(reader.status(&run.id).map_err(store_fault)?.ended);
    }
    Ok(since.map(|since| since.after(idle)))
}

fn when_idle(entry: &Entry) -> String {
    let Some(idle) = entry.idle else { return String::new() };
    let does = if entry.stops { "stops" } else { "ends" };
    match entry.due {
        Some(due) => format!("{does} after {idle}, at {} if nothing comes", moment(due)),
        None => format!("{does} after {idle}"),
    }
}

fn show(entries: &[Entry], at: UnixMillis, app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("CLUSTER", Align::Left),
        ("STATE", Align::Left),
        ("PLACE", Align::Left),
        ("RUNS ON", Align::Left),
        ("MACHINES", Align::Left),
        ("COST/H", Align::Right),
        ("SINCE", Align::Left),
        ("FOR", Align::Right),
        ("RUNS", Align::Right),
        ("WHEN IDLE", Align::Left),
    ]);
    for entry in entries {
        let machines = entry.instance_type.as_ref().zip(entry.nodes);
        table.row([
            entry.name.clone(),
            entry.state.to_owned(),
            entry.place.as_ref().map(location_words).unwrap_or_default(),
            entry.nature.map(nature_words).unwrap_or_default().to_owned(),
            machines.map(|(kind, nodes)| format!("{nodes} x {kind}")).unwrap_or_default(),
            entry.hourly.to_string(),
            moment(entry.since),
            at.since(entry.since).to_string(),
            entry.runs.to_string(),
            when_idle(entry),
        ]);
    }
    if table.is_empty() {
        writeln!(app.out, "there are no clusters; `welkin up -c NAME` makes one")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(())
}
