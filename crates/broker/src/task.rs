//! One task: attempt after attempt until its outputs are committed, or it is given up.

use crate::attempt::pursue;
use crate::deliver::deliver;
use crate::error::StoreError;
use crate::id::AttemptId;
use crate::limits::{ROUND_PAUSE, SETTLE_WITHIN};
use crate::live::{Fact, Live};
use crate::order::{Next, Past, Why, next};
use crate::record::{AttemptEnd, Record};
use crate::state::TaskState;
use crate::view::TaskView;
use tokio::time::{sleep, timeout};
use welkin_ledger::{Entry, EntryKind, Ledger, LedgerError};
use welkin_provider::Nature;

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
    loop {
        let view = live.view.borrow().tasks[task].clone();
        if view.state == TaskState::Succeeded {
            return deliver(live, task).await;
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
        let patient = live.world.options.retry_until_up;
        let placement = match next(&history, 1 + planned.alternatives.len(), recovery, patient) {
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
        if let Some(id) = begin(live, &view, placement).await? {
            pursue(live, id, true).await?;
        }
    }
}

/// Puts the intent of an attempt on record, with the money it is expected to cost set aside. `None`
/// when the budget does not cover it, which is on record then as the end of the attempt.
async fn begin(live: &Live, task: &TaskView, placement: usize) -> Result<Option<AttemptId>, StoreError> {
    let index = live.plan.tasks.iter().position(|planned| planned.task == task.name).unwrap_or_default();
    let planned = &live.plan.tasks[index];
    let place = if placement == 0 { &planned.choice } else { &planned.alternatives[placement - 1] };
    // A quota of one machine is enough for a chain when the last one is given back first, and so is a
    // budget when what was set aside and not spent has returned.
    let budget = live.job.policy.budget.is_some();
    let settled = live.until(|view| {
        view.unsettled().all(|attempt| !budget && attempt.place.location.provider != place.provider)
    });
    // Not waiting for ever: a provider that does not take machines back may still give new ones.
    drop(timeout(SETTLE_WITHIN.duration(), settled).await);

    let number = u32::try_from(task.attempts.len() + 1).unwrap_or(u32::MAX);
    let attempt = AttemptId { task: index, number };
    // A place that is not set up any more is refused when it is asked.
    let nature = live.world.provider(&place.provider).map_or(Nature::Real, |provider| provider.nature());
    let began = Fact::Record(Record::AttemptBegan { attempt, placement, nature });
    let hold = EntryKind::Hold { lease: live.token(attempt).0, amount: place.cost };
    let entry = Entry { run: live.id.0.clone(), kind: hold.clone() };
    match Ledger::replay(&live.entries()?).post(&entry) {
        Ok(_) => {
            live.record(vec![began, Fact::Booked(hold)]).await?;
            Ok(Some(attempt))
        }
        Err(LedgerError::Overdrawn { wanted, left, .. }) => {
            let end = AttemptEnd::OverBudget { wanted, left };
            live.record(vec![
                began,
                Fact::Record(Record::LeaseRefused { attempt }),
                Fact::Record(Record::AttemptEnded { attempt, end }),
            ])
            .await?;
            Ok(None)
        }
        Err(other) => Err(StoreError::Contradiction { run: live.id.clone(), reason: other.to_string() }),
    }
}

/// Why a task is given up, with one line for each attempt.
fn explain(task: &TaskView, why: &Why) -> String {
    let mut text = match why {
        Why::Exhausted => "no place of the plan could take it".to_owned(),
        Why::Script => "its script failed".to_owned(),
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
