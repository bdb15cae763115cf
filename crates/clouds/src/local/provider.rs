//! The port, for this machine.

use super::admission;
use super::config::LocalConfig;
use crate::machine::{Hardware, Live, Machine, MachineError, Setup};
use async_trait::async_trait;
use std::sync::Arc;
use welkin_provider::{
    Capacity, Lease, LeaseId, LeaseRequest, Location, Nature, Node, Owner, Provider, ProviderError,
    ProviderId, StoreAccess, Tier, UnixMillis, Usage,
};
use welkin_units::Span;

/// The local machine.
#[derive(Debug)]
pub struct Local {
    machine: Arc<Machine>,
}

impl Local {
    /// Its name as a provider.
    pub const NAME: &'static str = "local";
    /// Its only region.
    pub const REGION: &'static str = "localhost";
    /// Its only instance type: a share of this machine, as large as a request says.
    pub const INSTANCE_TYPE: &'static str = "machine";

    /// Opens it; every process that opens the same root sees the same leases.
    ///
    /// # Errors
    /// When the root cannot be written or is too deep for sockets.
    pub fn new(config: LocalConfig) -> Result<Self, MachineError> {
        let setup = Setup {
            root: &config.root,
            cloud: ProviderId::from_static(Self::NAME),
            agent: config.agent,
            boot_timeout: config.boot_timeout,
            min_billing: Span::ZERO,
            limit_nodes: config.limit_nodes,
            clock: config.clock,
            address: None,
        };
        Ok(Self { machine: Arc::new(Machine::open(setup)?) })
    }

    /// The hardware there is to offer.
    #[must_use]
    pub fn hardware(&self) -> &Hardware {
        &self.machine.hardware
    }

    /// What the kernel lets this process limit, in words; see [`Local::granted`] for one lease.
    #[must_use]
    pub fn limits(&self) -> String {
        self.machine.limits()
    }

    /// The limits that each node of a lease got, in words, by rank.
    ///
    /// # Errors
    /// When there is no such lease.
    pub async fn granted(&self, lease: &LeaseId) -> Result<Vec<String>, ProviderError> {
        self.machine.granted(lease).await
    }
}

fn check(location: &Location, instance_type: &str) -> Result<(), MachineError> {
    let known = location.provider == Local::NAME
        && location.region == Local::REGION
        && instance_type == Local::INSTANCE_TYPE;
    known.then_some(()).ok_or_else(|| {
        let (name, region, only) = (Local::NAME, Local::REGION, Local::INSTANCE_TYPE);
        MachineError::Invalid(format!("{instance_type} at {location}: only {only} at {name}/{region} exists"))
    })
}

#[async_trait]
impl Provider for Local {
    fn name(&self) -> &ProviderId {
        &self.machine.cloud
    }

    fn nature(&self) -> Nature {
        Nature::Local
    }

    async fn capacity(
        &self,
        location: &Location,
        instance_type: &str,
        _tier: Tier,
    ) -> Result<Capacity, ProviderError> {
        let checked = check(location, instance_type);
        let work = move |machine: &Machine| {
            checked?;
            let live = machine.live()?;
            let full = admission::is_full(&live, &machine.hardware);
            Ok(if full { Capacity::Exhausted } else { Capacity::Likely })
        };
        self.machine.run(format!("capacity of {instance_type} at {location}"), work).await
    }

    async fn acquire(&self, request: &LeaseRequest) -> Result<Lease, ProviderError> {
        let checked = check(&request.location, &request.machine.instance_type);
        let (asked, hardware) = (request.clone(), self.machine.hardware.clone());
        let admit = move |live: Live<'_>| {
            checked?;
            admission::admit(&asked, &live()?, &hardware)
        };
        self.machine.acquired(request, admit).await
    }

    async fn observe(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        self.machine.observed(lease).await
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.machine.released(lease).await
    }

    async fn list(&self, owner: &Owner) -> Result<Vec<Lease>, ProviderError> {
        self.machine.listed(owner).await
    }

    async fn owners(&self) -> Result<Option<Vec<Owner>>, ProviderError> {
        self.machine.owned().await.map(Some)
    }

    fn doubt(&self) -> Span {
        crate::machine::DOUBT
    }

    async fn forget(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.machine.forgotten(lease).await
    }

    async fn node(&self, lease: &LeaseId, rank: u32) -> Result<Arc<dyn Node>, ProviderError> {
        self.machine.connected(lease, rank).await
    }

    async fn store(&self, location: &Location, owner: &Owner) -> Result<StoreAccess, ProviderError> {
        self.machine.located(location, owner).await
    }

    async fn usage(&self, owner: &Owner, since: UnixMillis) -> Result<Vec<Usage>, ProviderError> {
        self.machine.metered(owner, since).await
    }
}
