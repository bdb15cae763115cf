//! What transfers have left in Welkin's folder: for each a folder with its journal, its manifest, and what it is about.

use crate::moving::private;
use crate::moving::same::Same;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_transfer::engine::{Options, Transfer};
use welkin_transfer::journal::{Journal, JournalError, Past, Resumed, write_manifest};

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
    /// Everything that decides what it does and between which stores, as a hash ([`what`]). Older versions wrote a text
    /// that left the stores out: it is like no hash, so what they began is not gone on with.
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
    /// Its journal cannot be read to the end.
    Damaged,
}

/// What tells transfers apart that are not the same: a hash of everything that decides what one does, and of where.
pub(crate) fn what(verb: &str, transfer: &Transfer) -> String {
    let Transfer { source, target, scope, options } = transfer;
    let ends = [source, target].map(|side| (side.endpoint.identity(), side.prefix.as_str()));
    let Options { compare, filter, delete, part_bytes, .. } = options;
    let text = format!("{verb} {ends:?} {scope:?} {compare:?} {filter:?} {delete:?} {part_bytes:?}");
    blake3::hash(text.as_bytes()).to_hex().to_string()
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
            _ if resumed.damaged.is_some() => State::Damaged,
            Some((true, _)) => State::Done,
            Some((false, _)) => State::Incomplete,
            None => State::Interrupted,
        };
        (state, resumed)
    }

    /// Goes on with the last transfer between the same places that does the same, if it was interrupted, or begins one.
    /// One that is over stays over, whether all of it arrived or not.
    pub(crate) fn open(&self, about: &mut About, restart: bool) -> anyhow::Result<Begun> {
        let same = self.same(&about.what);
        let lock = same.lock()?;
        let last = same.last().and_then(|id| self.about(&id)).filter(|old| old.what == about.what);
        let mut told = None;
        if let Some(old) = last.filter(|_| !restart)
            && matches!(self.state(&old).0, State::Interrupted | State::Damaged)
        {
            match Journal::open(&self.journal(&old.id), &old.id, &old.what, now_ms()) {
                Ok((journal, resumed)) => {
                    *about = old;
                    return Ok(Begun { journal, resumed, told, _lock: lock });
                }
                // A transfer that nobody can go on with must not keep its command from running for ever.
                Err(error @ (JournalError::Damaged { .. } | JournalError::Foreign { .. })) => {
                    told = Some(format!("{error}; beginning anew"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.make(about)?;
        let (journal, resumed) = Journal::open(&self.journal(&about.id), &about.id, &about.what, now_ms())?;
        // Before anything is begun at the target, so that whoever goes on finds it.
        same.set_last(&about.id)?;
        Ok(Begun { journal, resumed, told, _lock: lock })
    }

    /// What the same command would go on with: its name and what arrived. Nothing is taken or written.
    pub(crate) fn interrupted(&self, what: &str) -> anyhow::Result<Option<(String, Past)>> {
        let last = self.same(what).last().and_then(|id| self.about(&id)).filter(|old| old.what == what);
        let Some(old) = last.filter(|old| matches!(self.state(old).0, State::Interrupted | State::Running))
        else {
            return Ok(None);
        };
        let past = Journal::past(&self.journal(&old.id))?;
        Ok(Some((old.id, past)))
    }

    /// Makes the folder of a transfer, which no other has.
    pub(crate) fn make(&self, about: &mut About) -> anyhow::Result<()> {
        private::folder(&self.root)?;
        let folder = loop {
            let folder = self.root.join(&about.id);
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => break folder,
                // Two of one moment.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    about.id = Self::new_id(&about.verb);
                }
                Err(error) => return Err(error).with_context(|| format!("making {}", folder.display())),
            }
        };
        private::write(&folder.join("about.json"), &serde_json::to_vec_pretty(about)?)
    }

    /// Takes the journal of one.
    pub(crate) fn take(&self, about: &About) -> anyhow::Result<(Journal, Resumed)> {
        Ok(Journal::take(&self.journal(&about.id))?)
    }

    /// Forgets one, and with the last of its kind what is known of both ends.
    pub(crate) fn forget(&self, about: &About) -> anyhow::Result<()> {
        let same = self.same(&about.what);
        if same.last().as_deref() == Some(about.id.as_str()) {
            same.forget()?;
        }
        let folder: &Path = &self.root.join(&about.id);
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))
    }

    /// What all transfers have in common that do the same between the same places.
    pub(crate) fn same(&self, what: &str) -> Same {
        Same::new(&self.root, what)
    }

    fn about(&self, id: &str) -> Option<About> {
        let text = fs::read_to_string(self.root.join(id).join("about.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// A name for a new transfer: its verb, the time, and something of its own.
    pub(crate) fn new_id(verb: &str) -> String {
        let now = jiff::Timestamp::now();
        let time = now.strftime("%Y%m%d-%H%M%S");
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = format!("{}-{}-{count}", now.as_nanosecond(), std::process::id());
        format!("{verb}-{time}-{}", &blake3::hash(own.as_bytes()).to_hex()[..4])
    }
}

/// A transfer that may begin.
pub(crate) struct Begun {
    pub(crate) journal: Journal,
    /// What is known from before.
    pub(crate) resumed: Resumed,
    /// Why it does not go on with an earlier one.
    pub(crate) told: Option<String>,
    /// Nobody else does the same while this lives.
    _lock: fs::File,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
