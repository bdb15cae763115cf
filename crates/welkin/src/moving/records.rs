//! What transfers have left in Welkin's folder: for each a folder with its journal, its manifest, and what it is about.

use crate::report::{Code, Fault};
use crate::settings::make_private;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use welkin_transfer::journal::{Journal, JournalError, Resumed, write_manifest};

/// What a transfer is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) id: String,
    /// `cp` or `sync`.
    pub(crate) verb: String,
    pub(crate) source: String,
    pub(crate) target: String,
    /// Where the keys of the manifest are.
    pub(crate) keys_at: String,
    /// Everything that decides what it does.
    pub(crate) what: String,
    /// The command line, to be given again.
    pub(crate) args: Vec<String>,
    /// The folder it was given in.
    pub(crate) cwd: PathBuf,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Running,
    Interrupted,
    Done,
    Incomplete,
}

/// All transfers of a folder.
pub(crate) struct Records {
    root: PathBuf,
}

impl Records {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn journal(&self, id: &str) -> PathBuf {
        self.root.join(id).join("journal")
    }

    pub(crate) fn manifest(&self, id: &str) -> PathBuf {
        self.root.join(id).join("manifest")
    }

    /// The manifest of a transfer that is over; `None` of another. One whose process was killed between the last record
    /// and the manifest gets it now.
    pub(crate) fn written_manifest(&self, about: &About) -> anyhow::Result<Option<PathBuf>> {
        let path = self.manifest(&about.id);
        if path.is_file() {
            return Ok(Some(path));
        }
        if !matches!(self.state(about).0, State::Done | State::Incomplete) {
            return Ok(None);
        }
        write_manifest(&self.journal(&about.id), &path, &about.id, &about.source, &about.keys_at)?;
        Ok(Some(path))
    }

    /// Every transfer, oldest first. What cannot be read is left out.
    pub(crate) fn all(&self) -> anyhow::Result<Vec<About>> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", self.root.display())),
        };
        let mut all: Vec<(String, About)> = entries
            .filter_map(|entry| {
                let text = fs::read_to_string(entry.ok()?.path().join("about.json")).ok()?;
                let about: About = serde_json::from_str(&text).ok()?;
                Some((about.id.split_once('-').map_or(String::new(), |(_, rest)| rest.to_owned()), about))
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all.into_iter().map(|(_, about)| about).collect())
    }

    /// The transfer that `name` means: its name, or a beginning that fits no other.
    pub(crate) fn find(&self, name: &str) -> anyhow::Result<About> {
        let all = self.all()?;
        let mut fitting = all.into_iter().filter(|about| about.id.starts_with(name) && !name.is_empty());
        let missing = || Fault::new(Code::NoSuchTransfer, format!("there is no transfer `{name}`"));
        let first = fitting.next().ok_or_else(missing)?;
        match fitting.next() {
            Some(second) if first.id != name => {
                let message = format!("`{name}` could be {} or {}", first.id, second.id);
                Err(Fault::new(Code::NoSuchTransfer, message).into())
            }
            _ => Ok(first),
        }
    }

    /// How far a transfer is, and what its journal says.
    pub(crate) fn state(&self, about: &About) -> (State, Resumed) {
        let path = self.journal(&about.id);
        let resumed = Journal::peek(&path).unwrap_or_default();
        let taken = matches!(
            fs::File::open(&path)
                .map(|file| rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockShared)),
            Ok(Err(rustix::io::Errno::WOULDBLOCK))
        );
        let state = match resumed.closed {
            _ if taken => State::Running,
            Some((true, _)) => State::Done,
            Some((false, _)) => State::Incomplete,
            None => State::Interrupted,
        };
        (state, resumed)
    }

    /// Goes on with the unfinished transfer that does the same, or begins one.
    pub(crate) fn open(&self, about: &mut About, restart: bool) -> anyhow::Result<(Journal, Resumed)> {
        if !restart {
            for old in self.all()?.into_iter().rev().filter(|old| old.what == about.what) {
                if matches!(self.state(&old).0, State::Interrupted | State::Incomplete) {
                    match Journal::open(&self.journal(&old.id), &old.id, &old.what, now_ms()) {
                        Ok(opened) => {
                            *about = old;
                            return Ok(opened);
                        }
                        // Taken by another process since.
                        Err(JournalError::InUse { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        let folder = self.root.join(&about.id);
        make_private(&folder).with_context(|| format!("making {}", folder.display()))?;
        let beside = folder.join("about.part");
        fs::write(&beside, serde_json::to_vec_pretty(about)?)
            .and_then(|()| fs::rename(&beside, folder.join("about.json")))
            .with_context(|| format!("writing to {}", folder.display()))?;
        Ok(Journal::open(&self.journal(&about.id), &about.id, &about.what, now_ms())?)
    }

    /// Takes the journal of one.
    pub(crate) fn take(&self, about: &About) -> anyhow::Result<(Journal, Resumed)> {
        Ok(Journal::open(&self.journal(&about.id), &about.id, &about.what, now_ms())?)
    }

    /// Forgets one.
    pub(crate) fn forget(&self, id: &str) -> anyhow::Result<()> {
        let folder: &Path = &self.root.join(id);
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))
    }

    /// A name for a new transfer: its verb, the time, and something of its own.
    pub(crate) fn new_id(verb: &str) -> String {
        let now = jiff::Timestamp::now();
        let time = now.strftime("%Y%m%d-%H%M%S");
        let own = blake3::hash(format!("{}-{}", now.as_nanosecond(), std::process::id()).as_bytes());
        format!("{verb}-{time}-{}", &own.to_hex()[..4])
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
