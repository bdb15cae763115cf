//! Looking into the cloud, and pulling its levers, from a test.

use super::call::Call;
use super::cloud::MemoryCloud;
use super::fate::Loss;
use super::layout::{Stock, StockKey};
use super::script::{Fault, Op};
use super::stores::Stores;
use crate::clock::UnixMillis;
use crate::lease::{Lease, LeaseId, Owner};
use crate::node::{Event, EventKind, StepId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use welkin_store::{Endpoint, StoreAccess};
use welkin_units::{Span, Usd};

/// What the cloud knows and no provider tells. Nothing here is logged, delayed or stale.
impl MemoryCloud {
    /// Every lease ever made, in the order they were made, as it is now.
    #[must_use]
    pub fn leases(&self) -> Vec<Lease> {
        let now = self.shared.now();
        self.shared.state().records.iter().map(|record| record.lease_at(now)).collect()
    }

    /// Leases that still cost.
    #[must_use]
    pub fn billable(&self) -> Vec<Lease> {
        self.leases().into_iter().filter(|lease| !lease.state.is_over()).collect()
    }

    /// What all leases have cost up to now, at their list price by the millisecond.
    #[must_use]
    pub fn cost(&self) -> Usd {
        let now = self.shared.now();
        self.shared.state().records.iter().map(|record| record.cost(now)).sum()
    }

    /// Every call that arrived, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// How many calls of a kind arrived: the next one's number less one.
    #[must_use]
    pub fn count(&self, op: Op) -> u64 {
        self.shared.state().counts.get(&op).copied().unwrap_or(0)
    }

    /// Every step that was ever started, with its node and its events so far, by lease, rank and id.
    #[must_use]
    pub fn steps(&self) -> BTreeMap<(LeaseId, u32, StepId), Vec<Event>> {
        let state = self.shared.state();
        let steps = state.steps.iter().flat_map(|((lease, rank), steps)| {
            steps.iter().map(|(id, step)| ((lease.clone(), *rank, id.clone()), step.events.clone()))
        });
        steps.collect()
    }

    /// An owner's store in a region, without any of the faults of [`crate::Provider::store`].
    #[must_use]
    pub fn bucket(&self, region: &str, owner: &Owner) -> Arc<dyn Endpoint> {
        let stores = &self.shared.stores;
        stores.at(&self.bucket_location(region, owner)).expect("it is made when it is asked for")
    }

    /// Where that store is, made if nobody has asked for it yet.
    #[must_use]
    pub fn bucket_location(&self, region: &str, owner: &Owner) -> StoreAccess {
        self.shared.stores.of(&self.shared.name, region, &owner.0)
    }

    /// All stores that the nodes can reach.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.shared.stores.clone()
    }

    /// What must never be and is: a token with two leases, a step that ran on two nodes, events out
    /// of order or after the last. Empty on a sound run. Leases that are left over are not in it
    /// while work is under way: see [`MemoryCloud::billable`].
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let state = self.shared.state();
        let mut found = Vec::new();
        let mut tokens = BTreeSet::new();
        for record in &state.records {
            if !tokens.insert(&record.request.token) {
                found.push(format!("token {} made two leases", record.request.token));
            }
        }
        let mut ran: BTreeMap<&StepId, &(LeaseId, u32)> = BTreeMap::new();
        for (node, steps) in &state.steps {
            for (id, step) in steps {
                if let Some(other) = ran.insert(id, node) {
                    found.push(format!("step {id} ran on {}/{} and {}/{}", other.0, other.1, node.0, node.1));
                }
                found.extend(disorder(&step.events).map(|fault| format!("step {id}: {fault}")));
            }
        }
        found
    }

    /// The next call of `op` suffers `fault`.
    pub fn inject(&self, op: Op, fault: Fault) {
        let mut state = self.shared.state();
        let nth = state.counts.get(&op).copied().unwrap_or(0) + 1;
        state.script.add(op, nth, fault);
    }

    /// Takes a lease back after `notice` (zero = now, unannounced). What is over stays over.
    pub fn preempt(&self, lease: &LeaseId, notice: Span) {
        self.lose(lease, notice, true, "reclaimed for a customer who pays more");
    }

    /// Breaks the machines of a lease, now.
    pub fn crash(&self, lease: &LeaseId, reason: &str) {
        self.lose(lease, Span::ZERO, false, reason);
    }

    /// Lets the credentials expire, now, for `outage`.
    pub fn expire_credentials(&self, outage: Span) {
        let until = self.shared.now().after(outage);
        self.shared.state().expired_until = until;
    }

    /// Changes how much there is of something.
    pub fn restock(&self, key: StockKey, stock: Stock) {
        self.shared.state().layout.stock.insert(key, stock);
    }

    fn lose(&self, lease: &LeaseId, notice: Span, preempted: bool, reason: &str) {
        let now = self.shared.now();
        if let Some(record) = self.shared.state().record(lease) {
            let after = now.after(notice).since(record.started);
            record.fate.loss = Some(Loss { after, preempted, notice, reason: reason.to_owned() });
        }
        self.shared.changed.notify_waiters();
    }
}

/// The first thing wrong with a sequence of events.
fn disorder(events: &[Event]) -> Option<String> {
    if events.first().is_none_or(|event| event.kind != EventKind::Started) {
        return Some("it does not begin with its start".to_owned());
    }
    let mut last: Option<(UnixMillis, bool)> = None;
    for (seq, event) in (0..).zip(events) {
        if event.seq != seq {
            return Some(format!("event {seq} is numbered {}", event.seq));
        }
        match last {
            Some((_, true)) => return Some(format!("event {seq} comes after the last")),
            Some((at, _)) if event.at < at => {
                return Some(format!("event {seq} is earlier than the one before"));
            }
            _ => last = Some((event.at, matches!(event.kind, EventKind::Finished { .. }))),
        }
    }
    None
}
