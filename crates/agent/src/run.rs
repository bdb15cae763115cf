//! One step from its first to its last event: fetch, run, publish.

use crate::mask::Masker;
use crate::node::Agent;
use crate::place::below;
use crate::script;
use crate::step::{StepRecord, masker};
use std::path::PathBuf;
use std::sync::Arc;
use welkin_provider::{EventKind, Exit, Fetch, Publish, Step, Stream};
use welkin_stores::open;
use welkin_transfer::{
    LeftOut, Selection, TransferError, fetch_own_tree, overlay_own_tree, publish_selection, silent,
};
use welkin_units::Bytes;

/// Most things of an output that are left out and named; the rest is counted.
const MAX_NAMED: usize = 20;

/// Runs the step and records its end.
pub(crate) async fn run(agent: Arc<Agent>, record: Arc<StepRecord>, step: Step) {
    let masker = Arc::new(masker(&step));
    let exit = match phases(&agent, &record, &step, &masker).await {
        Ok(()) => Exit::Success,
        Err(exit) => masked(exit, &masker),
    };
    record.finish(exit);
}

async fn phases(
    agent: &Agent,
    record: &Arc<StepRecord>,
    step: &Step,
    masker: &Arc<Masker>,
) -> Result<(), Exit> {
    for fetch in &step.fetch {
        let fetched = unless_stopped(record, fetch_one(agent, fetch)).await?;
        let bytes = fetched.map_err(|message| Exit::FetchFailed { message })?;
        note(record, vec![EventKind::Fetched { path: fetch.path.clone(), bytes }])?;
    }
    if step.script.is_some() {
        match script::run(agent, record, step, masker).await {
            Exit::Success => {}
            exit => return Err(exit),
        }
    }
    for publish in &step.publish {
        let published = unless_stopped(record, publish_one(agent, publish)).await?;
        let events = published.map_err(|message| Exit::PublishFailed { message })?;
        note(record, events)?;
    }
    Ok(())
}

async fn fetch_one(agent: &Agent, fetch: &Fetch) -> Result<Bytes, String> {
    let failed = |error: TransferError| format!("{}: {}", fetch.path, error.chain());
    let path = below(agent.home().root(), &fetch.path)?;
    let store = open(&fetch.store).map_err(|error| failed(error.into()))?;
    let Fetch { prefix, digest, over, .. } = fetch;
    let fetched = match over {
        true => overlay_own_tree(&store, prefix, digest, &path, &silent).await,
        false => fetch_own_tree(&store, prefix, digest, &path, &silent).await,
    };
    fetched.map(|published| Bytes::new(published.bytes)).map_err(failed)
}

async fn publish_one(agent: &Agent, publish: &Publish) -> Result<Vec<EventKind>, String> {
    let failed = |error: TransferError| match error {
        TransferError::SourceMissing { path } => {
            format!("output {} is missing: there is no {}", publish.name, path.display())
        }
        error => format!("output {}: {}", publish.name, error.chain()),
    };
    let path: PathBuf = below(agent.home().root(), &publish.path)
        .map_err(|reason| format!("output {}: {reason}", publish.name))?;
    let store = open(&publish.store).map_err(|error| failed(error.into()))?;
    let done = publish_selection(&path, Selection::made(), &store, &publish.prefix, &silent).await;
    let (done, left_out) = done.map_err(failed)?;
    let mut events: Vec<EventKind> = said(&publish.name, left_out).collect();
    events.push(EventKind::Published {
        name: publish.name.clone(),
        digest: done.digest,
        bytes: Bytes::new(done.bytes),
        files: done.files,
    });
    Ok(events)
}

/// What is not part of an output, in the agent's own words.
fn said(output: &str, left_out: LeftOut) -> impl Iterator<Item = EventKind> {
    let more = left_out.len().saturating_sub(MAX_NAMED);
    let more = (more > 0).then(|| format!("{more} more things"));
    let lines = left_out.into_iter().take(MAX_NAMED).chain(more);
    lines.map(move |what| {
        let line = format!("output {output}: left out: {what}");
        EventKind::Log { stream: Stream::Agent, line }
    })
}

/// Does `work` unless a stop is asked for first. What is dropped half-way commits nothing.
async fn unless_stopped<T>(record: &StepRecord, work: impl Future<Output = T>) -> Result<T, Exit> {
    let mut wish = record.stop_wish();
    tokio::select! {
        // A wish from before counts as well.
        _ = wish.wait_for(Option::is_some) => Err(Exit::Stopped),
        done = work => Ok(done),
    }
}

fn note(record: &StepRecord, events: Vec<EventKind>) -> Result<(), Exit> {
    let failed = |error| Exit::NodeFault { message: format!("cannot record an event: {error}") };
    record.append(events).map_err(failed)
}

/// A message may quote what a store said, and that what it was given.
fn masked(exit: Exit, masker: &Masker) -> Exit {
    let clean = |message: String| masker.clean(message.as_bytes());
    match exit {
        Exit::FetchFailed { message } => Exit::FetchFailed { message: clean(message) },
        Exit::PublishFailed { message } => Exit::PublishFailed { message: clean(message) },
        Exit::Refused { message } => Exit::Refused { message: clean(message) },
        Exit::NodeFault { message } => Exit::NodeFault { message: clean(message) },
        other => other,
    }
}
