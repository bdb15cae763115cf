//! The port, for emulated clouds.

use super::admission;
use super::config::{EmulatedConfig, KnownTypes};
use super::faults::Faults;
use crate::machine::{Live, Lock, Machine, MachineError, Setup, Terms};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_provider::{
    Capacity, Lease, LeaseId, LeaseRequest, Location, Nature, Node, Owner, Provider, ProviderError,
    ProviderId, StoreAccess, Tier, UnixMillis, Usage,
};
use welkin_units::Span;

/// All emulated clouds below one root.
#[derive(Debug, Clone)]
pub struct Emulated {
    clouds: Vec<Arc<EmulatedCloud>>,
}

/// One emulated cloud.
pub struct EmulatedCloud {
    machine: Arc<Machine>,
    known: KnownTypes,
    boot_delay: Span,
}

impl Emulated {
    /// Opens the clouds; every process that opens the same root sees the same clouds.
    ///
    /// # Errors
    /// When the root cannot be written or is too deep for sockets.
    pub fn new(config: &EmulatedConfig) -> Result<Self, MachineError> {
        let cloud = |name: &ProviderId| {
            let setup = Setup {
                root: &config.root,
                cloud: name.clone(),
                agent: config.agent.clone(),
                boot_timeout: config.boot_timeout,
                min_billing: config.min_billing,
                limit_nodes: config.limit_nodes,
                clock: Arc::clone(&config.clock),
                address: None,
            };
            let machine = Arc::new(Machine::open(setup)?);
            let boot_delay = config.boot_delays.get(name.as_str()).copied().unwrap_or(config.boot_delay);
            Ok(Arc::new(EmulatedCloud { machine, known: Arc::clone(&config.known), boot_delay }))
        };
        Ok(Self { clouds: config.clouds.iter().map(cloud).collect::<Result<_, _>>()? })
    }

    /// The clouds, in the order of the configuration.
    #[must_use]
    pub fn clouds(&self) -> &[Arc<EmulatedCloud>] {
        &self.clouds
    }

    /// The cloud of this name.
    #[must_use]
    pub fn cloud(&self, name: &str) -> Option<Arc<EmulatedCloud>> {
        self.clouds.iter().find(|cloud| cloud.machine.cloud == name).cloned()
    }
}

impl EmulatedCloud {
    /// What goes wrong here on purpose.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn faults(&self) -> Result<Faults, ProviderError> {
        let path = self.faults_path();
        self.machine.run("read faults".to_owned(), move |_| Faults::read(&path)).await
    }

    /// Replaces what goes wrong here, for every process, from the next request on.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn set_faults(&self, faults: Faults) -> Result<(), ProviderError> {
        let path = self.faults_path();
        let work = move |machine: &Machine| {
            let _root = admission_lock(machine)?;
            faults.write(&path)
        };
        self.machine.run("set faults".to_owned(), work).await
    }

    /// Takes a lease back after `notice`. One that is over stays as it is.
    ///
    /// # Errors
    /// When there is no such lease or its record cannot be written.
    pub async fn preempt(&self, lease: &LeaseId, notice: Span) -> Result<Lease, ProviderError> {
        self.machine.preempted(lease, notice).await
    }

    /// What the kernel lets this process limit, in words; see [`EmulatedCloud::granted`] for one lease.
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

    fn faults_path(&self) -> PathBuf {
        self.machine.layout.folder().join("faults.json")
    }

    fn check_known(&self, location: &Location, instance_type: &str) -> Result<(), MachineError> {
        if location.provider == self.machine.cloud && (self.known)(location, instance_type) {
            return Ok(());
        }
        Err(MachineError::Invalid(format!("{instance_type} does not exist at {location}")))
    }
}

/// Terms for a request beside what is live, with the faults that are set here; strikes that were taken are written down.
fn admitted(
    asked: &LeaseRequest,
    live: Live<'_>,
    boot_delay: Span,
    path: &Path,
) -> Result<Terms, MachineError> {
    let before = Faults::read(path)?;
    let mut after = before.clone();
    let live = if before.shortages.is_empty() { Vec::new() } else { live()? };
    let terms = admission::admit(asked, &live, boot_delay, &mut after)?;
    if after != before {
        after.write(path)?;
    }
    Ok(terms)
}

/// The lock under which requests are admitted and strikes are taken.
fn admission_lock(machine: &Machine) -> Result<Lock, MachineError> {
    let root = machine.layout.root();
    Lock::take(root).map_err(|source| MachineError::Read { path: root.to_owned(), source })
}

impl std::fmt::Debug for EmulatedCloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmulatedCloud")
            .field("machine", &self.machine)
            .field("boot_delay", &self.boot_delay)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for EmulatedCloud {
    fn name(&self) -> &ProviderId {
        &self.machine.cloud
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
        let operation = format!("capacity of {instance_type} at {location}");
        let known = self.check_known(location, instance_type);
        let (path, location, instance_type) =
            (self.faults_path(), location.clone(), instance_type.to_owned());
        let work = move |machine: &Machine| {
            known?;
            let faults = Faults::read(&path)?;
            let live = machine.live()?;
            let exhausted = admission::is_exhausted(&location, &instance_type, tier, &live, &faults);
            // As at a real cloud, the only way to know that there is some is to ask for it.
            Ok(if exhausted { Capacity::Exhausted } else { Capacity::Unknown })
        };
        self.machine.run(operation, work).await
    }

    async fn acquire(&self, request: &LeaseRequest) -> Result<Lease, ProviderError> {
        let known = self.check_known(&request.location, &request.machine.instance_type);
        let (path, asked, boot_delay) = (self.faults_path(), request.clone(), self.boot_delay);
        let admit = move |live: Live<'_>| {
            known?;
            admitted(&asked, live, boot_delay, &path)
        };
        self.machine.acquired(request, admit).await
    }

    async fn observe(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        self.machine.observed(lease).await
    }

    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.machine.released(lease).await
    }

    fn stops(&self) -> bool {
        true
    }

    async fn stop(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        self.machine.stopped(lease).await
    }

    async fn start(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        let (path, boot_delay) = (self.faults_path(), self.boot_delay);
        let admit = move |asked: &LeaseRequest, live: Live<'_>| admitted(asked, live, boot_delay, &path);
        self.machine.started(lease, admit).await
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
