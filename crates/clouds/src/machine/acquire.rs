//! Admission: from a request to a record and the first attempt to boot.

use super::computer::Computer;
use super::error::MachineError;
use super::layout::Layout;
use super::record::{Boot, Held, NodeRecord, Phase, Preemption, Record, Share};
use super::{Lock, MAX_NODES, Machine};
use std::collections::BTreeSet;
use std::path::PathBuf;
use welkin_agent::Word;
use welkin_provider::{Lease, LeaseRequest, UnixMillis};
use welkin_units::Span;

/// How an admitted lease will go, as its adapter decides.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// From acceptance to ready, at the least.
    pub(crate) boot_delay: Span,
    pub(crate) boot: Boot,
    /// Taken back this long after acceptance, with so much notice.
    pub(crate) preempt: Option<(Span, Span)>,
    /// What each node has to itself, by rank; nothing where it says nothing.
    pub(crate) shares: Vec<Share>,
}

/// Reads the leases that are live.
pub(crate) type Live<'a> = &'a dyn Fn() -> Result<Vec<Record>, MachineError>;

impl Machine {
    /// The lease for the request's token: made when `admit` agrees, which may ask for the leases that are
    /// live. Among many each is a file to read, so it asks only where its answer depends on them.
    ///
    /// `admit` runs under the lock of the whole root: no other admission is between its decision and
    /// the record.
    pub(crate) fn acquire(
        &self,
        request: &LeaseRequest,
        admit: impl FnOnce(Live<'_>) -> Result<Terms, MachineError>,
    ) -> Result<(Lease, Option<UnixMillis>), MachineError> {
        self.check(request)?;
        let id = self.layout.lease_id(&request.token);
        let root = Lock::take(self.layout.root())
            .map_err(|source| MachineError::Read { path: self.layout.root().to_owned(), source })?;
        if self.layout.find(&id).is_none() {
            let terms = admit(&|| self.live())?;
            let record = self.new_record(request, terms)?;
            if let Some(mut held) = Held::create(&self.layout, record)? {
                // The lease's own lock was taken before it could be seen; booting needs no other.
                drop(root);
                return match self.settle(&mut held) {
                    Ok(_) => Ok(self.told(&held)),
                    // Whoever asked is told that there is none.
                    Err(error) => super::end::undo(&self.layout, &held).and(Err(error)),
                };
            }
        }
        drop(root);
        match Held::take(&self.layout, &id)? {
            Some(held) => self.again(held, request),
            None => Err(MachineError::NoLease(id)),
        }
    }

    fn again(
        &self,
        mut held: Held,
        request: &LeaseRequest,
    ) -> Result<(Lease, Option<UnixMillis>), MachineError> {
        if held.record.request != *request {
            return Err(MachineError::Conflict(Box::new(held.record.request)));
        }
        self.settle(&mut held)?;
        Ok(self.told(&held))
    }

    /// The leases that count against capacity. Those whose machines are gone do not, also where whoever
    /// asked for them never comes back to be told.
    pub(crate) fn live(&self) -> Result<Vec<Record>, MachineError> {
        let mut live = self.records()?;
        for record in &mut live {
            if self.is_forsaken(record)
                && let Some(settled) = self.settled(&record.id)?
            {
                *record = settled;
            }
        }
        live.retain(Record::is_live);
        Ok(live)
    }

    fn check(&self, request: &LeaseRequest) -> Result<(), MachineError> {
        if request.location.provider != self.cloud {
            let message = format!("{} is not at {}", request.location, self.cloud);
            return Err(MachineError::Invalid(message));
        }
        if !(1..=MAX_NODES).contains(&request.nodes) {
            let message = format!("{} nodes asked for; a lease has 1 to {MAX_NODES} here", request.nodes);
            return Err(MachineError::Invalid(message));
        }
        Ok(())
    }

    fn new_record(&self, request: &LeaseRequest, terms: Terms) -> Result<Record, MachineError> {
        let started = self.now();
        let id = self.layout.lease_id(&request.token);
        let mut taken = self.taken_addresses()?;
        let mut nodes = Vec::new();
        // Tells these nodes from those of a lease with the same id, should somebody empty the root.
        let birth = format!("{} {}", started.0, std::process::id());
        let mut shares = terms.shares.into_iter();
        for rank in 0..request.nodes {
            let node = self.layout.node_id(&id, rank, &birth);
            let address = match &self.address {
                Some(address) => address.clone(),
                None => super::address::choose(&node, &taken)
                    .ok_or_else(|| MachineError::Invalid("no loopback address is free".to_owned()))?,
            };
            taken.insert(address.clone());
            nodes.push(NodeRecord {
                rank,
                id: node,
                address,
                agent: None,
                adopts: false,
                cgroups: Vec::new(),
                limits: String::new(),
                word: Word::make()
                    .map_err(|source| MachineError::Read { path: "/dev/urandom".into(), source })?,
                share: shares.next().unwrap_or_default(),
            });
        }
        let boots = started.after(terms.boot_delay);
        Ok(Record {
            version: Record::version(),
            id,
            request: request.clone(),
            phase: Phase::Booting,
            started,
            before: Vec::new(),
            boots,
            deadline: (terms.boot != Boot::Hangs).then(|| boots.after(self.boot_timeout)),
            boot: terms.boot,
            preemption: terms.preempt.map(|(after, notice)| Preemption {
                notice: started.after(after.saturating_sub(notice)),
                at: started.after(after),
                told: false,
            }),
            ended: None,
            nodes,
            on: Some(Computer::here().clone()),
        })
    }

    /// Addresses of every lease below the root that has or may have processes.
    fn taken_addresses(&self) -> Result<BTreeSet<String>, MachineError> {
        let root = self.layout.root();
        let clouds =
            Layout::clouds(root).map_err(|source| MachineError::Read { path: root.to_owned(), source })?;
        let folders: Vec<PathBuf> = clouds.iter().map(Layout::live).collect();
        self.addresses.of(&folders)
    }
}
