//! `welkin cancel`: ask whoever drives the run, or do it here.

use crate::apart;
use crate::app::App;
use crate::cli::CancelArgs;
use crate::consent;
use crate::engine::{self, Opening, find_run, now, reader, run_fault, store_fault};
use crate::exit::Exit;
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use std::time::Duration;
use welkin_api::wire;
use welkin_broker::{ClusterRole, Reader, RunId, RunState};

/// Pause between looks at a run that another process cancels.
const POLL: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Wire<'a> {
    run: &'a RunId,
    state: RunState,
}

#[derive(Serialize)]
struct WireAll<'a> {
    runs: &'a [Wire<'a>],
}

pub(crate) fn run(args: &CancelArgs, app: &mut App) -> anyhow::Result<Exit> {
    let reader = reader(&app.sky)?;
    match (&args.run, reader) {
        (Some(text), reader) => {
            let run = find_run(reader.as_ref(), text)?;
            // `find_run` finds nothing without a reader.
            let Some(reader) = reader else { return Ok(Exit::NotFound) };
            keep_clusters(&reader, &run)?;
            one(&reader, &run, app)?;
        }
        (None, reader) => all(reader.as_ref(), args.yes, app)?,
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// What is on a cluster ends with it: that is not what cancelling one run means.
fn keep_clusters(reader: &Reader, run: &RunId) -> anyhow::Result<()> {
    let view = reader.status(run).map_err(store_fault)?;
    match view.cluster {
        Some(ClusterRole::Holds(name)) if !view.state.is_over() => {
            let fault = Fault::new(Code::Usage, format!("{run} holds the cluster {name}"));
            Err(fault
                .hint(format!(
                    "`welkin down {name}` ends it with every run on it, `welkin queue {name}` lists those"
                ))
                .into())
        }
        _ => Ok(()),
    }
}

fn one(reader: &Reader, run: &RunId, app: &mut App) -> anyhow::Result<()> {
    // On record first: whoever drives the run, now or later, ends it.
    reader.request_cancel(run, now(reader)).map_err(store_fault)?;
    let state = settle(reader, run, app)?;
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.cancelled/1", &Wire { run, state }),
        Format::Table => Ok(writeln!(app.out, "{run} {state}")?),
    }
}

/// Every run that is not over. One that cannot be ended does not keep the others from it.
fn all(reader: Option<&Reader>, yes: bool, app: &mut App) -> anyhow::Result<()> {
    let open = reader.map_or_else(|| Ok(Vec::new()), Reader::unfinished).map_err(store_fault)?;
    let runs: Vec<RunId> = open.into_iter().map(|run| run.id).collect();
    let words = counted(runs.len(), "run");
    if !runs.is_empty() && !yes {
        let names: Vec<&str> = runs.iter().map(|run| run.0.as_str()).collect();
        let question = format!("cancel {words} ({})?", names.join(", "));
        let unasked = format!("{words} would be cancelled and there is no terminal to ask");
        consent::ask(&question, &unasked, "no run was cancelled")?;
    }
    let (mut ended, mut failed) = (Vec::new(), None);
    if let Some(reader) = reader {
        // All of them on record before the first is waited for.
        for run in &runs {
            reader.request_cancel(run, now(reader)).map_err(store_fault)?;
        }
        for run in &runs {
            match settle(reader, run, app) {
                Ok(state) => ended.push(Wire { run, state }),
                Err(error) if failed.is_none() => failed = Some(error),
                Err(error) => app.warn(&format!("{run}: {error}")),
            }
        }
    }
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.cancelled-runs/1", &WireAll { runs: &ended })?,
        Format::Table if runs.is_empty() => app.note("every run is over: there is nothing to cancel"),
        Format::Table => {
            for Wire { run, state } in &ended {
                writeln!(app.out, "{run} {state}")?;
            }
        }
    }
    app.out.flush()?;
    failed.map_or(Ok(()), Err)
}

/// Waits until the run is over, driving it if nobody does.
fn settle(reader: &Reader, run: &RunId, app: &App) -> anyhow::Result<RunState> {
    let mut told = false;
    loop {
        let state = reader.status(run).map_err(store_fault)?.state;
        if state.is_over() {
            return Ok(state);
        }
        if app.settings.login.is_some() {
            std::thread::sleep(POLL);
            continue;
        }
        let runtime = engine::runtime()?;
        let cancelled = runtime.block_on(async {
            match engine::broker(app, Opening::default()) {
                Ok(broker) => Ok(Some(broker.cancel(run).await.map_err(run_fault)?.state)),
                Err(error) if Code::of(&error) == Some(Code::InUse) => Ok(None),
                Err(error) => Err(error),
            }
        });
        if let Some(state) = cancelled? {
            return Ok(state);
        }
        // Whoever drives it finds the request, but for a broker in which the run pauses, since something keeps it from going
        // on: that one has to be told.
        if !told && let Ok(Some(reached)) = runtime.block_on(apart::listening(app)) {
            let path = format!("/runs/{run}/cancel");
            let taken: Result<wire::Taken, _> = runtime.block_on(reached.client.post(&path, &()));
            told = taken.is_ok();
        }
        std::thread::sleep(POLL);
    }
}
