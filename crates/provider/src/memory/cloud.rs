//! The cloud itself: construction and the [`Provider`] calls.

use super::clock::SimClock;
use super::layout::{Layout, Stock, StockKey};
use super::nastiness::Nastiness;
use super::node::MemoryNode;
use super::script::{Op, Script};
use super::shared::{Parts, Shared};
use super::stores::Stores;
use super::tree::{PlainTrees, TreeFormat};
use super::usage;
use super::workload::{Outcome, Work, Workload};
use crate::clock::UnixMillis;
use crate::error::{ErrorKind, ProviderError};
use crate::lease::{Lease, LeaseId, LeaseRequest, LeaseState, Owner, Tier, Usage};
use crate::node::Node;
use crate::port::{Capacity, Location, Nature, Provider, ProviderId};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use welkin_store::StoreAccess;
use welkin_units::Span;

/// A cloud in memory. Clones are the same cloud; it lives as long as one of them, whatever happens
/// to the brokers that use it.
#[derive(Clone)]
pub struct MemoryCloud {
    pub(super) shared: Arc<Shared>,
}

/// How to make a [`MemoryCloud`].
pub struct MemoryCloudBuilder(Parts);

impl MemoryCloud {
    /// A cloud called `name` whose faults follow from `seed`. It sells anything anywhere, behaves
    /// well, and its scripts succeed at once, until told otherwise.
    #[must_use]
    pub fn builder(name: &str, seed: u64, clock: SimClock) -> MemoryCloudBuilder {
        MemoryCloudBuilder(Parts {
            name: name.parse().expect("whoever makes a cloud in memory gives it the name of a provider"),
            seed,
            clock,
            nastiness: Nastiness::none(),
            layout: Layout::default(),
            script: Script::new(),
            stores: Stores::new(),
            trees: Arc::new(PlainTrees),
            workload: Arc::new(|_: &Work<'_>| Outcome::success(Span::ZERO)),
        })
    }
}

impl MemoryCloudBuilder {
    /// How badly it behaves.
    #[must_use]
    pub fn nastiness(mut self, nastiness: Nastiness) -> Self {
        self.0.nastiness = nastiness;
        self
    }

    /// Exact faults on top of the drawn ones.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.0.script = script;
        self
    }

    /// Sells in these regions only.
    #[must_use]
    pub fn regions<'a>(mut self, regions: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.layout.regions = regions.into_iter().map(str::to_owned).collect();
        self
    }

    /// Sells these machine types only.
    #[must_use]
    pub fn types<'a>(mut self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.layout.types = types.into_iter().map(str::to_owned).collect();
        self
    }

    /// Limits how many there are of something.
    #[must_use]
    pub fn stock(mut self, key: StockKey, stock: Stock) -> Self {
        self.0.layout.stock.insert(key, stock);
        self
    }

    /// Object stores shared with other clouds.
    #[must_use]
    pub fn stores(mut self, stores: Stores) -> Self {
        self.0.stores = stores;
        self
    }

    /// How published data lie in the stores.
    #[must_use]
    pub fn trees(mut self, trees: Arc<dyn TreeFormat>) -> Self {
        self.0.trees = trees;
        self
    }

    /// What scripts do.
    #[must_use]
    pub fn workload(mut self, workload: impl Workload + 'static) -> Self {
        self.0.workload = Arc::new(workload);
        self
    }

    /// The cloud.
    #[must_use]
    pub fn build(self) -> MemoryCloud {
        MemoryCloud { shared: Arc::new(Shared::new(self.0)) }
    }
}

#[async_trait]
impl Provider for MemoryCloud {
    fn name(&self) -> &ProviderId {
        &self.shared.name
    }

    fn nature(&self) -> Nature {
        Nature::Emulated
    }

    async fn capacity(
        &self,
        location: &Location,
        instance_type: &str,
        tier: Tier,
    ) -> Result<Capacity, ProviderError> {
        let subject = format!("{instance_type} at {location}");
        let passage = self.shared.enter(Op::Capacity, subject.clone()).await?;
        let answer = self.believed(location, instance_type, tier, passage.lie);
        let answer = answer.map_err(|(kind, words)| self.shared.error(Op::Capacity, &subject, kind, words));
        self.shared.leave(passage, answer).await
    }

    async fn acquire(&self, request: &LeaseRequest) -> Result<Lease, ProviderError> {
        let shared = &self.shared;
        let passage = shared.enter(Op::Acquire, request.token.0.clone()).await?;
        if let Some(delay) = passage.late {
            let (cloud, request, shortage) = (Arc::clone(shared), request.clone(), passage.shortage);
            tokio::spawn(async move {
                cloud.clock.sleep(delay).await;
                // Nobody is left to hear of a refusal.
                let _ = cloud.acquire(&request, shortage);
            });
            // Replaced on the way out by the failure that the caller sees.
            let unheard = self.shared.error(Op::Acquire, "", ErrorKind::Transient, "");
            return self.shared.leave(passage, Err(unheard)).await;
        }
        let answer = shared.acquire(request, passage.shortage);
        shared.leave(passage, answer).await
    }

    async fn observe(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        let passage = self.shared.enter(Op::Observe, lease.0.clone()).await?;
        let view = view(self.shared.now(), passage.stale);
        let answer = match self.shared.state().record(lease) {
            Some(record) => Ok(record.lease_at(view.max(record.started))),
            None => Err(self.unknown(Op::Observe, lease)),
        };
        self.shared.leave(passage, answer).await
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        let passage = self.shared.enter(Op::Release, lease.0.clone()).await?;
        let now = self.shared.now();
        let answer = match self.shared.state().record(lease) {
            Some(record) => {
                record.release(now);
                Ok(())
            }
            None => Err(self.unknown(Op::Release, lease)),
        };
        self.shared.changed.notify_waiters();
        self.shared.leave(passage, answer).await
    }

    fn stops(&self) -> bool {
        true
    }

    async fn stop(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        let passage = self.shared.enter(Op::StopLease, lease.0.clone()).await?;
        let now = self.shared.now();
        let answer = self.shared.state().stop(lease, now).ok_or_else(|| self.unknown(Op::StopLease, lease));
        self.shared.changed.notify_waiters();
        self.shared.leave(passage, answer).await
    }

    async fn start(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        let passage = self.shared.enter(Op::StartLease, lease.0.clone()).await?;
        let now = self.shared.now();
        let answer = match self.shared.state().start(lease, now, passage.shortage) {
            None => Err(self.unknown(Op::StartLease, lease)),
            Some(Err(kind)) => {
                let words = "the place has no such machines left";
                Err(self.shared.error(Op::StartLease, &lease.0, kind, words))
            }
            Some(Ok(lease)) => Ok(lease),
        };
        self.shared.leave(passage, answer).await
    }

    async fn list(&self, owner: &Owner) -> Result<Vec<Lease>, ProviderError> {
        let passage = self.shared.enter(Op::List, owner.0.clone()).await?;
        let view = view(self.shared.now(), passage.stale);
        let leases = {
            let state = self.shared.state();
            let own = state.records.iter().filter(|record| record.request.owner == *owner);
            let seen = own.filter(|record| record.started <= view).map(|record| record.lease_at(view));
            seen.filter(|lease| !lease.state.is_over()).collect()
        };
        self.shared.leave(passage, Ok(leases)).await
    }

    async fn node(&self, lease: &LeaseId, rank: u32) -> Result<Arc<dyn Node>, ProviderError> {
        let subject = format!("{lease}/{rank}");
        let passage = self.shared.enter(Op::Node, subject.clone()).await?;
        let now = self.shared.now();
        let fail = |kind, words: &str| Err(self.shared.error(Op::Node, &subject, kind, words));
        let answer = match self.shared.state().record(lease) {
            None => Err(self.unknown(Op::Node, lease)),
            Some(record) => match record.state_at(now) {
                LeaseState::Pending => fail(ErrorKind::Transient, "the lease is not ready yet"),
                LeaseState::Lost { .. } | LeaseState::Released => {
                    fail(ErrorKind::LeaseLost, "the lease is over")
                }
                LeaseState::Stopped => fail(ErrorKind::LeaseLost, "the machines are stopped"),
                _ if rank >= record.request.nodes => fail(ErrorKind::NotFound, "the gang has no such rank"),
                _ => {
                    Ok(Arc::new(MemoryNode::new(Arc::clone(&self.shared), lease.clone(), rank))
                        as Arc<dyn Node>)
                }
            },
        };
        self.shared.leave(passage, answer).await
    }

    async fn store(&self, location: &Location, owner: &Owner) -> Result<StoreAccess, ProviderError> {
        let passage = self.shared.enter(Op::Store, format!("{location} of {owner}")).await?;
        let answer = self.store_of(location, owner);
        self.shared.leave(passage, answer).await
    }

    async fn usage(&self, owner: &Owner, since: UnixMillis) -> Result<Vec<Usage>, ProviderError> {
        let passage = self.shared.enter(Op::Usage, owner.0.clone()).await?;
        let view = view(self.shared.now(), passage.stale);
        let feed = {
            let state = self.shared.state();
            let own = state.records.iter().filter(|record| record.request.owner == *owner);
            own.flat_map(|record| usage::intervals(record, view)).filter(|usage| usage.to > since).collect()
        };
        self.shared.leave(passage, Ok(feed)).await
    }
}

impl MemoryCloud {
    fn unknown(&self, op: Op, lease: &LeaseId) -> ProviderError {
        self.shared.error(op, &lease.0, ErrorKind::NotFound, "there is no such lease")
    }

    fn believed(
        &self,
        location: &Location,
        instance_type: &str,
        tier: Tier,
        lie: bool,
    ) -> Result<Capacity, (ErrorKind, String)> {
        let state = self.shared.state();
        self.shared.known(&state, &location.provider, &location.region, Some(instance_type))?;
        let Some(stock) = state.layout.stock.get(&StockKey::new(&location.region, instance_type, tier))
        else {
            return Ok(if lie { Capacity::Exhausted } else { Capacity::Unknown });
        };
        let used = state.in_use(&location.region, instance_type, tier);
        let left = |limit: Option<u32>| limit.is_none_or(|limit| used < limit);
        let likely = left(stock.capacity) && left(stock.quota_shown.or(stock.quota));
        Ok(if likely == lie { Capacity::Exhausted } else { Capacity::Likely })
    }

    fn store_of(&self, location: &Location, owner: &Owner) -> Result<StoreAccess, ProviderError> {
        let known = self.shared.known(&self.shared.state(), &location.provider, &location.region, None);
        known.map_err(|(kind, words)| {
            self.shared.error(Op::Store, &format!("{location} of {owner}"), kind, words)
        })?;
        Ok(self.shared.stores.of(&self.shared.name, &location.region, &owner.0))
    }
}

/// The moment that a stale answer shows.
fn view(now: UnixMillis, stale: Span) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(stale.millis()))
}

impl fmt::Debug for MemoryCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCloud").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
