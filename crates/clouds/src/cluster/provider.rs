//! The port, in front of any provider.

use super::desk::{Desk, is_near};
use super::node::PartNode;
use super::record::{Cluster, Files, Part, Phase, is_cluster_type, is_part};
use async_trait::async_trait;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use welkin_provider::{
    Capacity, Clock, ErrorKind, HOLDS, Inventory, Lease, LeaseId, LeaseRequest, LeaseState, Location, Nature,
    Node, NodeAddress, ON, Owner, PRIORITY, Provider, ProviderError, ProviderId, StepId, StoreAccess, Tier,
    UnixMillis, Usage,
};
use welkin_units::Span;

/// Time between the polite and the forced end of what a part that is given back still runs.
const STOP_GRACE: Span = Span::from_secs(5);

type Answered<T> = Result<T, ProviderError>;

/// All clusters of a folder, whichever providers their machines are of.
#[derive(Debug)]
pub struct Clusters {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    /// Opened when it is first needed: most runs have nothing to do with clusters.
    desk: Mutex<Option<Desk>>,
    /// Whose turn at the desk it is.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Clusters {
    /// Those on record in a folder. One process at a time may work with it.
    #[must_use]
    pub fn new(root: PathBuf, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { root, clock, desk: Mutex::new(None), turn: Arc::default() })
    }

    /// Does something with the records, apart from whoever waits for it: it may wait for the disk.
    async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Desk, UnixMillis) -> io::Result<T> + Send + 'static,
    ) -> Answered<T> {
        let clusters = Arc::clone(self);
        // Fair, so that wishes come to the desk in the order in which they were begun; the pool of threads is not.
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut desk = clusters.desk.lock().unwrap_or_else(PoisonError::into_inner);
            if desk.is_none() {
                *desk = Some(Desk::open(Files::open(&clusters.root)?)?);
            }
            let done = match desk.as_mut() {
                Some(open) => work(open, clusters.clock.now()),
                None => Err(io::ErrorKind::NotFound.into()),
            };
            if done.is_err() {
                // What is in memory may not be what is on the disk: read again next time, by those who wait too.
                if let Some(spoilt) = desk.take() {
                    spoilt.ring_all();
                }
            }
            done
        });
        done.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped))).map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoCapacity,
                _ => ErrorKind::Transient,
            };
            ProviderError::new("cluster", "records of clusters", kind, error.to_string())
        })
    }

    /// Puts a step on record before it is started.
    pub(super) async fn began(self: &Arc<Self>, part: &LeaseId, rank: u32, step: &StepId) -> Answered<()> {
        let (id, step) = (part.clone(), step.clone());
        if self.with(move |desk, _| desk.began(&id, rank, &step)).await? {
            return Ok(());
        }
        let operation = format!("start a step on {part}");
        Err(ProviderError::new("cluster", operation, ErrorKind::LeaseLost, "the part was given back"))
    }

    /// Whether anything is on record: without it there is nothing to look for.
    fn is_used(&self) -> bool {
        self.root.exists()
    }
}

/// A provider whose leases can be clusters.
#[derive(Debug)]
pub struct WithClusters {
    inner: Arc<dyn Provider>,
    clusters: Arc<Clusters>,
}

/// A part with the lease that it is of, as it is now.
struct Seen {
    part: Part,
    cluster: Option<Cluster>,
}

impl WithClusters {
    /// In front of a provider.
    #[must_use]
    pub fn new(inner: Arc<dyn Provider>, clusters: Arc<Clusters>) -> Self {
        Self { inner, clusters }
    }

    fn error(&self, operation: String, kind: ErrorKind, message: impl Into<String>) -> ProviderError {
        ProviderError::new(self.inner.name(), operation, kind, message)
    }

    async fn seen(&self, id: &LeaseId) -> Answered<Seen> {
        let wanted = id.clone();
        let found = self.clusters.with(move |desk, _| {
            let part = desk.part(&wanted)?;
            Ok(part.map(|part| Seen { cluster: desk.cluster(&part.on).cloned(), part }))
        });
        let gone = || self.error(format!("look up {id}"), ErrorKind::NotFound, "no such part of a cluster");
        found.await?.ok_or_else(gone)
    }

    /// Waits for its turn.
    async fn acquire_part(&self, request: &LeaseRequest) -> Answered<Lease> {
        let operation = format!("acquire {} at {}", request.machine.instance_type, request.location);
        let on = request.labels.get(ON).cloned().unwrap_or_default();
        let priority = request.labels.get(PRIORITY).and_then(|text| text.parse().ok()).unwrap_or_default();
        loop {
            let (asked, run) = (request.clone(), on.clone());
            let answer = self.clusters.with(move |desk, now| {
                let part = desk.ask(&asked, &run, priority, now)?;
                let bell: Arc<Notify> = desk.bell(&part.id);
                // Enabled while nobody else can ring it.
                let rung = bell.notified_owned();
                let cluster = desk.cluster(&part.on).cloned();
                Ok((desk.can_ever(&part), Seen { part, cluster }, rung))
            });
            let (fits, Seen { part, cluster }, rung) = answer.await?;
            if part.request != *request {
                let message = format!("token {} was used for another request", request.token);
                return Err(self.error(operation, ErrorKind::Conflict, message));
            }
            if part.phase != Phase::Waiting {
                return Ok(part.lease(None));
            }
            let elsewhere =
                cluster.as_ref().filter(|cluster| !is_near(&cluster.request.location, &request.location));
            let refusal = match (elsewhere, fits, request.waits) {
                (Some(cluster), ..) => Some((
                    ErrorKind::NotFound,
                    format!("the cluster is at {} now: submit it again", cluster.request.location),
                )),
                (_, false, _) => {
                    let message = "even empty, the cluster has no room for it";
                    Some((ErrorKind::NoCapacity, message.to_owned()))
                }
                (.., false) => Some((ErrorKind::NoCapacity, "the cluster is full".to_owned())),
                _ => None,
            };
            if let Some((kind, message)) = refusal {
                let id = part.id.clone();
                self.clusters.with(move |desk, now| desk.forget(&id, now)).await?;
                return Err(self.error(operation, kind, message));
            }
            rung.await;
        }
    }

    async fn observe_part(&self, id: &LeaseId) -> Answered<Lease> {
        let Seen { part, cluster } = self.seen(id).await?;
        let Phase::Held { of, slots } = &part.phase else { return Ok(part.lease(None)) };
        let held = match cluster.filter(|cluster| cluster.lease == *of) {
            Some(_) => self.observe_holder(of).await?,
            None => None,
        };
        let (reason, preempted) = match held.map(|held| (held.state.clone(), held)) {
            Some((LeaseState::Pending, _)) => return Ok(part.lease(None)),
            Some((LeaseState::Ready, held)) => return Ok(part.lease(Some(addresses(slots, &held)))),
            Some((state @ LeaseState::Preempting { .. }, held)) => {
                let lease = part.lease(Some(addresses(slots, &held)));
                return Ok(Lease { state, ..lease });
            }
            Some((LeaseState::Lost { reason, preempted }, _)) => {
                (format!("the machines of the cluster were lost: {reason}"), preempted)
            }
            Some((LeaseState::Stopped, _)) => ("the machines of the cluster were stopped".to_owned(), false),
            Some((LeaseState::Released, _)) | None => {
                ("the machines of the cluster were given back".to_owned(), false)
            }
        };
        let lost = Phase::Lost { reason, preempted };
        self.end(id, lost).await
    }

    /// The lease that a part is of; none when there is no such lease any more.
    async fn observe_holder(&self, lease: &LeaseId) -> Answered<Option<Lease>> {
        match self.observe_own(lease).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::LeaseLost) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A lease of the provider itself; that it is over ends a cluster of it.
    async fn observe_own(&self, lease: &LeaseId) -> Answered<Lease> {
        let seen = self.inner.observe(lease).await?;
        if seen.state.is_over() {
            self.let_go(lease).await?;
        }
        Ok(seen)
    }

    async fn let_go(&self, lease: &LeaseId) -> Answered<()> {
        if !self.clusters.is_used() {
            return Ok(());
        }
        let lease = lease.clone();
        self.clusters.with(move |desk, _| desk.let_go(&lease)).await
    }

    async fn rests(&self, lease: &LeaseId, stopped: bool) -> Answered<()> {
        if !self.clusters.is_used() {
            return Ok(());
        }
        let lease = lease.clone();
        self.clusters.with(move |desk, now| desk.rests(&lease, stopped, now)).await
    }

    async fn end(&self, id: &LeaseId, phase: Phase) -> Answered<Lease> {
        let wanted = id.clone();
        let over = self.clusters.with(move |desk, now| desk.end(&wanted, phase, now)).await?;
        let gone = || self.error(format!("end {id}"), ErrorKind::NotFound, "no such part of a cluster");
        over.map(|part| part.lease(None)).ok_or_else(gone)
    }

    /// Ends every step of a part, then frees what it had.
    async fn release_part(&self, id: &LeaseId) -> Answered<()> {
        let Seen { part, cluster } = self.seen(id).await?;
        if part.is_over() {
            return Ok(());
        }
        if let Phase::Held { of, slots } = &part.phase
            && cluster.is_some_and(|cluster| cluster.lease == *of)
            && self.observe_holder(of).await?.is_some_and(|held| is_there(&held.state))
        {
            let stops = part.steps.iter().map(|(rank, step)| self.stop_step(of, slots, *rank, step));
            futures::future::try_join_all(stops).await?;
        }
        self.end(id, Phase::Released).await.map(drop)
    }

    async fn stop_step(
        &self,
        of: &LeaseId,
        slots: &[super::record::Slot],
        rank: u32,
        step: &StepId,
    ) -> Answered<()> {
        let Some(slot) = usize::try_from(rank).ok().and_then(|rank| slots.get(rank)) else { return Ok(()) };
        let stopped = async { self.inner.node(of, slot.node).await?.stop(step, STOP_GRACE).await };
        match stopped.await {
            // It never began, or went with its machine.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::LeaseLost) => Ok(()),
            done => done,
        }
    }

    async fn node_of_part(&self, id: &LeaseId, rank: u32) -> Answered<Arc<dyn Node>> {
        let Seen { part, cluster } = self.seen(id).await?;
        let operation = format!("connect to node {rank} of {id}");
        let Phase::Held { of, slots } = &part.phase else {
            return Err(self.error(operation, ErrorKind::LeaseLost, "the part is not held"));
        };
        let Some(slot) = usize::try_from(rank).ok().and_then(|rank| slots.get(rank)) else {
            let message = format!("no rank {rank} among {} nodes", slots.len());
            return Err(self.error(operation, ErrorKind::NotFound, message));
        };
        let accelerators = cluster.and_then(|cluster| cluster.request.machine.accelerator);
        let all = accelerators.map_or(0, |accelerators| accelerators.devices());
        let own = slot.devices.iter().map(|(device, _)| *device).collect();
        Ok(Arc::new(PartNode {
            inner: self.inner.node(of, slot.node).await?,
            clusters: Arc::clone(&self.clusters),
            part: id.clone(),
            rank,
            devices: (all, own),
        }))
    }
}

/// Whether something may run on the machines of a lease.
const fn is_there(state: &LeaseState) -> bool {
    !state.is_over() && !matches!(state, LeaseState::Stopped)
}

/// The addresses of the machines that slots are of, by rank in the part.
fn addresses(slots: &[super::record::Slot], held: &Lease) -> Vec<NodeAddress> {
    let address = |node: u32| held.nodes.iter().find(|known| known.rank == node).map(|known| &known.address);
    let ranked = (0_u32..).zip(slots);
    ranked
        .filter_map(|(rank, slot)| Some(NodeAddress { rank, address: address(slot.node)?.clone() }))
        .collect()
}

#[async_trait]
impl Provider for WithClusters {
    fn name(&self) -> &ProviderId {
        self.inner.name()
    }

    fn nature(&self) -> Nature {
        self.inner.nature()
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        self.inner.inventory()
    }

    async fn capacity(&self, location: &Location, instance_type: &str, tier: Tier) -> Answered<Capacity> {
        match is_cluster_type(instance_type) {
            true => Ok(Capacity::Unknown),
            false => self.inner.capacity(location, instance_type, tier).await,
        }
    }

    async fn acquire(&self, request: &LeaseRequest) -> Answered<Lease> {
        if is_cluster_type(&request.machine.instance_type) {
            return self.acquire_part(request).await;
        }
        let lease = self.inner.acquire(request).await?;
        if let (Some(name), Some(run)) = (request.labels.get(HOLDS), request.labels.get("run"))
            && !lease.state.is_over()
        {
            let cluster = Cluster::new(run, name, &lease.id, request);
            self.clusters.with(move |desk, now| desk.hold(cluster, now)).await?;
        }
        Ok(lease)
    }

    async fn observe(&self, lease: &LeaseId) -> Answered<Lease> {
        match is_part(lease) {
            true => self.observe_part(lease).await,
            false => self.observe_own(lease).await,
        }
    }

    async fn release(&self, lease: &LeaseId) -> Answered<()> {
        if is_part(lease) {
            return self.release_part(lease).await;
        }
        self.inner.release(lease).await?;
        self.let_go(lease).await
    }

    fn stops(&self) -> bool {
        self.inner.stops()
    }

    async fn stop(&self, lease: &LeaseId) -> Answered<Lease> {
        if is_part(lease) {
            return Err(self.cannot(format!("stop {lease}")));
        }
        // Before the machines go: nobody is to get a part of what is about to stop.
        self.rests(lease, true).await?;
        let stopped = self.inner.stop(lease).await;
        if !matches!(&stopped, Ok(lease) if lease.state == LeaseState::Stopped) {
            self.rests(lease, false).await?;
        }
        stopped
    }

    async fn start(&self, lease: &LeaseId) -> Answered<Lease> {
        if is_part(lease) {
            return Err(self.cannot(format!("start {lease}")));
        }
        let started = self.inner.start(lease).await?;
        if started.state != LeaseState::Stopped {
            self.rests(lease, false).await?;
        }
        Ok(started)
    }

    async fn list(&self, owner: &Owner) -> Answered<Vec<Lease>> {
        let mut leases = self.inner.list(owner).await?;
        if self.clusters.is_used() {
            let (by, name) = (owner.clone(), self.inner.name().to_owned());
            let own = move |desk: &mut Desk, _| {
                let of = |part: &&Part| part.request.owner == by && part.request.location.provider == name;
                Ok(desk.parts().filter(of).map(|part| part.lease(None)).collect::<Vec<_>>())
            };
            leases.extend(self.clusters.with(own).await?);
        }
        Ok(leases)
    }

    async fn owners(&self) -> Answered<Option<Vec<Owner>>> {
        self.inner.owners().await
    }

    fn doubt(&self) -> Span {
        self.inner.doubt()
    }

    async fn forget(&self, lease: &LeaseId) -> Answered<()> {
        if !is_part(lease) {
            return self.inner.forget(lease).await;
        }
        let id = lease.clone();
        self.clusters.with(move |desk, now| desk.forget(&id, now)).await
    }

    async fn node(&self, lease: &LeaseId, rank: u32) -> Answered<Arc<dyn Node>> {
        match is_part(lease) {
            true => self.node_of_part(lease, rank).await,
            false => self.inner.node(lease, rank).await,
        }
    }

    async fn store(&self, location: &Location, owner: &Owner) -> Answered<StoreAccess> {
        self.inner.store(location, owner).await
    }

    async fn usage(&self, owner: &Owner, since: UnixMillis) -> Answered<Vec<Usage>> {
        self.inner.usage(owner, since).await
    }
}
