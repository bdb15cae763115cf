//! The database as a store of records.
//!
//! *Durability:* WAL with `synchronous=FULL`. With `NORMAL` a power cut could lose the record of a
//! lease that was asked for, and only the orphan sweep would find it. `OFF` is enough where only the
//! process may die: what was written is in the kernel's hands.
//!
//! *Threads:* a commit that waits for the disk runs on a thread of the runtime's pool, so that whoever can go on
//! does, and asks for the writes of the next commit meanwhile. Tokio's paused clock stands still while such a
//! thread works, so virtual time does not run past a commit. One that does not wait for the disk is made where
//! it was asked for: handing it over would cost more than the commit. What copies the whole database is done there, too,
//! and by a connection of its own, so that nobody who reads waits for it.

use crate::output::{self, Files, Missing};
use crate::text::{Result, failed};
use crate::{commit, glance, history, ledger, meta, projects, requests, room, runs, schema, sums, told};
use async_trait::async_trait;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_records::{
    Lines, LogRow, Moved, Numbered, Project, Records, RunId, RunLine, RunRow, Since, StepKey, StoreError,
    Told, Use, Which, Write, Written, cut_page,
};
use welkin_units::Bytes;

/// What survives what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Records survive a power cut: each commit waits for the disk.
    #[default]
    PowerCut,
    /// Records survive the end of the process, not of the machine.
    Process,
}

impl Durability {
    /// As SQLite calls it.
    pub(crate) const fn synchronous(self) -> &'static str {
        match self {
            Self::PowerCut => "FULL",
            Self::Process => "OFF",
        }
    }
}

/// The largest database that is looked through for damage, in bytes: some tenths of a second.
const LOOKED_THROUGH: u64 = 64 << 20;

/// Records in one SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    db: Arc<Mutex<Connection>>,
    /// Held by who writes, before the database is: who reads does not wait for one that waits.
    writing: Arc<Mutex<()>>,
    /// What lies beside it.
    files: Arc<Files>,
    path: PathBuf,
    /// The schema it has; the newest, unless it was only opened to look.
    schema: usize,
    durability: Durability,
}

impl Sqlite {
    /// Opens or makes the database, for its owner's eyes only, and brings it to the newest schema. The caller
    /// sees to it that nobody else writes.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer version wrote it, [`StoreError::Io`] and
    /// [`StoreError::Database`] when it cannot be used.
    pub fn open(path: &Path, durability: Durability) -> Result<Self> {
        // SQLite gives its log and its index the mode of the database.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|source| StoreError::Io { what: "creating", path: path.to_owned(), source })?;
        let mut db = Connection::open(path).map_err(|source| failed("opening the database", source))?;
        schema::check_version(&db)?;
        schema::prepare(&db)?;
        let setting = |source| failed("choosing the journal", source);
        db.pragma_update(None, "journal_mode", "WAL").map_err(setting)?;
        db.pragma_update(None, "synchronous", durability.synchronous()).map_err(setting)?;
        let schema = schema::migrate(&mut db)?;
        let store = Self::of(db, path, schema, durability);
        output::sweep(&store.db(), &store.files);
        Ok(store)
    }

    /// Opens the database to look at it, also one that may only be read. Makes and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when there is none, [`StoreError::Io`] when it cannot be seen whether there
    /// is, [`StoreError::NewerSchema`] when a newer version wrote it.
    pub fn look(path: &Path) -> Result<Self> {
        let there = path.try_exists();
        let absent = || StoreError::Absent { path: path.parent().unwrap_or(path).to_owned() };
        if !there.map_err(|source| StoreError::Io { what: "looking for", path: path.to_owned(), source })? {
            return Err(absent());
        }
        let db = glance::open(path)?;
        // A broker that was killed between making the file and the first table leaves nothing to read.
        let schema = schema::check_version(&db)?;
        if schema == 0 {
            return Err(absent());
        }
        schema::prepare(&db)?;
        Ok(Self::of(db, path, schema, Durability::PowerCut))
    }

    fn of(db: Connection, path: &Path, schema: usize, durability: Durability) -> Self {
        let files = Arc::new(Files::beside(path, durability == Durability::PowerCut));
        let (db, writing) = (Arc::new(Mutex::new(db)), Arc::default());
        Self { db, writing, files, path: path.to_owned(), schema, durability }
    }

    /// Whether lines may lie in files.
    const fn framed(&self) -> bool {
        self.schema >= schema::WITH_OUTPUT
    }

    /// What `look` finds at one moment. A file of that moment may be gone when it is read, since others write: then it is
    /// looked at anew, and what is not there then is missing.
    fn at_once<T>(&self, look: impl Fn(&Connection, Missing) -> Result<T>) -> Result<T> {
        let db = self.db();
        let once = |missing| {
            let snapshot = db.unchecked_transaction().map_err(|source| failed("reading logs", source))?;
            look(&snapshot, missing)
        };
        match once(Missing::Fails) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                once(Missing::IsSaid)
            }
            found => found,
        }
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        lock(&self.db)
    }
}

#[async_trait]
impl Records for Sqlite {
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>> {
        let (db, files, writing) = (Arc::clone(&self.db), Arc::clone(&self.files), Arc::clone(&self.writing));
        let work = move || {
            let _alone = lock(&writing);
            commit::all(&mut lock(&db), &files, &writes)
        };
        match (self.durability, Handle::try_current()) {
            (Durability::PowerCut, Ok(runtime)) => {
                runtime.spawn_blocking(work).await.expect("a commit does not panic, and is not called off")
            }
            _ => work(),
        }
    }

    async fn identity(&self, key: &str) -> Result<Option<String>> {
        meta::get(&self.db(), key)
    }

    async fn is_free(&self, run: &RunId) -> Result<bool> {
        runs::is_free(&self.db(), run)
    }

    async fn runs(&self, which: Which) -> Result<Vec<RunLine>> {
        runs::list(&self.db(), &which, self.schema)
    }

    async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>> {
        runs::of_token(&self.db(), token, self.schema)
    }

    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        let db = self.db();
        // One snapshot: the row and its history must be of the same moment.
        let snapshot = db.unchecked_transaction().map_err(|source| failed("reading a run", source))?;
        let Some(row) = runs::one(&snapshot, run, self.schema)? else { return Ok(None) };
        Ok(Some((row, history::history(&snapshot, run, 0, u32::MAX)?)))
    }

    async fn row(&self, run: &RunId) -> Result<Option<RunRow>> {
        runs::one(&self.db(), run, self.schema)
    }

    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        history::history(&self.db(), run, after, limit)
    }

    async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        let db = self.db();
        // One snapshot: what is there, and up to where that is all.
        let snapshot =
            db.unchecked_transaction().map_err(|source| failed("reading what has happened", source))?;
        history::since(&snapshot, after, limit)
    }

    async fn told(&self, run: &RunId, step: StepKey) -> Result<Told> {
        told::told(&self.db(), run, step, self.framed())
    }

    async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines> {
        told::lines(&self.db(), run, step, self.framed())
    }

    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        self.at_once(|db, missing| {
            let mut rows = told::logs(db, run, task, after, limit)?;
            match self.framed() {
                true => output::page(db, (&*self.files, missing), run, task, (after, limit), rows),
                false => {
                    cut_page(&mut rows);
                    Ok(rows)
                }
            }
        })
    }

    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        self.at_once(|db, _| {
            let ids = told::last(db, run, task, lines.saturating_add(1))?;
            match self.framed() {
                true => output::tail(db, &self.files, run, task, lines, ids),
                false => Ok(ids.get(usize::try_from(lines).unwrap_or(usize::MAX)).copied().unwrap_or(0)),
            }
        })
    }

    async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        told::log_bytes(&self.db(), run, self.framed())
    }

    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        ledger::entries(&self.db(), run, skip, limit)
    }

    async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        requests::cancels(&self.db())
    }

    async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        sums::moved(&self.db(), month, self.schema)
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        if self.schema < schema::WITH_PROJECTS {
            return Ok(Vec::new());
        }
        projects::all(&self.db())
    }

    async fn project_use(&self, name: &str) -> Result<Use> {
        if self.schema < schema::WITH_PROJECTS {
            return Ok(Use::default());
        }
        let db = self.db();
        let snapshot =
            db.unchecked_transaction().map_err(|source| failed("reading what a project uses", source))?;
        projects::used(&snapshot, name)
    }

    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        sums::providers_used(&self.db(), self.schema)
    }

    async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        runs::newest_moment_of_open(&self.db())
    }

    /// Lists are answered by an index, which may be whole while what it leads to is not.
    async fn damage(&self) -> Option<String> {
        let size = self.path.metadata().map_or(0, |file| file.len());
        if size > LOOKED_THROUGH {
            return None;
        }
        let found = self.db().query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        let words = found.unwrap_or_else(|error| error.to_string());
        (words != "ok").then_some(words)
    }

    async fn size(&self) -> u64 {
        let framed = if self.framed() { output::size(&self.db()).unwrap_or_default() } else { 0 };
        room::size(&self.path) + framed
    }

    async fn shrink(&self) -> Result<()> {
        let (path, durability, writing) = (self.path.clone(), self.durability, Arc::clone(&self.writing));
        let work = move || {
            let _alone = lock(&writing);
            room::shrink(&path, durability)
        };
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn_blocking(work).await.expect("it does not panic, and is not called off")
            }
            Err(_) => work(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
