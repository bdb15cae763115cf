//! A run: its tasks in the order of their edges, side by side where the edges allow it.
//!
//! Everything runs inside one future: dropping it stops all work at once and leaves nothing behind
//! but the record, from which [`drive`] goes on. Cancelling, failing and crashing therefore differ
//! only in what is recorded before the leases are given back.

use crate::acquaint::training;
use crate::cluster;
use crate::deadline;
use crate::deliver::deliver_rest;
use crate::egress;
use crate::error::{RunError, StoreError};
use crate::limits::{REQUEST_POLL, SIDE_BY_SIDE};
use crate::live::{Fact, Live};
use crate::projects;
use crate::settle::janitor;
use crate::task::{self, TaskEnd};
use crate::view::RunView;
use crate::wishes::{self, Inbox};
use futures::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use std::collections::BTreeSet;
use std::pin::pin;
use tokio::time::timeout;
use welkin_job::Job;
use welkin_records::{ClusterRole, Record, RunId, RunState};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunOutcome {
    /// Which run.
    pub run: RunId,
    /// `Succeeded`, `Failed` or `Cancelled`.
    pub state: RunState,
    /// Why, unless it succeeded.
    pub reason: Option<String>,
    /// Whether it is the budget that ended it.
    pub over_budget: bool,
}

impl RunOutcome {
    /// How a run that is over ended, or how it stands.
    #[must_use]
    pub fn of(view: &RunView) -> Self {
        Self {
            run: view.id.clone(),
            state: view.state,
            reason: view.reason.clone(),
            over_budget: view.stopped_by_budget(),
        }
    }
}

/// Takes a run from wherever the record says it is to its end.
pub(crate) async fn drive(live: &Live, inbox: &mut Inbox) -> Result<RunOutcome, RunError> {
    tokio::select! {
        // First, so that all that was written is told of before the end is.
        biased;
        failed = live.keep_up() => match failed? {},
        outcome = to_the_end(live, inbox) => outcome,
    }
}

async fn to_the_end(live: &Live, inbox: &mut Inbox) -> Result<RunOutcome, RunError> {
    let work = async {
        if live.view.borrow().state == RunState::Planned {
            // What it asks of anybody is on record before, and this with it.
            live.soon(vec![Fact::Record(Record::RunStarted)])?;
        }
        if live.view.borrow().state == RunState::Running {
            let (into, reason) = tokio::select! {
                end = told_when_late(live) => end?,
                requested = cancel_requested(live) => {
                    requested?;
                    (RunState::Cancelled, Some("cancelled on request".to_owned()))
                }
                asked = wishes::serve(live, inbox) => match asked? {},
                used_up = projects::watch(live) => (RunState::Failed, Some(used_up?)),
                idle = cluster::idle(live) => {
                    (RunState::Succeeded, Some(format!("nothing was under way on it for {}", idle?)))
                }
            };
            let holds = matches!(live.view.borrow().cluster, Some(ClusterRole::Holds(_)));
            let ending = vec![Fact::Record(Record::RunEnding { into, reason })];
            match into {
                // All that follows of it is that machines are given back, and that is on record before it is done.
                RunState::Succeeded if !holds => live.soon(ending)?,
                _ => live.record(ending).await?,
            }
        }
        if live.view.borrow().into == Some(RunState::Failed) {
            // While the machines are given back. What was made arrives, whichever task was faster.
            deliver_rest(live).await?;
        }
        cluster::dismiss(live).await?;
        Ok::<(), StoreError>(())
    };
    if !live.view.borrow().state.is_over() {
        let ((), leases) = futures::future::try_join(work, janitor(live)).await?;
        egress::rest(live).await?;
        if !leases.is_empty() {
            live.record(Vec::new()).await?;
            return Err(RunError::Unsettled { run: live.id.clone(), leases });
        }
        live.record(vec![Fact::Record(Record::RunEnded)]).await?;
        live.world.snapshots.drop_of(&live.id);
    }
    Ok(RunOutcome::of(&live.view.borrow()))
}

async fn told_when_late(live: &Live) -> Result<(RunState, Option<String>), StoreError> {
    let mut tasks = pin!(tasks(live));
    tokio::select! {
        end = &mut tasks => return end,
        missed = deadline::of_run(live) => missed?,
    }
    tasks.await
}

async fn tasks(live: &Live) -> Result<(RunState, Option<String>), StoreError> {
    let mut order = Order::of(&live.job);
    let mut running = FuturesUnordered::new();
    let chosen = live.view.borrow().manner.max_parallel;
    let most = live.world.options.side_by_side.or(chosen).unwrap_or(SIDE_BY_SIDE).max(1);
    loop {
        while running.len() < most
            && let Some(task) = order.ready.pop_first()
        {
            // Those of one training wait for each other: they begin together, however many may be under way.
            let others = training(&live.job, task).into_iter().filter(|other| order.ready.remove(other));
            for task in others.chain([task]) {
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
        order.done(task);
    }
}

/// Which tasks may begin: those whose predecessors are all done. Tasks that were done before a restart
/// pass through too, since they may have outputs to deliver.
struct Order {
    ready: BTreeSet<usize>,
    /// For each task, how many edges into it are open.
    open: Vec<usize>,
    /// For each task, where its edges lead.
    next: Vec<Vec<usize>>,
}

impl Order {
    fn of(job: &Job) -> Self {
        let (mut open, mut next) = (vec![0; job.tasks.len()], vec![Vec::new(); job.tasks.len()]);
        for edge in &job.edges {
            open[edge.to] += 1;
            next[edge.from].push(edge.to);
        }
        let ready = (0..open.len()).filter(|task| open[*task] == 0).collect();
        Self { ready, open, next }
    }

    fn done(&mut self, task: usize) {
        for to in std::mem::take(&mut self.next[task]) {
            self.open[to] -= 1;
            if self.open[to] == 0 {
                self.ready.insert(to);
            }
        }
    }
}

async fn cancel_requested(live: &Live) -> Result<(), StoreError> {
    let mut requests = live.world.requests.subscribe();
    while !live.world.cancels.wanted(&live.world, &live.id).await? {
        // Requests of this process wake it at once, those of others are found on the next look.
        drop(timeout(REQUEST_POLL.duration(), requests.changed()).await);
    }
    Ok(())
}
