//! What the cloud, its nodes and its running steps share.

use super::call::Call;
use super::clock::SimClock;
use super::fate::Fate;
use super::layout::{Layout, StockKey};
use super::nastiness::Nastiness;
use super::record::Record;
use super::rng::Rng;
use super::script::{Op, Script};
use super::step::StepRecord;
use super::stores::Stores;
use super::tree::TreeFormat;
use super::workload::Workload;
use crate::clock::{Clock, UnixMillis};
use crate::error::{ErrorKind, ProviderError};
use crate::lease::{Lease, LeaseId, LeaseRequest, Tier};
use crate::node::StepId;
use crate::port::ProviderId;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use welkin_units::Span;

/// The parts that never change, around the one lock.
pub(super) struct Shared {
    pub(super) name: ProviderId,
    pub(super) seed: u64,
    pub(super) clock: SimClock,
    pub(super) nastiness: Nastiness,
    pub(super) stores: Stores,
    pub(super) trees: Arc<dyn TreeFormat>,
    pub(super) workload: Arc<dyn Workload>,
    /// Woken whenever something changed that was not foreseeable from the clock.
    pub(super) changed: Notify,
    state: Mutex<State>,
}

/// Everything that changes.
pub(super) struct State {
    pub(super) layout: Layout,
    pub(super) script: Script,
    pub(super) records: Vec<Record>,
    pub(super) steps: BTreeMap<NodeKey, BTreeMap<StepId, StepRecord>>,
    pub(super) homes: BTreeMap<NodeKey, BTreeMap<String, Bytes>>,
    pub(super) counts: BTreeMap<Op, u64>,
    pub(super) calls: Vec<Call>,
    /// Control-plane calls of the last second, for the rate limit.
    pub(super) recent: VecDeque<UnixMillis>,
    /// Until when the credentials are expired.
    pub(super) expired_until: UnixMillis,
}

/// One node for ever.
pub(super) type NodeKey = (LeaseId, u32);

/// What a cloud is made of, besides its lock.
pub(super) struct Parts {
    pub(super) name: ProviderId,
    pub(super) seed: u64,
    pub(super) clock: SimClock,
    pub(super) nastiness: Nastiness,
    pub(super) layout: Layout,
    pub(super) script: Script,
    pub(super) stores: Stores,
    pub(super) trees: Arc<dyn TreeFormat>,
    pub(super) workload: Arc<dyn Workload>,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        let state = State {
            layout: parts.layout,
            script: parts.script,
            records: Vec::new(),
            steps: BTreeMap::new(),
            homes: BTreeMap::new(),
            counts: BTreeMap::new(),
            calls: Vec::new(),
            recent: VecDeque::new(),
            expired_until: UnixMillis(0),
        };
        Self {
            name: parts.name,
            seed: parts.seed,
            clock: parts.clock,
            nastiness: parts.nastiness,
            stores: parts.stores,
            trees: parts.trees,
            workload: parts.workload,
            changed: Notify::new(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The state, with everything done that was due by now.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        // A panic elsewhere is a failed test already; its neighbours may still look.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for record in &mut state.records {
            record.settle(now);
        }
        state
    }

    pub(super) fn error(
        &self,
        op: Op,
        subject: &str,
        kind: ErrorKind,
        message: impl Into<String>,
    ) -> ProviderError {
        ProviderError::new(&self.name, format!("{op} {subject}"), kind, message)
    }

    /// The idempotent heart of acquire: the lease of this token, made now if there is none.
    /// `shortage` refuses a new lease, but never hides one that exists.
    pub(super) fn acquire(
        &self,
        request: &LeaseRequest,
        shortage: Option<ErrorKind>,
    ) -> Result<Lease, ProviderError> {
        let now = self.now();
        let mut state = self.state();
        let refuse = |kind, message: &str| Err(self.error(Op::Acquire, &request.token.0, kind, message));
        if let Some(record) = state.records.iter().find(|record| record.request.token == request.token) {
            return if record.request == *request {
                Ok(record.lease_at(now))
            } else {
                refuse(ErrorKind::Conflict, "the token was used for another request")
            };
        }
        if request.nodes == 0 {
            return refuse(ErrorKind::Invalid, "a gang has at least one node");
        }
        let place = &request.location;
        if let Err(error) =
            self.known(&state, &place.provider, &place.region, Some(&request.machine.instance_type))
        {
            return refuse(error.0, &error.1);
        }
        match shortage.or_else(|| state.shortage(request)) {
            Some(ErrorKind::QuotaExceeded) => {
                return refuse(ErrorKind::QuotaExceeded, "over the account's quota");
            }
            Some(kind) => return refuse(kind, "the place has no such machines left"),
            None => {}
        }
        let nth = state.records.len() as u64 + 1;
        let fate = state.script.fate_of(nth);
        let mut rng = Rng::keyed(self.seed, "skew", nth);
        let skew = rng.span(Span::ZERO, self.nastiness.clock_skew_max);
        let mut record = Record {
            nth,
            id: LeaseId(format!("{}-lease-{nth}", self.name)),
            started: now,
            stopped: None,
            before: Vec::new(),
            fate: fate.unwrap_or_else(|| Fate::draw(self.seed, nth, request.tier, &self.nastiness)),
            skew: if rng.chance(0.5) { (skew, Span::ZERO) } else { (Span::ZERO, skew) },
            last_sign: now,
            waiting: 0,
            end: None,
            request: request.clone(),
        };
        record.settle(now);
        let lease = record.lease_at(now);
        state.records.push(record);
        Ok(lease)
    }

    /// Whether the cloud has this region and machine type at all.
    pub(super) fn known(
        &self,
        state: &State,
        provider: &str,
        region: &str,
        instance_type: Option<&str>,
    ) -> Result<(), (ErrorKind, String)> {
        let Layout { regions, types, .. } = &state.layout;
        let sells =
            |set: &std::collections::BTreeSet<String>, name: &str| set.is_empty() || set.contains(name);
        if self.name != provider {
            return Err((ErrorKind::Invalid, format!("this is {}, not {provider}", self.name)));
        }
        if !sells(regions, region) {
            return Err((ErrorKind::NotFound, format!("there is no region {region}")));
        }
        match instance_type.filter(|name| !sells(types, name)) {
            Some(name) => Err((ErrorKind::NotFound, format!("there is no machine type {name}"))),
            None => Ok(()),
        }
    }
}

impl State {
    pub(super) fn record(&mut self, id: &LeaseId) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == *id)
    }

    /// Stops the machines of a lease: their steps are gone, what is in their homes stays.
    pub(super) fn stop(&mut self, id: &LeaseId, now: UnixMillis) -> Option<Lease> {
        let record = self.record(id)?;
        record.stop(now);
        let lease = record.lease_at(now);
        self.steps.retain(|(of, _), _| of != id);
        Some(lease)
    }

    /// Starts them, if there is room or they are there.
    pub(super) fn start(
        &mut self,
        id: &LeaseId,
        now: UnixMillis,
        shortage: Option<ErrorKind>,
    ) -> Option<Result<Lease, ErrorKind>> {
        let record = self.record(id)?;
        let (request, there) = (record.request.clone(), record.stopped.is_none() || record.is_over());
        if let Some(kind) = shortage.or_else(|| self.shortage(&request)).filter(|_| !there) {
            return Some(Err(kind));
        }
        let record = self.record(id)?;
        record.start(now);
        Some(Ok(record.lease_at(now)))
    }

    pub(super) fn step(&mut self, node: &NodeKey, id: &StepId) -> Option<&mut StepRecord> {
        self.steps.get_mut(node)?.get_mut(id)
    }

    /// Nodes of this kind that live now.
    pub(super) fn in_use(&self, region: &str, instance_type: &str, tier: Tier) -> u32 {
        let same = |record: &&Record| {
            let request = &record.request;
            record.is_there()
                && request.location.region == region
                && request.machine.instance_type == instance_type
                && request.tier == tier
        };
        self.records.iter().filter(same).map(|record| record.request.nodes).sum()
    }

    pub(super) fn shortage(&self, request: &LeaseRequest) -> Option<ErrorKind> {
        let (region, name) = (&request.location.region, &request.machine.instance_type);
        let stock = self.layout.stock.get(&StockKey::new(region, name, request.tier))?;
        let wanted = self.in_use(region, name, request.tier).saturating_add(request.nodes);
        if stock.quota.is_some_and(|quota| wanted > quota) {
            Some(ErrorKind::QuotaExceeded)
        } else if stock.capacity.is_some_and(|capacity| wanted > capacity) {
            Some(ErrorKind::NoCapacity)
        } else {
            None
        }
    }
}
