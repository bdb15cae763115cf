//! A run: its tasks in the order of their edges, side by side where the edges allow it.
//!
//! Everything runs inside one future: dropping it stops all work at once and leaves nothing behind
//! but the record, from which [`drive`] goes on. Cancelling, failing and crashing therefore differ
//! only in what is recorded before the leases are given back.

use crate::error::{RunError, StoreError};
use crate::id::RunId;
use crate::limits::REQUEST_POLL;
use crate::live::{Fact, Live};
use crate::record::Record;
use crate::settle::janitor;
use crate::sql;
use crate::state::{RunState, TaskState};
use crate::task::{self, TaskEnd};
use crate::view::RunView;
use futures::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use std::collections::BTreeSet;
use tokio::time::timeout;
use welkin_job::Job;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunOutcome {
    /// Which run.
    pub run: RunId,
    /// `Succeeded`, `Failed` or `Cancelled`.
    pub state: RunState,
    /// Why, unless it succeeded.
    pub reason: Option<String>,
}

/// Takes a run from wherever the record says it is to its end.
pub(crate) async fn drive(live: &Live) -> Result<RunOutcome, RunError> {
    let work = async {
        if live.view.borrow().state == RunState::Planned {
            live.record(vec![Fact::Record(Record::RunStarted)]).await?;
        }
        if live.view.borrow().state == RunState::Running {
            let (into, reason) = tokio::select! {
                end = tasks(live) => end?,
                requested = cancel_requested(live) => {
                    requested?;
                    (RunState::Cancelled, Some("cancelled on request".to_owned()))
                }
            };
            live.record(vec![Fact::Record(Record::RunEnding { into, reason })]).await?;
        }
        Ok::<(), StoreError>(())
    };
    if !live.view.borrow().state.is_over() {
        let ((), leases) = futures::future::try_join(work, janitor(live)).await?;
        if !leases.is_empty() {
            return Err(RunError::Unsettled { run: live.id.clone(), leases });
        }
        live.record(vec![Fact::Record(Record::RunEnded)]).await?;
        live.world.snapshots.drop_of(&live.id);
    }
    let view = live.view.borrow();
    Ok(RunOutcome { run: live.id.clone(), state: view.state, reason: view.reason.clone() })
}

async fn tasks(live: &Live) -> Result<(RunState, Option<String>), StoreError> {
    let mut running = FuturesUnordered::new();
    let mut started = BTreeSet::new();
    loop {
        let ready = ready(&live.job, &live.view.borrow());
        for task in ready {
            if started.insert(task) {
                running.push(async move { (task, task::run(live, task).await) });
            }
        }
        let Some((task, end)) = running.next().await else {
            return Ok((RunState::Succeeded, None));
        };
        if let TaskEnd::Failed(reason) = end? {
            let reason = format!("task {} failed: {reason}", live.task_name(task));
            return Ok((RunState::Failed, Some(reason)));
        }
    }
}

/// Tasks whose predecessors are all committed, those that succeeded included: they may have outputs
/// to deliver.
fn ready(job: &Job, view: &RunView) -> Vec<usize> {
    let committed = |task: usize| view.tasks[task].state == TaskState::Succeeded;
    (0..view.tasks.len())
        .filter(|task| job.edges.iter().filter(|edge| edge.to == *task).all(|edge| committed(edge.from)))
        .collect()
}

async fn cancel_requested(live: &Live) -> Result<(), StoreError> {
    let mut requests = live.world.requests.subscribe();
    while !sql::cancel_requested(&live.world.store.db(), &live.id)? {
        // Requests of this process wake it at once, those of others are found on the next look.
        drop(timeout(REQUEST_POLL.duration(), requests.changed()).await);
    }
    Ok(())
}
