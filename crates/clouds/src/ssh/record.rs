//! What this machine has on record of leases on hosts.
//!
//! ```text
//! acquire                      every host took its part        released, or a host is gone
//! ───────▶ Asking(parts) ─────────────────────────▶ Held ───────────────────────────▶ Ended
//!             │ a host says no: its parts are owed back, others are asked                │ nothing owed any more
//!             └──────────────────────────────────────────────────────────────────────────▼ archived
//! ```
//!
//! *Guarantee.* A part is on record before its host is asked for it, and stays there, as owed, until the host
//! has said that it is given back: however long the host is away, and whoever is killed meanwhile.

use super::notes::Notes;
use crate::machine::{
    Lock, entries, make_private, publish_dir, remove_stale, replace, settle_names, short_hash,
};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use welkin_provider::{
    ErrorKind, Lease, LeaseId, LeaseRequest, LeaseState, NodeAddress, ProviderError, Token, UnixMillis,
};

const VERSION: u32 = 1;
const FILE: &str = "lease.json";

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    pub(super) id: LeaseId,
    pub(super) request: LeaseRequest,
    pub(super) phase: Phase,
    /// How often hosts were chosen.
    pub(super) tries: u32,
    pub(super) parts: Vec<Part>,
    /// What hosts may still hold of it.
    pub(super) owed: Vec<Owed>,
    pub(super) started: UnixMillis,
    pub(super) ended: Option<UnixMillis>,
}

/// Where it is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Asking,
    Held,
    Released,
    Lost { reason: String },
}

/// What one host gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) host: String,
    /// Ranks of its nodes in the gang, in the order of their ranks there.
    pub(super) ranks: Vec<u32>,
    pub(super) token: Token,
    /// How the host calls it: it follows from the token.
    pub(super) lease: LeaseId,
}

/// Something to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owed {
    pub(super) host: String,
    pub(super) lease: LeaseId,
}

impl Record {
    pub(super) fn new(id: LeaseId, request: &LeaseRequest, now: UnixMillis) -> Self {
        Self {
            version: VERSION,
            id,
            request: request.clone(),
            phase: Phase::Asking,
            tries: 0,
            parts: Vec::new(),
            owed: Vec::new(),
            started: now,
            ended: None,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Released | Phase::Lost { .. })
    }

    /// As the port tells it; `nodes` are there when every host says that it is ready.
    pub(super) fn lease(&self, nodes: Option<Vec<NodeAddress>>) -> Lease {
        let state = match (&self.phase, &nodes) {
            (Phase::Released, _) => LeaseState::Released,
            (Phase::Lost { reason }, _) => LeaseState::Lost { reason: reason.clone(), preempted: false },
            (Phase::Held, Some(_)) => LeaseState::Ready,
            (Phase::Asking | Phase::Held, _) => LeaseState::Pending,
        };
        self.request.answered(&self.id, state, nodes.unwrap_or_default(), self.started, self.ended)
    }

    /// Sets the parts of the next try: so many nodes of each host.
    pub(super) fn divide(&mut self, nodes: &[(String, u32)]) {
        self.tries += 1;
        let mut next = 0;
        self.parts = nodes
            .iter()
            .map(|(host, count)| {
                let ranks = (next..next + count).collect();
                next += count;
                let token = Token(format!("{}@{host}#{}", self.request.token, self.tries));
                let lease = LeaseId(format!("{}-{}", crate::host::PROVIDER, short_hash(token.0.as_bytes())));
                Part { host: host.clone(), ranks, token, lease }
            })
            .collect();
    }

    /// Whatever the parts hold is owed back from now on.
    pub(super) fn owe(&mut self) {
        let owed = self.parts.iter().map(|part| Owed { host: part.host.clone(), lease: part.lease.clone() });
        self.owed.extend(owed);
    }

    /// The request for a part.
    pub(super) fn request_of(&self, part: &Part) -> LeaseRequest {
        LeaseRequest {
            token: part.token.clone(),
            nodes: u32::try_from(part.ranks.len()).unwrap_or(u32::MAX),
            ..self.request.clone()
        }
    }

    /// The part and the rank there of a rank of the gang.
    pub(super) fn part_of(&self, rank: u32) -> Option<(&Part, u32)> {
        self.parts.iter().find_map(|part| {
            let at = part.ranks.iter().position(|known| *known == rank)?;
            Some((part, u32::try_from(at).ok()?))
        })
    }
}

/// The records of a provider, in a folder.
#[derive(Debug, Clone)]
pub(super) struct Records {
    live: PathBuf,
    over: PathBuf,
}

/// A lease that nobody else changes meanwhile.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) record: Record,
    folder: PathBuf,
    over: PathBuf,
    _lock: Lock,
}

impl Records {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let records = Self { live: root.join("leases"), over: root.join("ended") };
        make_private(&records.live)?;
        make_private(&records.over)?;
        // What killed processes left half made. What cannot be removed harms nobody.
        let _ = remove_stale(&records.live);
        Ok(records)
    }

    /// The id of the lease that a token asks for.
    pub(super) fn id(token: &Token) -> LeaseId {
        LeaseId(format!("ssh-{}", short_hash(token.0.as_bytes())))
    }

    /// The lease of a request, made where there is none.
    pub(super) async fn make(&self, request: &LeaseRequest, now: UnixMillis) -> Result<Held, ProviderError> {
        let (records, request) = (self.clone(), request.clone());
        apart(move || {
            let id = Self::id(&request.token);
            if records.find(&id).is_none() {
                let record = Record::new(id.clone(), &request, now);
                let folder = records.live.join(&id.0);
                if let Some(lock) = publish_dir(&folder, FILE, &encode(&record)?)? {
                    return Ok(Held { record, folder, over: records.over.join(&id.0), _lock: lock });
                }
            }
            records.lock(&id)?.ok_or_else(|| io::ErrorKind::NotFound.into())
        })
        .await
    }

    /// A lease, held.
    pub(super) async fn hold(&self, id: &LeaseId) -> Result<Held, ProviderError> {
        let (records, wanted) = (self.clone(), id.clone());
        apart(move || records.lock(&wanted)).await?.ok_or_else(|| no_lease(id))
    }

    /// A lease as it is now: it may change at once.
    pub(super) fn read(&self, id: &LeaseId) -> Result<Record, ProviderError> {
        let folder = self.find(id).ok_or_else(|| no_lease(id))?;
        match read(&folder) {
            // Archived meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self
                .find(id)
                .ok_or_else(|| no_lease(id))
                .and_then(|folder| read(&folder).map_err(|e| fault(&e))),
            result => result.map_err(|error| fault(&error)),
        }
    }

    /// Where the outputs of a node go.
    pub(super) fn notes(&self, id: &LeaseId, rank: u32) -> Result<Notes, ProviderError> {
        self.find(id).map(|folder| Notes::of(&folder, rank)).ok_or_else(|| no_lease(id))
    }

    /// Every lease that is not archived.
    pub(super) fn live(&self) -> Result<Vec<Record>, ProviderError> {
        read_all(&self.live).map_err(|error| fault(&error))
    }

    /// Every lease.
    pub(super) fn all(&self) -> Result<Vec<Record>, ProviderError> {
        let mut all = self.live()?;
        all.extend(read_all(&self.over).map_err(|error| fault(&error))?);
        // One that was archived between the two reads is there twice.
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.dedup_by(|a, b| a.id == b.id);
        Ok(all)
    }

    /// Drops the archive of a lease.
    pub(super) fn forget(&self, id: &LeaseId) -> Result<(), ProviderError> {
        let folder = self.over.join(&id.0);
        if !plain(id) || !folder.exists() {
            return Ok(());
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(&error)),
            _ => Ok(()),
        }
    }

    fn find(&self, id: &LeaseId) -> Option<PathBuf> {
        plain(id).then_some(())?;
        [self.live.join(&id.0), self.over.join(&id.0)].into_iter().find(|folder| folder.exists())
    }

    fn lock(&self, id: &LeaseId) -> io::Result<Option<Held>> {
        // Archived while this waits: the lock belongs to the folder and stays the right one.
        for _ in 0..2 {
            let Some(folder) = self.find(id) else { return Ok(None) };
            let lock = match Lock::take(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                lock => lock?,
            };
            let Some(folder) = self.find(id) else { return Ok(None) };
            let record = read(&folder)?;
            return Ok(Some(Held { record, folder, over: self.over.join(&id.0), _lock: lock }));
        }
        Ok(None)
    }
}

impl Held {
    /// Makes the present record the one that everybody sees, for good.
    pub(super) fn save(&self) -> Result<(), ProviderError> {
        let saved = encode(&self.record)
            .and_then(|content| replace(&self.folder.join(FILE), &content))
            .and_then(|()| settle_names(&self.folder));
        saved.map_err(|error| fault(&error))
    }

    /// Moves a lease that is over, and of which nothing is owed, to the archive.
    pub(super) fn archive_if_done(&mut self) -> Result<(), ProviderError> {
        let done = self.record.is_over() && self.record.owed.is_empty() && self.folder != self.over;
        if !done {
            return Ok(());
        }
        fs::rename(&self.folder, &self.over).map_err(|error| fault(&error))?;
        self.folder.clone_from(&self.over);
        Ok(())
    }

    /// Drops a lease that no host ever gave anything for.
    pub(super) fn unmake(self) -> Result<(), ProviderError> {
        fs::remove_dir_all(&self.folder).map_err(|error| fault(&error))
    }
}

fn read(folder: &Path) -> io::Result<Record> {
    let record: Record = serde_json::from_slice(&fs::read(folder.join(FILE))?).map_err(io::Error::other)?;
    if record.version == VERSION {
        return Ok(record);
    }
    Err(io::Error::other(format!(
        "{} has version {}, this program knows {VERSION}",
        folder.display(),
        record.version
    )))
}

/// One that is damaged hides only itself.
fn read_all(folder: &Path) -> io::Result<Vec<Record>> {
    Ok(entries(folder)?.iter().filter_map(|folder| read(folder).ok()).collect())
}

fn encode(record: &Record) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(record).map_err(io::Error::other)
}

fn plain(id: &LeaseId) -> bool {
    crate::machine::is_component(&id.0)
}

fn no_lease(id: &LeaseId) -> ProviderError {
    ProviderError::new(crate::host::PROVIDER, format!("look up {id}"), ErrorKind::NotFound, "no such lease")
}

fn fault(error: &io::Error) -> ProviderError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoCapacity,
        _ => ErrorKind::Transient,
    };
    ProviderError::new(crate::host::PROVIDER, "records of leases", kind, error.to_string())
}

async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ProviderError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(io::Error::other(stopped))).map_err(|error| fault(&error))
}
