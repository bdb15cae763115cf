//! The usage feed, computed from the lease records alone.
//!
//! Each lease is metered in intervals of one minute from its start. An interval appears when it is
//! whole or when the lease is over, and never changes afterwards. The first one holds at least the
//! minimum that clouds bill for a machine, however short its life was.

use super::Machine;
use super::error::MachineError;
use super::record::{Record, read_all};
use std::collections::BTreeMap;
use welkin_provider::{LeaseId, Owner, Token, UnixMillis, Usage};
use welkin_units::Span;

/// Length of a metered interval.
const INTERVAL: Span = Span::from_secs(60);

/// The meter of machines: nodes × seconds.
const METER: &str = "vm.seconds";

impl Machine {
    /// Intervals of the leases of `owner` that end after `since`, by their end.
    pub(crate) fn usage(&self, owner: &Owner, since: UnixMillis) -> Result<Vec<Usage>, MachineError> {
        // A lease that is archived between the two reads is seen twice rather than never.
        let mut records = BTreeMap::new();
        for folder in [self.layout.live(), self.layout.over()] {
            records.extend(read_all(&folder)?.into_iter().map(|record| (record.id.clone(), record)));
        }
        let now = self.now();
        let mut usage: Vec<Usage> = records
            .values()
            .filter(|record| record.request.owner == *owner)
            .flat_map(Metered::times)
            .flat_map(|time| intervals(&time, now, self.min_billing))
            .filter(|interval| interval.to > since)
            .collect();
        usage.sort_by(|a, b| (a.to, &a.lease, a.from).cmp(&(b.to, &b.lease, b.from)));
        Ok(usage)
    }
}

/// What of a lease is metered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metered<'a> {
    pub(crate) lease: &'a LeaseId,
    pub(crate) token: &'a Token,
    pub(crate) nodes: u32,
    pub(crate) started: UnixMillis,
    pub(crate) ended: Option<UnixMillis>,
}

impl<'a> Metered<'a> {
    /// A lease costs as often as it was started.
    fn times(record: &'a Record) -> impl Iterator<Item = Self> + use<'a> {
        let before = record.before.iter().map(|(from, to)| (*from, Some(*to)));
        before.chain([(record.started, record.ended)]).map(|(started, ended)| Self {
            lease: &record.id,
            token: &record.request.token,
            nodes: record.request.nodes,
            started,
            ended,
        })
    }
}

/// The intervals of one lease until `now`.
pub(crate) fn intervals(record: &Metered<'_>, now: UnixMillis, minimum: Span) -> Vec<Usage> {
    let nodes = u64::from(record.nodes);
    let until = record.ended.unwrap_or(now);
    let mut usage = Vec::new();
    let mut from = record.started;
    loop {
        let whole = from.after(INTERVAL);
        let to = if whole <= until {
            whole
        } else if record.ended.is_some() && (from < until || usage.is_empty()) {
            // A lease that ended in the millisecond it began still has an interval to bill.
            until.max(from.after(Span::from_millis(1)))
        } else {
            return usage;
        };
        let billed = if usage.is_empty() { to.since(from).max(minimum) } else { to.since(from) };
        usage.push(Usage {
            lease: record.lease.clone(),
            token: record.token.clone(),
            meter: METER.to_owned(),
            from,
            to,
            quantity_milli: billed.millis().saturating_mul(nodes),
        });
        from = to;
        if to >= until && record.ended.is_some() {
            return usage;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Boot, Phase};
    use super::*;
    use welkin_provider::{LeaseRequest, Location, ProviderId, Tier};
    use welkin_units::Usd;

    fn record(nodes: u32, ended: Option<u64>) -> Record {
        let location =
            Location { provider: ProviderId::from_static("aws"), region: "us-east-1".into(), zone: None };
        let request = LeaseRequest {
            token: Token("t".into()),
            owner: Owner("o".into()),
            location,
            machine: welkin_provider::MachineSpec::of_type("m5"),
            tier: Tier::OnDemand,
            nodes,
            waits: false,
            hourly: Usd::ZERO,
            abandon_after: Span::from_secs(60),
            labels: BTreeMap::new(),
        };
        Record {
            version: Record::version(),
            id: LeaseId("l".into()),
            request,
            phase: Phase::Ready,
            started: UnixMillis(1_000),
            before: Vec::new(),
            boots: UnixMillis(1_000),
            deadline: None,
            boot: Boot::Normal,
            preemption: None,
            ended: ended.map(UnixMillis),
            nodes: Vec::new(),
            on: None,
        }
    }

    fn metered(record: &Record, now: u64) -> Vec<(u64, u64, u64)> {
        Metered::times(record)
            .flat_map(|time| intervals(&time, UnixMillis(now), Span::from_secs(60)))
            .map(|usage| (usage.from.0, usage.to.0, usage.quantity_milli))
            .collect()
    }

    #[test]
    fn a_short_life_costs_the_minimum() {
        assert_eq!(metered(&record(3, Some(6_000)), 9_000), [(1_000, 6_000, 180_000)]);
        assert_eq!(metered(&record(1, Some(1_000)), 9_000), [(1_000, 1_001, 60_000)]);
    }

    #[test]
    fn each_time_that_machines_were_there_is_billed_by_itself() {
        let mut record = record(1, None);
        record.before = vec![(UnixMillis(1_000), UnixMillis(6_000))];
        (record.started, record.ended) = (UnixMillis(500_000), Some(UnixMillis(600_000)));
        assert_eq!(
            metered(&record, 999_000),
            [(1_000, 6_000, 60_000), (500_000, 560_000, 60_000), (560_000, 600_000, 40_000)]
        );
    }

    #[test]
    fn a_live_lease_shows_whole_intervals_only() {
        assert_eq!(metered(&record(1, None), 60_999), []);
        assert_eq!(
            metered(&record(2, None), 130_000),
            [(1_000, 61_000, 120_000), (61_000, 121_000, 120_000)]
        );
    }

    #[test]
    fn intervals_never_change_and_add_up() {
        let live = metered(&record(1, None), 200_000);
        let over = metered(&record(1, Some(200_500)), 999_000);
        assert_eq!(over[..live.len()], live);
        assert_eq!(over.iter().map(|interval| interval.2).sum::<u64>(), 199_500);
        let exact = metered(&record(1, Some(121_000)), 999_000);
        assert_eq!(exact.len(), 2);
    }
}
