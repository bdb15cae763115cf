//! What is on record of clusters and their parts, in a folder of JSON files.

use crate::machine::{entries, is_component, make_private, replace, settle_names, short_hash};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use welkin_provider::{Lease, LeaseId, LeaseRequest, LeaseState, NodeAddress, StepId, Token, UnixMillis};

const VERSION: u32 = 1;

/// What the type of a machine begins with that is a part of a cluster.
const TYPE: &str = "cluster/";

/// The type of a machine that is a part of a cluster.
#[must_use]
pub fn cluster_type(cluster: &str, part: &str) -> String {
    format!("{TYPE}{cluster}/{part}")
}

/// Whether machines of this type are parts of a cluster.
#[must_use]
pub fn is_cluster_type(instance_type: &str) -> bool {
    instance_type.starts_with(TYPE)
}

/// A lease whose machines others may have parts of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cluster {
    version: u32,
    /// The run that holds it.
    pub(super) run: String,
    pub(super) name: String,
    pub(super) lease: LeaseId,
    pub(super) request: LeaseRequest,
    /// Whether its machines are stopped: nobody gets a part of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) stopped: bool,
}

/// A part of a cluster, or the wish for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    version: u32,
    pub(super) id: LeaseId,
    /// Of those with the same priority the lower number comes first.
    pub(super) turn: u64,
    pub(super) priority: i32,
    /// The run that holds the cluster.
    pub(super) on: String,
    pub(super) request: LeaseRequest,
    pub(super) phase: Phase,
    /// Every step that was started in it, with the rank of its node.
    pub(super) steps: Vec<(u32, StepId)>,
    pub(super) started: UnixMillis,
    pub(super) ended: Option<UnixMillis>,
}

/// Where a part is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Waiting,
    /// It has these slots, by rank, of the machines of this lease.
    Held {
        of: LeaseId,
        slots: Vec<Slot>,
    },
    Released,
    Lost {
        reason: String,
        preempted: bool,
    },
}

/// What one node of a part is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    /// Rank of the machine in the cluster.
    pub(super) node: u32,
    /// Accelerators by number there, each with how many thousandths of it.
    pub(super) devices: Vec<(u32, u32)>,
}

impl Cluster {
    pub(super) fn new(run: &str, name: &str, lease: &LeaseId, request: &LeaseRequest) -> Self {
        let (run, name) = (run.to_owned(), name.to_owned());
        Self { version: VERSION, run, name, lease: lease.clone(), request: request.clone(), stopped: false }
    }
}

impl Cluster {
    /// The same cluster, stopped or not.
    pub(super) fn resting(self, stopped: bool) -> Self {
        Self { stopped, ..self }
    }
}

impl Part {
    pub(super) fn new(request: &LeaseRequest, on: &str, priority: i32, turn: u64, now: UnixMillis) -> Self {
        Self {
            version: VERSION,
            id: Self::id_of(&request.token),
            turn,
            priority,
            on: on.to_owned(),
            request: request.clone(),
            phase: Phase::Waiting,
            steps: Vec::new(),
            started: now,
            ended: None,
        }
    }

    /// The same part, granted.
    pub(super) fn held(&self, phase: Phase, now: UnixMillis) -> Self {
        // What it waited for is none of its time.
        Self { phase, started: now, ..self.clone() }
    }

    /// The same part, over. One that was never granted had no time.
    pub(super) fn over(&self, phase: Phase, now: UnixMillis) -> Self {
        let started = if self.phase == Phase::Waiting { now } else { self.started };
        Self { phase, started, ended: Some(now), ..self.clone() }
    }

    /// The id of the part that a token asks for.
    pub(super) fn id_of(token: &Token) -> LeaseId {
        LeaseId(format!("{PART}{}", short_hash(token.0.as_bytes())))
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Released | Phase::Lost { .. })
    }

    /// As the port tells it; `nodes` are there when the machines are.
    pub(super) fn lease(&self, nodes: Option<Vec<NodeAddress>>) -> Lease {
        let state = match (&self.phase, &nodes) {
            (Phase::Released, _) => LeaseState::Released,
            (Phase::Lost { reason, preempted }, _) => {
                LeaseState::Lost { reason: reason.clone(), preempted: *preempted }
            }
            (Phase::Held { .. }, Some(_)) => LeaseState::Ready,
            (Phase::Waiting | Phase::Held { .. }, _) => LeaseState::Pending,
        };
        self.request.answered(&self.id, state, nodes.unwrap_or_default(), self.started, self.ended)
    }
}

/// What the ids of parts begin with.
const PART: &str = "part-";

/// Whether a lease is a part of a cluster.
pub(super) fn is_part(lease: &LeaseId) -> bool {
    lease.0.starts_with(PART)
}

/// The files.
#[derive(Debug, Clone)]
pub(super) struct Files {
    clusters: PathBuf,
    parts: PathBuf,
    ended: PathBuf,
}

impl Files {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let [clusters, parts, ended] = ["clusters", "parts", "ended"].map(|name| root.join(name));
        [&clusters, &parts, &ended].into_iter().try_for_each(|folder| make_private(folder))?;
        Ok(Self { clusters, parts, ended })
    }

    /// Everything that is not over. What cannot be read is told, not passed over: it may hold something.
    pub(super) fn load(&self) -> io::Result<(Vec<Cluster>, Vec<Part>)> {
        Ok((read_all(&self.clusters)?, read_all(&self.parts)?))
    }

    pub(super) fn keep_cluster(&self, cluster: &Cluster) -> io::Result<()> {
        write(&self.clusters, &file(&cluster.run), cluster)
    }

    pub(super) fn drop_cluster(&self, run: &str) -> io::Result<()> {
        remove(&self.clusters.join(file(run)))
    }

    /// A part as it is now; one that is over is moved to where it is looked for only by its id.
    pub(super) fn keep_part(&self, part: &Part) -> io::Result<()> {
        let name = file(&part.id.0);
        if !part.is_over() {
            return write(&self.parts, &name, part);
        }
        write(&self.ended, &name, part)?;
        remove(&self.parts.join(name))
    }

    /// A part that is over.
    pub(super) fn ended(&self, id: &LeaseId) -> io::Result<Option<Part>> {
        match read(&self.ended.join(file(&id.0))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            part => part.map(Some),
        }
    }

    /// Drops a wish that was not granted, or the record of a part that is over.
    pub(super) fn forget(&self, id: &LeaseId) -> io::Result<()> {
        remove(&self.parts.join(file(&id.0)))?;
        remove(&self.ended.join(file(&id.0)))
    }
}

/// The name of a file for something with this name, whatever characters that has.
fn file(name: &str) -> String {
    let plain = if is_component(name) { name.to_owned() } else { short_hash(name.as_bytes()) };
    format!("{plain}.json")
}

fn write(folder: &Path, name: &str, what: &impl Serialize) -> io::Result<()> {
    let content = serde_json::to_vec(what).map_err(io::Error::other)?;
    replace(&folder.join(name), &content)?;
    settle_names(folder)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_all<T: DeserializeOwned>(folder: &Path) -> io::Result<Vec<T>> {
    entries(folder)?.iter().map(|path| read(path)).collect()
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let text = fs::read(path)?;
    let at = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let head: Head = serde_json::from_slice(&text).map_err(|error| at(&error))?;
    if head.version != VERSION {
        return Err(at(&format!("it has version {}, this program knows {VERSION}", head.version)));
    }
    serde_json::from_slice(&text).map_err(|error| at(&error))
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}
