//! The port, for pools of hosts.

use super::choose::{Choice, choose};
use super::command::{Program, SshCommand, SshTransport};
use super::config::{HostsFile, Pool};
use super::inventory::{self, HostState, Seen};
use super::node::SshNode;
use super::record::{Owed, Phase, Record, Records};
use super::state::PartsState;
use crate::host::PROVIDER;
use crate::machine::{Metered, intervals, is_component, make_private, short_hash};
use crate::remote::{Answer, Ask, Reach};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use welkin_provider::{
    Capacity, Clock, ErrorKind, Inventory, Lease, LeaseId, LeaseRequest, Location, Nature, Node, Owner,
    Provider, ProviderError, ProviderId, Stock, StoreAccess, SystemClock, Tier, UnixMillis, Usage,
};
use welkin_units::Span;

/// Most nodes of one lease.
const MAX_NODES: u32 = 256;

/// Logins that are made at once where every host is looked at: each is a process of some 10 MB.
const LOGINS_AT_ONCE: usize = 64;

/// Settings of the provider.
#[derive(Debug)]
pub struct SshConfig {
    /// Folder of its records and stores on this machine; made when missing.
    pub root: PathBuf,
    /// The hosts.
    pub hosts: HostsFile,
    /// How they are reached.
    pub ssh: SshCommand,
    /// What is brought to them.
    pub program: PathBuf,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
}

impl SshConfig {
    /// The default settings.
    #[must_use]
    pub fn new(root: PathBuf, hosts: HostsFile, program: PathBuf) -> Self {
        Self { root, hosts, ssh: SshCommand::default(), program, clock: Arc::new(SystemClock) }
    }
}

/// Pools of hosts.
#[derive(Debug)]
pub struct Ssh {
    name: ProviderId,
    pub(super) pools: BTreeMap<String, PoolOf>,
    pub(super) records: Records,
    buckets: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    /// The connection of each host after which it was swept.
    pub(super) swept: Mutex<BTreeMap<HostKey, u64>>,
}

#[derive(Debug)]
pub(super) struct PoolOf {
    pub(super) hosts: Vec<Arc<Reach>>,
    pub(super) about: Pool,
    /// Held by the request that is next, so that large gangs are not overtaken for ever.
    pub(super) queue: tokio::sync::Mutex<()>,
    /// Told when something was given back.
    pub(super) room: Notify,
}

/// A pool, and a host of it.
pub(super) type HostKey = (String, String);

pub(super) type Answered<T> = Result<T, ProviderError>;

impl Ssh {
    /// Its name as a provider.
    pub const NAME: &'static str = PROVIDER;

    /// Opens it; every process that opens the same root sees the same leases. No host is asked yet.
    ///
    /// # Errors
    /// When the root cannot be written.
    pub fn new(config: SshConfig) -> std::io::Result<Self> {
        let program = Arc::new(Program::at(config.program));
        let pool = |(name, about): (String, Pool)| {
            let reach = |spec: &super::config::HostSpec| {
                let own = spec.program.clone().map(|path| Arc::new(Program::at(path)));
                let transport = SshTransport {
                    ssh: config.ssh.clone(),
                    spec: spec.clone(),
                    program: own.unwrap_or_else(|| Arc::clone(&program)),
                };
                Reach::new(PROVIDER, &spec.target, Arc::new(transport))
            };
            let hosts = about.hosts.iter().map(reach).collect();
            (name, PoolOf { hosts, about, queue: tokio::sync::Mutex::default(), room: Notify::new() })
        };
        make_private(&config.root)?;
        Ok(Self {
            name: ProviderId::from_static(PROVIDER),
            pools: config.hosts.pools.into_iter().map(pool).collect(),
            records: Records::open(&config.root)?,
            buckets: std::fs::canonicalize(&config.root)?.join("buckets"),
            clock: config.clock,
            swept: Mutex::default(),
        })
    }

    /// Looks at every host, some at once.
    pub async fn look(&self) -> Vec<Seen> {
        let mut looks = Vec::new();
        for (pool, about) in &self.pools {
            looks.extend(about.hosts.iter().map(|host| seen(pool.clone(), Arc::clone(host))));
        }
        stream::iter(looks).buffered(LOGINS_AT_ONCE).collect().await
    }

    pub(super) fn pool(&self, location: &Location) -> Answered<&PoolOf> {
        let pool = (location.provider == PROVIDER).then(|| self.pools.get(&location.region)).flatten();
        let pool = pool.filter(|pool| match &location.zone {
            Some(zone) => pool.hosts.iter().any(|host| host.host() == zone),
            None => true,
        });
        pool.ok_or_else(|| {
            let message = format!("{location} is in no pool of the file of hosts");
            ProviderError::new(PROVIDER, "look up a place", ErrorKind::NotFound, message)
        })
    }

    pub(super) fn host(&self, record: &Record, name: &str) -> Answered<&Arc<Reach>> {
        let pool = self.pools.get(&record.request.location.region);
        let host = pool.and_then(|pool| pool.hosts.iter().find(|host| host.host() == name));
        host.ok_or_else(|| {
            let message = format!("{name} is not in the file of hosts any more");
            ProviderError::new(PROVIDER, format!("look up {name}"), ErrorKind::NotFound, message)
        })
    }

    fn bucket(&self, location: &Location, owner: &Owner) -> Answered<PathBuf> {
        self.pool(location)?;
        let fault = |message: String| {
            ProviderError::new(PROVIDER, format!("the store at {location}"), ErrorKind::Transient, message)
        };
        if !is_component(&location.region) {
            return Err(fault(format!("{} cannot be a folder", location.region)));
        }
        let path = self.buckets.join(&location.region).join(short_hash(owner.0.as_bytes()));
        make_private(&path).map_err(|error| fault(format!("{}: {error}", path.display())))?;
        Ok(path)
    }
}

/// What there is to see of a host.
async fn seen(pool: String, host: Arc<Reach>) -> Seen {
    let state = match host.info().await {
        Ok((info, _)) => HostState::Reached(Box::new(info)),
        Err(unreached) => unreached.into(),
    };
    Seen { pool, host: host.host().to_owned(), state }
}

#[async_trait]
impl Inventory for Ssh {
    async fn stock(&self) -> Answered<Vec<Stock>> {
        let mut stock = Vec::new();
        for seen in self.look().await {
            let Some(pool) = self.pools.get(&seen.pool) else { continue };
            if let HostState::Reached(info) = &seen.state {
                stock.extend(inventory::stock(&self.name, &seen.pool, pool.about.hourly, info));
            }
        }
        // Equal hosts are one kind of machine.
        stock.sort_by(|a, b| {
            (&a.location, &a.machine.instance_type).cmp(&(&b.location, &b.machine.instance_type))
        });
        stock.dedup();
        Ok(stock)
    }
}

#[async_trait]
impl Provider for Ssh {
    fn name(&self) -> &ProviderId {
        &self.name
    }

    fn nature(&self) -> Nature {
        Nature::Real
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        Some(self)
    }

    async fn capacity(&self, location: &Location, instance_type: &str, _tier: Tier) -> Answered<Capacity> {
        let pool = self.pool(location)?;
        let (candidates, _) = self.candidates(pool, location.zone.as_deref()).await;
        let shapes = candidates.iter().flat_map(|candidate| inventory::shapes(&candidate.info));
        let shape = shapes.map(|shape| shape.machine).find(|machine| machine.instance_type == instance_type);
        Ok(match shape.map(|machine| choose(&candidates, &machine, 1)) {
            Some(Choice::Take(_)) => Capacity::Likely,
            _ => Capacity::Exhausted,
        })
    }

    async fn acquire(&self, request: &LeaseRequest) -> Answered<Lease> {
        self.pool(&request.location)?;
        if !(1..=MAX_NODES).contains(&request.nodes) {
            let message = format!("{} nodes asked for; a lease has 1 to {MAX_NODES} here", request.nodes);
            return Err(ProviderError::new(PROVIDER, self.asking(request), ErrorKind::Invalid, message));
        }
        let mut held = self.records.make(request, self.clock.now()).await?;
        if held.record.request != *request {
            let message = format!("token {} was used for another request", request.token);
            return Err(ProviderError::new(PROVIDER, self.asking(request), ErrorKind::Conflict, message));
        }
        if held.record.phase == Phase::Asking
            && let Err(error) = self.obtain(&mut held).await
        {
            if held.record.owed.is_empty() && held.record.parts.is_empty() {
                held.unmake()?;
            } else {
                // Something may still be held somewhere: the record stays until it is given back.
                let _ = self.end(&mut held, Phase::Released).await;
            }
            return Err(error);
        }
        self.sweep().await;
        Ok(held.record.lease(None))
    }

    async fn observe(&self, lease: &LeaseId) -> Answered<Lease> {
        let record = self.records.read(lease)?;
        if record.phase != Phase::Held {
            return Ok(record.lease(None));
        }
        let state = self.state(&record).await;
        self.sweep().await;
        match state? {
            PartsState::Pending => Ok(record.lease(None)),
            PartsState::Ready(nodes) => Ok(record.lease(Some(nodes))),
            PartsState::Lost(reason) => {
                let mut held = self.records.hold(lease).await?;
                // Whatever hosts cannot be told now is on record.
                let _ = self.end(&mut held, Phase::Lost { reason }).await;
                Ok(held.record.lease(None))
            }
        }
    }

    async fn release(&self, lease: &LeaseId) -> Answered<()> {
        let mut held = self.records.hold(lease).await?;
        let failure = self.end(&mut held, Phase::Released).await;
        let gone = |owed: &Owed| self.host(&held.record, &owed.host).map_or(true, |host| host.is_gone());
        match failure {
            // A host that is gone, or not in the file any more, is told when it returns.
            Some(error) if !held.record.is_over() || !held.record.owed.iter().all(gone) => Err(error),
            _ => Ok(()),
        }
    }

    async fn list(&self, owner: &Owner) -> Answered<Vec<Lease>> {
        // Every host is tried, so that those that returned are swept.
        drop(self.look().await);
        self.sweep().await;
        let records = self.records.live()?;
        let own = records.into_iter().filter(|record| record.request.owner == *owner && !record.is_over());
        Ok(own.map(|record| record.lease(None)).collect())
    }

    async fn owners(&self) -> Answered<Option<Vec<Owner>>> {
        let owners: BTreeSet<Owner> = self
            .records
            .live()?
            .into_iter()
            .filter(|record| !record.is_over())
            .map(|r| r.request.owner)
            .collect();
        Ok(Some(owners.into_iter().collect()))
    }

    fn doubt(&self) -> Span {
        // A call whose answer was lost is on record before it is made.
        Span::ZERO
    }

    async fn forget(&self, lease: &LeaseId) -> Answered<()> {
        self.records.forget(lease)
    }

    async fn node(&self, lease: &LeaseId, rank: u32) -> Answered<Arc<dyn Node>> {
        let record = self.records.read(lease)?;
        let operation = format!("connect to node {rank} of {lease}");
        let fault = |kind, message: String| ProviderError::new(PROVIDER, operation.clone(), kind, message);
        if record.is_over() {
            return Err(fault(ErrorKind::LeaseLost, "the lease is over".to_owned()));
        }
        let Some((part, there)) = record.part_of(rank) else {
            let nodes = record.request.nodes;
            return Err(fault(ErrorKind::NotFound, format!("no rank {rank} among {nodes} nodes")));
        };
        let reach = Arc::clone(self.host(&record, &part.host)?);
        let ask = Ask::Data { lease: part.lease.clone(), rank: there };
        match reach.call(&operation, &ask, &[], Duration::ZERO).await? {
            (Answer::Path(data), _) => Ok(Arc::new(SshNode {
                reach,
                lease: part.lease.clone(),
                rank: there,
                data,
                notes: self.records.notes(lease, rank)?,
                brought: Mutex::default(),
            })),
            _ => Err(fault(ErrorKind::Invalid, format!("{} answered something else", part.host))),
        }
    }

    async fn store(&self, location: &Location, owner: &Owner) -> Answered<StoreAccess> {
        let path = self.bucket(location, owner)?;
        let text = path.to_str().ok_or_else(|| {
            let message = format!("{} is not UTF-8", path.display());
            ProviderError::new(PROVIDER, "locate a store", ErrorKind::Invalid, message)
        })?;
        Ok(StoreAccess::folder(text))
    }

    async fn usage(&self, owner: &Owner, since: UnixMillis) -> Answered<Vec<Usage>> {
        let now = self.clock.now();
        let records = self.records.all()?;
        let own =
            records.iter().filter(|record| record.request.owner == *owner && record.phase != Phase::Asking);
        let metered = |record: &Record| {
            let metered = Metered {
                lease: &record.id,
                token: &record.request.token,
                nodes: record.request.nodes,
                started: record.started,
                ended: record.ended,
            };
            intervals(&metered, now, Span::ZERO)
        };
        let mut usage: Vec<Usage> = own.flat_map(metered).filter(|interval| interval.to > since).collect();
        usage.sort_by(|a, b| (a.to, &a.lease, a.from).cmp(&(b.to, &b.lease, b.from)));
        Ok(usage)
    }
}
