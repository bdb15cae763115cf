//! Deadlines that pass.
//!
//! The plan kept them, and what happened since did not: a place that refused, a machine that was lost, a
//! script that takes longer than was said. That is put on record the moment it is so, and the run goes
//! on: whoever set the deadline decides whether the rest is still worth its money.

use crate::error::StoreError;
use crate::limits::DEADLINE_LOOK;
use crate::live::{Fact, Live};
use tokio::time::sleep;
use welkin_provider::UnixMillis;
use welkin_records::Record;
use welkin_units::Span;

/// Returns when the deadline of the run has passed, which is on record then. Pending for ever without
/// one, and when it was missed before.
pub(crate) async fn of_run(live: &Live) -> Result<(), StoreError> {
    let Some(deadline) = live.job.policy.deadline else { return std::future::pending().await };
    let since = live.view.borrow().submitted;
    missed(live, None, since, deadline).await
}

/// The same for one task, from the beginning of its first attempt. A deadline that is the job's is told
/// for the job.
pub(crate) async fn of_task(live: &Live, task: usize) -> Result<(), StoreError> {
    let own = live.job.tasks[task].policy.deadline.filter(|own| Some(*own) != live.job.policy.deadline);
    let Some(deadline) = own else { return std::future::pending().await };
    live.until(|view| !view.tasks[task].attempts.is_empty()).await;
    let first = live.view.borrow().tasks[task].attempts.first().map(|attempt| attempt.began);
    missed(live, Some(task), first.unwrap_or_default(), deadline).await
}

async fn missed(
    live: &Live,
    task: Option<usize>,
    since: UnixMillis,
    deadline: Span,
) -> Result<(), StoreError> {
    let name = task.map(|task| live.task_name(task));
    if live.view.borrow().missed_deadlines.iter().any(|missed| missed.task.as_deref() == name) {
        return std::future::pending().await;
    }
    let due = since.after(deadline);
    loop {
        let left = due.since(live.world.options.clock.now());
        if left == Span::ZERO {
            break;
        }
        sleep(left.min(DEADLINE_LOOK).duration()).await;
    }
    live.record(vec![Fact::Record(Record::DeadlineMissed { task, deadline })]).await
}
