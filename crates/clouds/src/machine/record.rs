//! The durable record of one lease: its only truth.
//!
//! Who wants to know or change a lease takes its [`Held`] lock and reads the record again. The
//! record exists before the first process of the lease, and is over only when the last one is gone.

use super::computer::Computer;
use super::durable::{self, Lock};
use super::error::MachineError;
use super::layout::Layout;
use super::process::ProcessId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use welkin_agent::Word;
use welkin_provider::{Lease, LeaseId, LeaseRequest, LeaseState, NodeAddress, UnixMillis};

/// Schema of [`Record`]; a record of another version is refused, never guessed at.
const VERSION: u32 = 1;

const FILE: &str = "lease.json";

/// One lease, as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: u32,
    pub(crate) id: LeaseId,
    pub(crate) request: LeaseRequest,
    pub(crate) phase: Phase,
    /// Billing starts here, for the last time.
    pub(crate) started: UnixMillis,
    /// When it was billed before it was stopped and started again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) before: Vec<(UnixMillis, UnixMillis)>,
    /// Not ready before.
    pub(crate) boots: UnixMillis,
    /// Lost when not ready by then; never for a boot that hangs.
    pub(crate) deadline: Option<UnixMillis>,
    pub(crate) boot: Boot,
    pub(crate) preemption: Option<Preemption>,
    /// Billing stops here.
    pub(crate) ended: Option<UnixMillis>,
    pub(crate) nodes: Vec<NodeRecord>,
    /// Where its processes are. Not known in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on: Option<Computer>,
}

/// Where a lease is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Nodes may or may not have their processes yet.
    Booting,
    /// Every node has answered.
    Ready,
    /// Nothing is billed and nothing runs, or is about to end; the homes stay.
    Stopped,
    /// The verdict is final and nothing is billed. Processes may still be there until the folder is in
    /// the archive.
    Ended(Verdict),
}

/// How a lease ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Released,
    Lost { reason: String, preempted: bool },
}

/// How the boot goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Boot {
    /// As it should.
    Normal,
    /// The machine is lost at the end of the boot delay.
    Fails,
    /// The machine never answers.
    Hangs,
}

/// When the provider takes the lease back, and from when on it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preemption {
    pub(crate) notice: UnixMillis,
    pub(crate) at: UnixMillis,
    /// Whether every agent has been told.
    pub(crate) told: bool,
}

/// One node of the gang.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeRecord {
    pub(crate) rank: u32,
    /// Unique for ever; the marker of its processes.
    pub(crate) id: String,
    pub(crate) address: String,
    /// Its daemon, once spawned. A daemon spawned by a process that was killed before it could write
    /// this down is found by its marker.
    pub(crate) agent: Option<ProcessId>,
    /// Whether the daemon said that all of the node is below it: then it is ended there. Not known in
    /// records of earlier versions.
    #[serde(default)]
    pub(crate) adopts: bool,
    /// Control groups made for it.
    pub(crate) cgroups: Vec<PathBuf>,
    /// What the kernel granted, in words.
    pub(crate) limits: String,
    /// By which its agent knows who may speak to it. Empty in records of earlier versions, whose agents
    /// ask for none.
    #[serde(default)]
    pub(crate) word: Word,
    /// What of the machine is the node's own.
    #[serde(default, skip_serializing_if = "Share::is_empty")]
    pub(crate) share: Share,
}

/// The part of a machine that one node has to itself, beside CPUs and memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// Numbers of accelerators.
    pub(crate) devices: Vec<u32>,
    /// What its scripts find in their environment.
    pub(crate) env: BTreeMap<String, String>,
}

impl Share {
    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.env.is_empty()
    }
}

impl Record {
    pub(crate) const fn version() -> u32 {
        VERSION
    }

    /// As the port tells it, `now`.
    pub(crate) fn lease(&self, now: UnixMillis) -> Lease {
        let state = match &self.phase {
            Phase::Ended(verdict) => verdict.state(),
            Phase::Booting => LeaseState::Pending,
            Phase::Stopped => LeaseState::Stopped,
            Phase::Ready => match self.preemption {
                Some(Preemption { notice, at, .. }) if notice <= now => LeaseState::Preempting { at },
                _ => LeaseState::Ready,
            },
        };
        let nodes = match self.phase {
            Phase::Booting | Phase::Stopped => Vec::new(),
            _ => self.nodes.iter().map(NodeRecord::address).collect(),
        };
        self.request.answered(&self.id, state, nodes, self.started, self.ended)
    }

    /// Whether nothing of it is left but this record, or about to be.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Whether its processes are on another computer, which shares this folder: nothing here can tell how they are.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.on.as_ref().is_some_and(|on| !on.is_here())
    }

    /// Whether it still counts against capacity and costs money.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Booting | Phase::Ready)
    }
}

impl NodeRecord {
    fn address(&self) -> NodeAddress {
        NodeAddress { rank: self.rank, address: self.address.clone() }
    }
}

impl Verdict {
    fn state(&self) -> LeaseState {
        match self.clone() {
            Self::Released => LeaseState::Released,
            Self::Lost { reason, preempted } => LeaseState::Lost { reason, preempted },
        }
    }
}

/// A lease whose lock is held: nobody else changes it or starts or ends its processes.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) record: Record,
    pub(crate) folder: PathBuf,
    /// Made by this very hold: nobody else can have started anything yet.
    pub(crate) is_new: bool,
    _lock: Lock,
}

impl Held {
    /// Makes the lease, held from before anyone can see it; `None` when its id is taken.
    pub(crate) fn create(layout: &Layout, record: Record) -> Result<Option<Self>, MachineError> {
        let folder = layout.lease(&record.id);
        let content = encode(&folder, &record)?;
        let lock = durable::publish_dir(&folder, FILE, &content)
            .map_err(|source| MachineError::Write { path: folder.clone(), source })?;
        Ok(lock.map(|lock| Self { record, folder, is_new: true, _lock: lock }))
    }

    /// Waits for the lock of a lease and reads its record; `None` when there is no such lease on this computer.
    ///
    /// The lease may be archived while this waits. Its lock then still is the right one, since it
    /// belongs to the folder and not to its path, and only the path is looked up again.
    pub(crate) fn take(layout: &Layout, id: &LeaseId) -> Result<Option<Self>, MachineError> {
        let Some(folder) = layout.find(id) else { return Ok(None) };
        let lock = match Lock::take(&folder) {
            Ok(lock) => lock,
            // Archived between the two lines above; the archive is final, so this recurses once.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder != layout.ended(id) => {
                return Self::take(layout, id);
            }
            Err(source) => return Err(MachineError::Read { path: folder, source }),
        };
        let Some(folder) = layout.find(id) else { return Ok(None) };
        let record = read(&folder)?;
        if record.is_elsewhere() {
            return Ok(None);
        }
        Ok(Some(Self { record, folder, is_new: false, _lock: lock }))
    }

    /// Makes the present record the one that everybody sees.
    pub(crate) fn save(&self) -> Result<(), MachineError> {
        let path = self.folder.join(FILE);
        durable::replace(&path, &encode(&path, &self.record)?)
            .map_err(|source| MachineError::Write { path, source })
    }

    /// As [`Held::save`], and no power cut brings the old one back.
    pub(crate) fn save_for_good(&self) -> Result<(), MachineError> {
        self.save()?;
        durable::settle_names(&self.folder)
            .map_err(|source| MachineError::Write { path: self.folder.clone(), source })
    }

    /// Whether the lease is over and nothing is left of it but this record.
    pub(crate) fn is_archived(&self, layout: &Layout) -> bool {
        self.folder == layout.ended(&self.record.id)
    }

    /// Moves a lease that is over to the archive.
    pub(crate) fn archive(&mut self, layout: &Layout) -> Result<(), MachineError> {
        let to = layout.ended(&self.record.id);
        fs::rename(&self.folder, &to)
            .map_err(|source| MachineError::Write { path: self.folder.clone(), source })?;
        self.folder = to;
        Ok(())
    }
}

/// The record in the folder of a lease, as of now: it may change at once unless its lock is held.
pub(crate) fn read(folder: &Path) -> Result<Record, MachineError> {
    let path = folder.join(FILE);
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(source) => return Err(MachineError::Read { path, source }),
    };
    let record: Record = serde_json::from_slice(&content)
        .map_err(|source| MachineError::Record { path: path.clone(), source })?;
    if record.version == VERSION {
        Ok(record)
    } else {
        Err(MachineError::Version { path, found: record.version, known: VERSION })
    }
}

/// All readable records in `folder`. One that is damaged or was moved meanwhile hides only itself;
/// the sweep reports the damaged ones.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Record>, MachineError> {
    let folders =
        durable::entries(folder).map_err(|source| MachineError::Read { path: folder.to_owned(), source })?;
    Ok(folders.iter().filter_map(|folder| read(folder).ok()).collect())
}

fn encode(path: &Path, record: &Record) -> Result<Vec<u8>, MachineError> {
    serde_json::to_vec_pretty(record).map_err(|source| MachineError::Record { path: path.to_owned(), source })
}
