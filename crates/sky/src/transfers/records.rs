//! What transfers have left in Welkin's folder: for each a folder with its journal, its manifest, and what it is about.

use super::Aimed;
use super::name::name;
use super::same::Same;
use crate::error::SkyError;
use crate::private::{own_folder, replace};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_broker::Clocks;
use welkin_transfer::journal::{Journal, JournalError, Past, Resumed, write_manifest};

/// In place of the hash of what a transfer does.
const STREAM: &str = "stream";

/// What a transfer is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransferRecord {
    /// Its name.
    pub id: String,
    /// `cp` or `sync`.
    pub verb: String,
    /// Where it moves from.
    pub source: String,
    /// Where it moves to.
    pub target: String,
    /// Where the keys of the manifest are.
    pub keys_at: String,
    /// Which place that is, told apart from every other. Older versions did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_of: Option<String>,
    /// Everything that decides what it does and between which stores, as a hash ([`Aimed::what`]). Older versions wrote a text
    /// that left the stores out: it is like no hash, so what they began is not gone on with.
    pub what: String,
    /// The command line, to be given again.
    pub args: Vec<String>,
    /// The folder it was given in.
    pub cwd: PathBuf,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferState {
    /// A process is at it.
    Running,
    /// Its process ended before it did.
    Interrupted,
    /// All arrived.
    Done,
    /// It is over, and something did not arrive.
    Incomplete,
    /// Its journal cannot be read to the end.
    Damaged,
}

impl TransferRecord {
    /// Of one that is about to begin; `args` and `cwd` are for whoever can give its command again.
    #[must_use]
    pub fn of(aimed: &Aimed, transfers: &Transfers) -> Self {
        Self {
            id: name(&aimed.verb, &*transfers.clocks),
            verb: aimed.verb.clone(),
            source: told(&aimed.named[0], &aimed.transfer.source),
            target: told(&aimed.named[1], &aimed.transfer.target),
            keys_at: aimed.keys_at.clone(),
            keys_of: Some(aimed.transfer.target.endpoint.identity()),
            what: aimed.what(),
            args: Vec::new(),
            cwd: PathBuf::new(),
        }
    }

    /// Of a stream, which comes once: none is like another. It goes to the place `keys_of`, called `keys_at`.
    #[must_use]
    pub fn of_stream(verb: &str, (keys_at, keys_of): (String, String), transfers: &Transfers) -> Self {
        Self {
            id: name(verb, &*transfers.clocks),
            verb: verb.to_owned(),
            source: "-".to_owned(),
            target: keys_at.clone(),
            keys_at,
            keys_of: Some(keys_of),
            what: STREAM.to_owned(),
            args: Vec::new(),
            cwd: PathBuf::new(),
        }
    }
}

/// What an end is called in lists: the store by the name that the user has for it, since two may have buckets of one
/// name, and a folder of this machine by its path.
fn told(named: &str, side: &welkin_transfer::engine::Side) -> String {
    if named.starts_with("file://") { side.to_string() } else { named.to_owned() }
}

/// All transfers of a folder.
#[derive(Debug, Clone)]
pub struct Transfers {
    root: PathBuf,
    clocks: Arc<dyn Clocks>,
}

impl Transfers {
    pub(crate) fn of(root: PathBuf, clocks: Arc<dyn Clocks>) -> Self {
        Self { root, clocks }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.clocks.read().wall.0).unwrap_or(i64::MAX)
    }

    /// The journal of one.
    #[must_use]
    pub fn journal(&self, id: &str) -> PathBuf {
        self.root.join(id).join("journal")
    }

    /// Where the manifest of one is, when it is over.
    #[must_use]
    pub fn manifest(&self, id: &str) -> PathBuf {
        self.root.join(id).join("manifest")
    }

    /// The manifest of a transfer that is over; `None` of another. One whose process was killed between the last record
    /// and the manifest gets it now.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn written_manifest(&self, about: &TransferRecord) -> Result<Option<PathBuf>, SkyError> {
        let path = self.manifest(&about.id);
        if path.is_file() {
            return Ok(Some(path));
        }
        if !matches!(self.state(about).0, TransferState::Done | TransferState::Incomplete) {
            return Ok(None);
        }
        write_manifest(&self.journal(&about.id), &path, &about.id, &about.source, &about.keys_at)?;
        Ok(Some(path))
    }

    /// Every transfer, oldest first. What cannot be read is left out.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn all(&self) -> Result<Vec<TransferRecord>, SkyError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(SkyError::reading(&self.root)(error)),
        };
        let mut all: Vec<(String, TransferRecord)> = entries
            .filter_map(|entry| {
                let text = fs::read_to_string(entry.ok()?.path().join("about.json")).ok()?;
                let about: TransferRecord = serde_json::from_str(&text).ok()?;
                Some((about.id.split_once('-').map_or(String::new(), |(_, rest)| rest.to_owned()), about))
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all.into_iter().map(|(_, about)| about).collect())
    }

    /// The transfer that `name` means: its name, or a beginning that fits no other.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn find(&self, name: &str) -> Result<TransferRecord, SkyError> {
        let all = self.all()?;
        let mut fitting = all.into_iter().filter(|about| about.id.starts_with(name) && !name.is_empty());
        let missing = || SkyError::NoTransfer { name: name.to_owned() };
        let first = fitting.next().ok_or_else(missing)?;
        match fitting.next() {
            Some(second) if first.id != name => {
                Err(SkyError::Transfers { name: name.to_owned(), fits: [first.id, second.id] })
            }
            _ => Ok(first),
        }
    }

    /// How far a transfer is, and what its journal says.
    #[must_use]
    pub fn state(&self, about: &TransferRecord) -> (TransferState, Resumed) {
        let path = self.journal(&about.id);
        let resumed = Journal::peek(&path).unwrap_or_default();
        let taken = matches!(
            fs::File::open(&path)
                .map(|file| rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockShared)),
            Ok(Err(rustix::io::Errno::WOULDBLOCK))
        );
        let state = match resumed.closed {
            _ if taken => TransferState::Running,
            _ if resumed.damaged.is_some() => TransferState::Damaged,
            Some((true, _)) => TransferState::Done,
            Some((false, _)) => TransferState::Incomplete,
            None => TransferState::Interrupted,
        };
        (state, resumed)
    }

    /// Goes on with the last transfer between the same places that does the same, if it was interrupted, or begins one.
    /// One that is over stays over, whether all of it arrived or not.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn open(&self, about: &mut TransferRecord, restart: bool) -> Result<Begun, SkyError> {
        let same = self.same(&about.what);
        let lock = same.lock()?;
        let last = same.last().and_then(|id| self.about(&id)).filter(|old| old.what == about.what);
        let mut told = None;
        if let Some(old) = last.filter(|_| !restart)
            && matches!(self.state(&old).0, TransferState::Interrupted | TransferState::Damaged)
        {
            match Journal::open(&self.journal(&old.id), &old.id, &old.what, self.now_ms()) {
                Ok((journal, resumed)) => {
                    *about = old;
                    return Ok(Begun { journal, resumed, told, _lock: lock });
                }
                // A transfer that nobody can go on with must not keep its command from running for ever.
                Err(error @ (JournalError::Damaged { .. } | JournalError::Foreign { .. })) => {
                    told = Some(format!("{error}; starting over"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.make(about)?;
        let (journal, resumed) =
            Journal::open(&self.journal(&about.id), &about.id, &about.what, self.now_ms())?;
        // Before anything is begun at the target, so that whoever goes on finds it.
        same.set_last(&about.id)?;
        Ok(Begun { journal, resumed, told, _lock: lock })
    }

    /// What the same command would go on with: its name and what arrived. Nothing is taken or written.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn interrupted(&self, what: &str) -> Result<Option<(String, Past)>, SkyError> {
        let last = self.same(what).last().and_then(|id| self.about(&id)).filter(|old| old.what == what);
        let Some(old) = last
            .filter(|old| matches!(self.state(old).0, TransferState::Interrupted | TransferState::Running))
        else {
            return Ok(None);
        };
        let past = Journal::past(&self.journal(&old.id))?;
        Ok(Some((old.id, past)))
    }

    /// Makes the folder of a transfer, which no other has.
    fn make(&self, about: &mut TransferRecord) -> Result<(), SkyError> {
        own_folder(&self.root)?;
        let folder = loop {
            let folder = self.root.join(&about.id);
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => break folder,
                // Two of one moment.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    about.id = name(&about.verb, &*self.clocks);
                }
                Err(error) => return Err(SkyError::writing(&folder)(error)),
            }
        };
        let path = folder.join("about.json");
        let text = serde_json::to_vec_pretty(about).map_err(std::io::Error::from);
        text.and_then(|text| replace(&path, &text)).map_err(SkyError::writing(&path))
    }

    /// Puts one on record that is like no other, with a journal of its own.
    ///
    /// # Errors
    /// Those of files and journals.
    pub fn alone(&self, record: &mut TransferRecord) -> Result<Journal, SkyError> {
        self.make(record)?;
        let path = self.journal(&record.id);
        let (journal, _) = Journal::open(&path, &record.id, &record.what, self.now_ms())?;
        Ok(journal)
    }

    /// Takes the journal of one.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn take(&self, about: &TransferRecord) -> Result<(Journal, Resumed), SkyError> {
        Ok(Journal::take(&self.journal(&about.id))?)
    }

    /// Forgets one, and with the last of its kind what is known of both ends.
    ///
    /// # Errors
    /// [`SkyError`]: of files, of journals, of names.
    pub fn forget(&self, about: &TransferRecord) -> Result<(), SkyError> {
        let same = self.same(&about.what);
        if same.last().as_deref() == Some(about.id.as_str()) {
            same.forget()?;
        }
        let folder: &Path = &self.root.join(&about.id);
        fs::remove_dir_all(folder).map_err(SkyError::writing(folder))
    }

    /// What all transfers have in common that do the same between the same places.
    #[must_use]
    pub fn same(&self, what: &str) -> Same {
        Same::new(&self.root, what)
    }

    fn about(&self, id: &str) -> Option<TransferRecord> {
        let text = fs::read_to_string(self.root.join(id).join("about.json")).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// A transfer that may begin.
#[derive(Debug)]
pub struct Begun {
    /// Where it writes what it did.
    pub journal: Journal,
    /// What is known from before.
    pub resumed: Resumed,
    /// Why it does not go on with an earlier one.
    pub told: Option<String>,
    /// Nobody else does the same while this lives.
    _lock: fs::File,
}
