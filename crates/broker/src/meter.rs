//! What leases cost: when they end, and so far.

use crate::error::StoreError;
use crate::limits::BUDGET_LOOK;
use crate::live::{Fact, Live};
use crate::view::AttemptView;
use welkin_ledger::{EntryKind, MeterEvent, Terms, VmUse, Who};
use welkin_provider::{Token, UnixMillis};
use welkin_records::{AttemptEnd, AttemptId, Record, RunId};
use welkin_units::{Span, Usd};

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
    let (instance_type, name) = (place.instance_type.clone(), attempt.name.clone());
    let used = VmUse { instance_type, name, nodes, since, hourly, terms };
    // Whatever the clocks say: a lease that was accepted was there, and the minimum is owed for it.
    let to = to.max(since.after(Span::from_millis(1)));
    Some(MeterEvent::vm(who, since, to, used))
}

/// What the budget still allows.
pub(crate) enum Headroom {
    /// There is no budget.
    Endless,
    /// It lasts so long at the pace at which money is spent now.
    Lasts(Span),
    /// More is spent than there was.
    Passed(AttemptEnd),
}

/// How long the budget of a run lasts, leases that are not over included. Whoever watches a lease looks
/// again by then, so that the budget is passed by [`BUDGET_LOOK`] and not by a whole interval.
pub(crate) fn headroom(live: &Live) -> Headroom {
    let Some(budget) = live.job.policy.budget else { return Headroom::Endless };
    let (booked, left) = {
        let accounts = live.accounts();
        (accounts.spent(), accounts.left(&live.id.0).unwrap_or_default())
    };
    let open = open(live);
    let spent = booked + open.iter().map(|(cost, _)| *cost).sum();
    if spent > budget {
        return Headroom::Passed(AttemptEnd::OverBudget { wanted: spent, left });
    }
    let hourly: Usd = open.iter().map(|(_, hourly)| *hourly).sum();
    Headroom::Lasts(lasts(budget - spent, hourly))
}

/// How long `left` pays for at `hourly`.
fn lasts(left: Usd, hourly: Usd) -> Span {
    const HOUR_MS: i128 = 3_600_000;
    match i128::from(hourly.nanos()) {
        pace @ 1.. => {
            let millis = i128::from(left.nanos()) * HOUR_MS / pace;
            Span::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).max(BUDGET_LOOK)
        }
        _ => Span::MAX,
    }
}

/// What each lease that is not over has cost so far, and costs in an hour.
fn open(live: &Live) -> Vec<(Usd, Usd)> {
    let now = live.world.options.clock.now();
    let view = live.view.borrow();
    let cost = |attempt: &AttemptView| {
        let terms = live.world.options.terms_of(&attempt.place.location.provider);
        let token = live.token(attempt.id);
        let event = used(&live.id, live.task_name(attempt.id.task), attempt, &token, terms, now)?;
        Some((event.cost, attempt.place.hourly.times(u64::from(attempt.place.nodes))))
    };
    view.open().filter_map(cost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lasts_as_long_as_its_money() {
        let hour = Span::from_secs(3600);
        assert_eq!(lasts(Usd::from_cents(60), Usd::from_cents(60)), hour);
        assert_eq!(lasts(Usd::from_cents(1), Usd::from_cents(60)), Span::from_secs(60));
        assert_eq!(lasts(Usd::ZERO, Usd::from_cents(60)), BUDGET_LOOK);
        assert_eq!(lasts(Usd::from_cents(1), Usd::ZERO), Span::MAX);
    }
}
