//! One step from its first to its last event: fetch, run, publish.

use crate::mask::Masker;
use crate::node::Agent;
use crate::place::below;
use crate::script;
use crate::step::{StepRecord, masker};
use std::path::PathBuf;
use std::sync::Arc;
use welkin_provider::{EventKind, Exit, Fetch, Publish, Step};
use welkin_transfer::{TransferError, fetch_tree, open, publish_tree, silent};
use welkin_units::Bytes;

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
        note(record, EventKind::Fetched { path: fetch.path.clone(), bytes })?;
    }
    if step.script.is_some() {
        match script::run(agent, record, step, masker).await {
            Exit::Success => {}
            exit => return Err(exit),
        }
    }
    for publish in &step.publish {
        let published = unless_stopped(record, publish_one(agent, publish)).await?;
        note(record, published.map_err(|message| Exit::PublishFailed { message })?)?;
    }
    Ok(())
}

async fn fetch_one(agent: &Agent, fetch: &Fetch) -> Result<Bytes, String> {
    let failed = |error: TransferError| format!("{}: {}", fetch.path, error.chain());
    let path = below(agent.home().root(), &fetch.path)?;
    let store = open(&fetch.store).map_err(failed)?;
    let fetched = fetch_tree(store.as_ref(), &fetch.prefix, &fetch.digest, &path, &silent).await;
    fetched.map(|published| Bytes::new(published.bytes)).map_err(failed)
}

async fn publish_one(agent: &Agent, publish: &Publish) -> Result<EventKind, String> {
    let failed = |error: TransferError| match error {
        TransferError::SourceMissing { path } => {
            format!("output {} is missing: there is no {}", publish.name, path.display())
        }
        error => format!("output {}: {}", publish.name, error.chain()),
    };
    let path: PathBuf = below(agent.home().root(), &publish.path)
        .map_err(|reason| format!("output {}: {reason}", publish.name))?;
    let store = open(&publish.store).map_err(failed)?;
    let done = publish_tree(&path, store.as_ref(), &publish.prefix, &silent).await.map_err(failed)?;
    Ok(EventKind::Published {
        name: publish.name.clone(),
        digest: done.digest,
        bytes: Bytes::new(done.bytes),
        files: done.files,
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

fn note(record: &StepRecord, event: EventKind) -> Result<(), Exit> {
    let failed = |error| Exit::NodeFault { message: format!("cannot record an event: {error}") };
    record.append(vec![event]).map_err(failed)
}

/// A message may quote what a store said, and that what it was given.
fn masked(exit: Exit, masker: &Masker) -> Exit {
    let clean = |message: String| masker.clean(message.as_bytes());
    match exit {
        Exit::FetchFailed { message } => Exit::FetchFailed { message: clean(message) },
        Exit::PublishFailed { message } => Exit::PublishFailed { message: clean(message) },
        Exit::NodeFault { message } => Exit::NodeFault { message: clean(message) },
        other => other,
    }
}
