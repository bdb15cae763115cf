//! A provider around a sound cloud that breaks one promise.

use super::flaw::Flaw;
use super::node::BrokenNode;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use welkin_provider::memory::MemoryCloud;
use welkin_provider::{
    Capacity, ErrorKind, Lease, LeaseId, LeaseRequest, LeaseState, Location, Nature, Node, NodeAddress,
    Owner, Provider, ProviderError, ProviderId, StoreAccess, Tier, Token, UnixMillis, Usage,
};

type Answer<T> = Result<T, ProviderError>;

/// Why the locks here cannot be poisoned.
const UNBROKEN: &str = "nothing panics while it holds the lock";

#[derive(Debug)]
pub(crate) struct Broken {
    cloud: MemoryCloud,
    flaw: Flaw,
    calls: AtomicU64,
    acquired: Mutex<BTreeMap<Token, (LeaseRequest, LeaseId)>>,
}

/// Between a token and what makes it another one for the cloud.
const MARK: char = '#';

impl Broken {
    pub(crate) fn new(cloud: MemoryCloud, flaw: Flaw) -> Self {
        Self { cloud, flaw, calls: AtomicU64::new(0), acquired: Mutex::default() }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn count(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new("aws", "broken", kind, format!("{:?}", self.flaw))
    }

    /// Asks the cloud under a token that it has never seen.
    async fn acquire_anew(&self, request: &LeaseRequest) -> Answer<Lease> {
        let token = Token(format!("{}{MARK}{}", request.token, self.count()));
        self.cloud.acquire(&LeaseRequest { token, ..request.clone() }).await
    }

    /// Idempotent, but looks and leaps with a pause in between.
    async fn acquire_racing(&self, request: &LeaseRequest) -> Answer<Lease> {
        let known = self.acquired.lock().expect(UNBROKEN).get(&request.token).cloned();
        tokio::task::yield_now().await;
        match known {
            Some((same, id)) if same == *request => self.cloud.observe(&id).await,
            Some(_) => Err(self.error(ErrorKind::Conflict)),
            None => {
                let lease = self.acquire_anew(request).await?;
                let entry = (request.clone(), lease.id.clone());
                self.acquired.lock().expect(UNBROKEN).insert(request.token.clone(), entry);
                Ok(lease)
            }
        }
    }

    async fn acquire_broken(&self, request: &LeaseRequest) -> Answer<Lease> {
        let cloud = &self.cloud;
        let mut wanted = request.clone();
        match self.flaw {
            Flaw::ForgetsTokens => return self.acquire_anew(request).await,
            Flaw::ForgetsTokensAtOnce => return self.acquire_racing(request).await,
            Flaw::ForgetsTokensAfterTheEnd => {
                let lease = cloud.acquire(request).await?;
                return if lease.state.is_over() { self.acquire_anew(request).await } else { Ok(lease) };
            }
            Flaw::TakesAnyRequestForAToken => {
                let known = cloud.leases().into_iter().find(|lease| lease.token == request.token);
                return if let Some(lease) = known { Ok(lease) } else { cloud.acquire(request).await };
            }
            Flaw::TakesUnknownTypes => wanted.machine.instance_type = "m5.large".to_owned(),
            Flaw::TakesEmptyGangs => wanted.nodes = wanted.nodes.max(1),
            _ => {}
        }
        let answer = cloud.acquire(&wanted).await;
        match answer {
            Err(error) if self.is(Flaw::MisnamesUnknownTypes) && error.kind == ErrorKind::NotFound => {
                Err(self.error(ErrorKind::NoCapacity))
            }
            answer => answer,
        }
    }

    /// Some lease, in place of one that there is not.
    fn any(&self) -> Answer<Lease> {
        self.cloud.leases().into_iter().next().ok_or_else(|| self.error(ErrorKind::NotFound))
    }

    /// The lease as this provider tells it.
    fn told(&self, mut lease: Lease) -> Lease {
        lease.token = as_asked(&lease.token);
        match (self.flaw, &lease.state) {
            (Flaw::ForgetsOwners, _) => lease.owner = Owner("nobody".to_owned()),
            (Flaw::CountsSeconds, _) => lease.started = UnixMillis(lease.started.0 / 1000),
            (Flaw::IsNeverReady, LeaseState::Ready) => {
                lease.state = LeaseState::Pending;
                lease.nodes = vec![];
            }
            (Flaw::IsReadyWithoutNodes, _) => lease.nodes = vec![],
            (Flaw::SharesAddresses, _) => {
                let same =
                    |node: &NodeAddress| NodeAddress { address: "10.0.0.1".to_owned(), ..node.clone() };
                lease.nodes = lease.nodes.iter().map(same).collect();
            }
            (Flaw::MovesTheEnd, LeaseState::Released) => {
                lease.ended = lease.ended.map(|at| UnixMillis(at.0 + self.count()));
            }
            (Flaw::BillsWhileStopped, LeaseState::Stopped) => lease.ended = None,
            (Flaw::CallsPreemptionsCrashes, LeaseState::Lost { reason, .. }) => {
                lease.state = LeaseState::Lost { reason: reason.clone(), preempted: false };
            }
            _ => {}
        }
        lease
    }

    fn blame<T>(&self, answer: Answer<T>) -> Answer<T> {
        answer.map_err(|error| match self.flaw {
            Flaw::BlamesAnother => ProviderError { provider: "gcp".to_owned(), ..error },
            Flaw::LosesUnknownLeases if error.message.contains("no such lease") => {
                ProviderError { kind: ErrorKind::LeaseLost, ..error }
            }
            _ => error,
        })
    }
}

#[async_trait]
impl Provider for Broken {
    fn name(&self) -> &ProviderId {
        self.cloud.name()
    }

    fn nature(&self) -> Nature {
        self.cloud.nature()
    }

    async fn capacity(&self, location: &Location, instance_type: &str, tier: Tier) -> Answer<Capacity> {
        if self.is(Flaw::HangsOnCapacity) {
            std::future::pending::<()>().await;
        }
        self.cloud.capacity(location, instance_type, tier).await
    }

    async fn acquire(&self, request: &LeaseRequest) -> Answer<Lease> {
        self.blame(self.acquire_broken(request).await).map(|lease| self.told(lease))
    }

    async fn observe(&self, lease: &LeaseId) -> Answer<Lease> {
        let lease = self.blame(self.cloud.observe(lease).await)?;
        match lease.state {
            LeaseState::Released if self.is(Flaw::ForgetsReleased) => Err(self.error(ErrorKind::NotFound)),
            _ => Ok(self.told(lease)),
        }
    }

    async fn release(&self, lease: &LeaseId) -> Answer<()> {
        let known = self.cloud.leases().into_iter().find(|known| known.id == *lease);
        match (self.flaw, known) {
            (Flaw::KeepsReleased, Some(_)) | (Flaw::ReleasesUnknownLeases, None) => Ok(()),
            (Flaw::FailsTheSecondRelease, Some(known)) if known.state.is_over() => {
                Err(self.error(ErrorKind::NotFound))
            }
            _ => self.blame(self.cloud.release(lease).await),
        }
    }

    fn stops(&self) -> bool {
        self.cloud.stops() && !self.is(Flaw::StopsUnsaid)
    }

    async fn stop(&self, lease: &LeaseId) -> Answer<Lease> {
        let known = self.cloud.leases().into_iter().find(|known| known.id == *lease);
        match (self.flaw, known) {
            (Flaw::StopsNothing, Some(lease)) => Ok(self.told(lease)),
            (Flaw::StopsUnknownLeases, None) => self.any(),
            (Flaw::MovesTheStop, Some(Lease { state: LeaseState::Stopped, .. })) => {
                let lease = self.cloud.stop(lease).await?;
                Ok(Lease { ended: lease.ended.map(|at| UnixMillis(at.0 + 1)), ..lease })
            }
            _ => self.blame(self.cloud.stop(lease).await).map(|lease| self.told(lease)),
        }
    }

    async fn start(&self, lease: &LeaseId) -> Answer<Lease> {
        let known = self.cloud.leases().into_iter().find(|known| known.id == *lease);
        match (self.flaw, known) {
            (Flaw::StaysStopped, Some(lease)) => Ok(self.told(lease)),
            (Flaw::StopsUnknownLeases, None) => self.any(),
            (Flaw::RevivesTheDead, Some(lease)) if lease.state.is_over() => {
                Ok(Lease { state: LeaseState::Pending, ended: None, ..self.told(lease) })
            }
            _ => self.blame(self.cloud.start(lease).await).map(|lease| self.told(lease)),
        }
    }

    async fn list(&self, owner: &Owner) -> Answer<Vec<Lease>> {
        let all = self.cloud.leases().into_iter();
        let list = match self.flaw {
            Flaw::ListsNothing => vec![],
            Flaw::ListsForever => {
                let own = all.filter(|lease| lease.owner == *owner);
                own.map(|lease| Lease { state: LeaseState::Ready, ended: None, ..lease }).collect()
            }
            Flaw::HidesStopped => {
                let mut own = self.cloud.list(owner).await?;
                own.retain(|lease| lease.state != LeaseState::Stopped);
                own
            }
            Flaw::ListsOfAllOwners => all.filter(|lease| !lease.state.is_over()).collect(),
            _ => self.cloud.list(owner).await?,
        };
        Ok(list.into_iter().map(|lease| self.told(lease)).collect())
    }

    async fn node(&self, lease: &LeaseId, rank: u32) -> Answer<Arc<dyn Node>> {
        let rank = if self.is(Flaw::HasEveryRank) { 0 } else { rank };
        match self.blame(self.cloud.node(lease, rank).await) {
            Ok(node) => Ok(Arc::new(BrokenNode::new(node, self.flaw))),
            Err(error) if self.is(Flaw::MisnamesLostNodes) && error.kind == ErrorKind::LeaseLost => {
                Err(self.error(ErrorKind::Forbidden))
            }
            Err(error) => Err(error),
        }
    }

    async fn store(&self, location: &Location, owner: &Owner) -> Answer<StoreAccess> {
        match self.flaw {
            Flaw::SharesStoresOfOwners => self.cloud.store(location, &Owner("all".to_owned())).await,
            Flaw::SharesStoresOfRegions => {
                let location = Location { region: "us-east-1".to_owned(), ..location.clone() };
                self.cloud.store(&location, owner).await
            }
            Flaw::MakesStoresAnew => {
                let owner = Owner(format!("{owner}{MARK}{}", self.count()));
                self.cloud.store(location, &owner).await
            }
            _ => self.cloud.store(location, owner).await,
        }
    }

    async fn usage(&self, owner: &Owner, since: UnixMillis) -> Answer<Vec<Usage>> {
        let mut feed = self.cloud.usage(owner, since).await?;
        feed.iter_mut().for_each(|usage| usage.token = as_asked(&usage.token));
        match self.flaw {
            Flaw::BillsTwice => feed.extend(feed.clone()),
            Flaw::BillsTenfold => feed.iter_mut().for_each(|usage| usage.quantity_milli *= 10),
            Flaw::BillsNothing => feed.clear(),
            Flaw::BillsDifferently => {
                let reading = self.count();
                feed.iter_mut().for_each(|usage| usage.quantity_milli += reading);
            }
            Flaw::BillsOthers if feed.is_empty() => {
                let other = self.cloud.leases().last().map(|lease| lease.owner.clone());
                feed = self.cloud.usage(&other.unwrap_or_else(|| owner.clone()), since).await?;
            }
            _ => {}
        }
        Ok(feed)
    }
}

/// A token without the mark of [`Broken::acquire_anew`].
fn as_asked(token: &Token) -> Token {
    Token(token.0.split(MARK).next().unwrap_or_default().to_owned())
}
