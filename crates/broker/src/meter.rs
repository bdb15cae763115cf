//! What leases cost: when they end, and so far.

use crate::error::StoreError;
use crate::id::{AttemptId, RunId};
use crate::live::{Fact, Live};
use crate::record::{AttemptEnd, Record};
use crate::view::{AttemptView, RunView};
use welkin_ledger::{EntryKind, Ledger, MeterEvent, Terms, VmUse, Who};
use welkin_provider::{Token, UnixMillis};
use welkin_units::Usd;

/// The end of a lease: its record, its charge, and the return of what was set aside and not spent.
pub(crate) fn over(
    live: &Live,
    id: AttemptId,
    record: Record,
    ended: Option<UnixMillis>,
) -> Result<Vec<Fact>, StoreError> {
    let attempt = live.attempt(id)?;
    let token = live.token(id);
    let to = ended.unwrap_or_else(|| live.world.options.clock.now());
    let terms = live.world.options.terms_of(&attempt.place.location.provider);
    let mut facts = vec![Fact::Record(record)];
    if let Some(event) = used(&live.id, live.task_name(id.task), &attempt, &token, terms, to) {
        facts.push(Fact::Booked(EntryKind::Charge { event }));
    }
    facts.push(Fact::Booked(EntryKind::Void { lease: token.0 }));
    Ok(facts)
}

/// The use of an attempt's lease from its start to `to`; nothing before it was accepted.
pub(crate) fn used(
    run: &RunId,
    task: &str,
    attempt: &AttemptView,
    token: &Token,
    terms: Terms,
    to: UnixMillis,
) -> Option<MeterEvent> {
    let since = attempt.lease_started?;
    let place = &attempt.place;
    let who = Who {
        run: run.0.clone(),
        task: task.to_owned(),
        subject: token.0.clone(),
        place: place.location.clone(),
        nature: attempt.nature,
    };
    let (nodes, hourly) = (place.nodes, place.hourly);
    let used = VmUse { instance_type: place.instance_type.clone(), nodes, since, hourly, terms };
    Some(MeterEvent::vm(who, since, to.max(since), used))
}

/// How an attempt ends when its run has spent more than its budget, leases that are not over
/// included: looked at whenever a lease is, so the budget is passed by one such interval at most.
pub(crate) fn overrun(live: &Live) -> Result<Option<AttemptEnd>, StoreError> {
    let Some(budget) = live.job.policy.budget else { return Ok(None) };
    let entries = live.entries()?;
    let booked = entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::Charge { event } => Some(event.cost),
        EntryKind::Correction { amount, .. } => Some(*amount),
        _ => None,
    });
    let booked: Usd = booked.sum();
    let spent = booked + open(live);
    let left = Ledger::replay(&entries).left(&live.id.0).unwrap_or_default();
    Ok((spent > budget).then_some(AttemptEnd::OverBudget { wanted: spent, left }))
}

/// What leases that are not over have cost so far.
fn open(live: &Live) -> Usd {
    let now = live.world.options.clock.now();
    let view: &RunView = &live.view.borrow();
    let open = view.attempts().filter(|attempt| !attempt.lease.is_over());
    open.filter_map(|attempt| {
        let terms = live.world.options.terms_of(&attempt.place.location.provider);
        let token = live.token(attempt.id);
        used(&live.id, live.task_name(attempt.id.task), attempt, &token, terms, now)
    })
    .map(|event| event.cost)
    .sum()
}
