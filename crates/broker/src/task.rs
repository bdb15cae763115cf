//! One task: attempt after attempt until its outputs are committed, or it is given up.

use crate::attempt::pursue;
use crate::deadline;
use crate::deliver::deliver;
use crate::error::StoreError;
use crate::limits::{ROUND_PAUSE, SETTLE_WITHIN};
use crate::live::{Fact, Live};
use crate::order::{Next, Past, Why, next};
use crate::projects;
use crate::view::{AttemptView, RunView, TaskView};
use std::pin::pin;
use tokio::time::{sleep, timeout};
use welkin_ledger::EntryKind;
use welkin_provider::{ErrorKind, Exit, Nature};
use welkin_records::{AttemptEnd, AttemptId, LeaseState, Record, TaskState};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    /// Committed, and delivered where that was asked for.
    Done,
    /// Given up.
    Failed(String),
}

/// Takes a task from wherever the record says it is to its end.
pub(crate) async fn run(live: &Live, task: usize) -> Result<TaskEnd, StoreError> {
    let mut attempts = pin!(attempts(live, task));
    tokio::select! {
        end = &mut attempts => return end,
        missed = deadline::of_task(live, task) => missed?,
    }
    attempts.await
}

async fn attempts(live: &Live, task: usize) -> Result<TaskEnd, StoreError> {
    loop {
        let view = live.view.borrow().tasks[task].clone();
        if view.state == TaskState::Succeeded {
            return deliver(live, task).await;
        }
        if view.state == TaskState::Failed {
            // By a broker that did not come to end the run.
            return Ok(TaskEnd::Failed(view.reason.unwrap_or_default()));
        }
        if let Some(attempt) = view.live() {
            pursue(live, attempt.id, false).await?;
            continue;
        }
        let history: Vec<Past<'_>> = view
            .attempts
            .iter()
            .filter_map(|attempt| Some((attempt.placement, attempt.end.as_ref()?)))
            .collect();
        let planned = &live.plan.tasks[task];
        let recovery = &live.job.tasks[task].recovery;
        let patient = live.world.options.retry_until_up || live.view.borrow().manner.retry_until_up;
        let now = live.world.options.clock.now();
        let blocked = |placement: usize| {
            view.places.get(placement).is_some_and(|place| live.view.borrow().refusals.block(place, now))
        };
        let placement = match next(&history, 1 + planned.alternatives.len(), recovery, patient, blocked) {
            Next::Try(placement) => placement,
            Next::TryLater(placement) => {
                sleep(ROUND_PAUSE.duration()).await;
                placement
            }
            Next::Fail(why) => {
                let reason = explain(&view, &why);
                let failed = Record::TaskFailed { task, reason: reason.clone() };
                live.record(vec![Fact::Record(failed)]).await?;
                return Ok(TaskEnd::Failed(reason));
            }
        };
        if let Some(id) = begin(live, task, &view, placement).await? {
            pursue(live, id, true).await?;
        }
    }
}

/// Puts the intent of an attempt on record, with the money it is expected to cost set aside. `None`
/// when the budget does not cover it, or the project may never have so much, which is on record then as the end of the
/// attempt. Waits while the project has not enough left.
async fn begin(
    live: &Live,
    index: usize,
    task: &TaskView,
    placement: usize,
) -> Result<Option<AttemptId>, StoreError> {
    let planned = &live.plan.tasks[index];
    let place = if placement == 0 { &planned.choice } else { &planned.alternatives[placement - 1] };
    settled(live, &place.place.provider).await;
    let number = u32::try_from(task.attempts.len() + 1).unwrap_or(u32::MAX);
    let attempt = AttemptId { task: index, number };
    // A place that is not set up any more is refused when it is asked.
    let nature =
        live.world.provider(&place.place.provider).map_or(Nature::Real, |provider| provider.nature());
    let began = Fact::Record(Record::AttemptBegan { attempt, placement, nature });
    let left = live.accounts().left(&live.id.0);
    if let Some(left) = left.filter(|left| place.cost > *left) {
        let end = AttemptEnd::OverBudget { wanted: place.cost, left };
        live.record(vec![
            began,
            Fact::Record(Record::LeaseRefused { attempt }),
            Fact::Record(Record::AttemptEnded { attempt, end }),
        ])
        .await?;
        return Ok(None);
    }
    if let Err(over) = projects::room(live, attempt, place).await? {
        let end = AttemptEnd::Refused { kind: ErrorKind::QuotaExceeded, message: over.to_string() };
        live.record(vec![
            began,
            Fact::Record(Record::LeaseRefused { attempt }),
            Fact::Record(Record::AttemptEnded { attempt, end }),
        ])
        .await?;
        return Ok(None);
    }
    let hold = EntryKind::Hold { lease: live.token(attempt).0, amount: place.cost };
    live.record(vec![began, Fact::Booked(hold)]).await?;
    Ok(Some(attempt))
}

/// Waits until what the run is giving back now is given back: a quota of one machine is enough for a
/// chain when the last one is given back first, and so is a budget when what was set aside and not
/// spent has returned. What others give back later is not waited for: among many tasks side by side
/// there is always some. Nor is, but for the budget, what nobody has accepted: a request that was refused
/// and is watched for a while holds no machine.
async fn settled(live: &Live, provider: &str) {
    let budget = live.job.policy.budget.is_some();
    let due: Vec<AttemptId> = {
        let view = live.view.borrow();
        let matters = view.unsettled().filter(|attempt| budget || holds_machine(attempt, provider));
        matters.map(|attempt| attempt.id).collect()
    };
    if due.is_empty() {
        return;
    }
    let over = |view: &RunView, id: AttemptId| view.attempt(id).is_none_or(|attempt| attempt.lease.is_over());
    let settled = live.until(|view| due.iter().all(|id| over(view, *id)));
    // Not waiting for ever: a provider that does not take machines back may still give new ones.
    drop(timeout(SETTLE_WITHIN.duration(), settled).await);
}

fn holds_machine(attempt: &AttemptView, provider: &str) -> bool {
    attempt.place.location.provider == provider && attempt.lease != LeaseState::Intended
}

/// How the step of the last attempt ended, if it failed.
fn last_exit(task: &TaskView) -> Option<&Exit> {
    match task.attempts.last().and_then(|attempt| attempt.end.as_ref()) {
        Some(AttemptEnd::Failed { exit, .. }) => Some(exit),
        _ => None,
    }
}

/// Why a task is given up, with one line for each attempt.
fn explain(task: &TaskView, why: &Why) -> String {
    let mut text = match why {
        Why::Exhausted => "no place of the plan could take it".to_owned(),
        Why::Budget => "the budget of the run does not cover it any more".to_owned(),
        Why::Script => match last_exit(task) {
            Some(Exit::Refused { .. }) => "its work on sealed data was refused".to_owned(),
            Some(Exit::PublishFailed { .. }) => {
                "its script succeeded, but not all of its outputs are there".to_owned()
            }
            _ => "its script failed".to_owned(),
        },
        Why::Losses => "its machines were lost too often".to_owned(),
        Why::Faults => "its data or its nodes failed too often".to_owned(),
    };
    for attempt in &task.attempts {
        let Some(end) = &attempt.end else { continue };
        let tier = match attempt.place.tier {
            welkin_provider::Tier::OnDemand => "on demand",
            welkin_provider::Tier::Spot => "spot",
        };
        let (number, place) = (attempt.id.number, &attempt.place);
        text.push_str(&format!("\n  {number}. {} {} {tier}: {end}", place.location, place.instance_type));
    }
    text
}
