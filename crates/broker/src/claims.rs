//! What the leases of a run take of its project, as it follows from what goes on record: in the same write.
//!
//! A part of a cluster takes nothing: its machines are those of the run that holds the cluster. What counts is what is asked
//! for, not what a run says of itself: one that says it is on a cluster and asks for machines of its own takes those.

use crate::live::{Fact, Live};
use welkin_ledger::EntryKind;
use welkin_placement::Placement;
use welkin_provider::UnixMillis;
use welkin_records::{AttemptId, Change, Claim, LeaseClaim, Record};
use welkin_units::Usd;

/// What changes with these facts, which are in the state already.
pub(crate) fn of(live: &Live, facts: &[Fact], at: UnixMillis) -> Vec<Change> {
    let holds = facts.iter().any(|fact| matches!(fact, Fact::Booked(EntryKind::Hold { .. })));
    let records = facts.iter().filter_map(|fact| match fact {
        Fact::Record(record) => Some(record),
        _ => None,
    });
    let change = |record: &Record| {
        let attempt = record.attempt()?;
        if is_part(placed(live, attempt)?) {
            return None;
        }
        let (attempt, claim) = match record {
            Record::AttemptBegan { attempt, .. } if holds => (*attempt, Some(asked(placed(live, *attempt)?))),
            Record::LeaseRequested { attempt, started, .. } | Record::LeaseStarted { attempt, started } => {
                (*attempt, Some(LeaseClaim { since: Some(*started), ..asked(placed(live, *attempt)?) }))
            }
            Record::LeaseStarting { attempt } => (*attempt, Some(asked(placed(live, *attempt)?))),
            // It can be started again: it is a lease still.
            Record::LeaseStopped { attempt, .. } | Record::StartRefused { attempt, .. } => {
                (*attempt, Some(LeaseClaim::default()))
            }
            Record::LeaseRefused { attempt }
            | Record::LeaseReleased { attempt }
            | Record::LeaseLost { attempt, .. } => (*attempt, None),
            _ => return None,
        };
        Some(claimed(live, attempt, claim, at, false))
    };
    records.filter_map(change).collect()
}

/// Whether a place is a part of the machines of a cluster, which that has taken already: providers know them by this word.
#[must_use]
pub fn is_part(place: &Placement) -> bool {
    place.node.instance_type.starts_with("cluster/")
}

/// What a lease takes from now on.
pub(crate) fn claimed(
    live: &Live,
    attempt: AttemptId,
    claim: Option<LeaseClaim>,
    at: UnixMillis,
    judged: bool,
) -> Change {
    let lease = Some(live.token(attempt).0);
    Change::Claimed { run: live.id.clone(), at, lease, claim: claim.map(Claim::Lease), judged }
}

/// What a place takes that is asked for machines.
pub(crate) fn asked(place: &Placement) -> LeaseClaim {
    let nodes = u64::from(place.nodes);
    let accelerators = place
        .node
        .accelerator
        .as_ref()
        .map(|(name, count)| (name.clone(), u64::from(*count).saturating_mul(nodes)));
    LeaseClaim {
        expected: place.cost.max(Usd::ZERO),
        hourly: place.hourly.times(nodes).max(Usd::ZERO),
        since: None,
        accelerators,
    }
}

fn placed(live: &Live, attempt: AttemptId) -> Option<&Placement> {
    live.attempt(attempt).ok().map(|view| live.placement(&view))
}
