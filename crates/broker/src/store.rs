//! The durable state: one SQLite database in the state directory.
//!
//! Every write goes through [`Store::write`] and is committed together with all others that were asked
//! for in the same round of the executor: a thousand tasks that go on at once cost one `fsync`, not a
//! thousand. After the hook said `Break`, no write returns any more: whoever waits for one waits for
//! ever, which is what a killed process looks like from inside.
//!
//! Commits run on the caller's thread. Each is one small transaction on a connection that only this
//! process writes to, bounded by one `fsync` (a few milliseconds on a disk); handing them to another
//! thread would cost as much and let virtual time run past them.
//!
//! *Guarantee:* writes are applied in the order in which they were asked for; one that fails leaves
//! nothing of itself and does not touch its neighbours; and whoever looks at the database sees every
//! write that was asked for, since a look commits first. So the future of a write may be dropped.
//!
//! *Durability:* WAL with `synchronous=FULL`. With `NORMAL` a power cut could lose the record of a
//! lease that was asked for, and only the orphan sweep would find it. `OFF` is enough where only the
//! process may die: what was written is in the kernel's hands.
//!
//! *Rejected:* a transaction that stays open while others join it: its lock would outlive a future that
//! is dropped, and keep the cancel requests of other processes out.

use crate::batch::{self, Write};
use crate::error::StoreError;
use crate::id::RunId;
use crate::options::{Durability, Hook};
use crate::{runs, schema};
use rusqlite::{Connection, Transaction};
use std::fs::{DirBuilder, OpenOptions};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Name of the database in the state directory.
const FILE: &str = "broker.sqlite3";

pub(crate) struct Store {
    db: Mutex<Connection>,
    waiting: Mutex<Vec<Box<dyn Write>>>,
    hook: Option<Hook>,
    writes: Mutex<u64>,
    dead: watch::Sender<bool>,
}

/// Makes the state directory, for its owner's eyes only: it will hold secrets.
pub(crate) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| StoreError::Io {
        what: "creating",
        path: dir.to_owned(),
        source,
    })
}

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

impl Store {
    /// Opens or makes the store; the caller holds the lock of the directory.
    pub(crate) fn open(dir: &Path, durability: Durability, hook: Option<Hook>) -> Result<Self, StoreError> {
        let path = path(dir);
        // SQLite gives its log and its index the mode of the database.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| StoreError::Io { what: "creating", path: path.clone(), source })?;
        let mut db =
            Connection::open(&path).map_err(|source| StoreError::sql("opening the database", source))?;
        schema::check_version(&db)?;
        schema::prepare(&db)?;
        let setting = |source| StoreError::sql("choosing the journal", source);
        db.pragma_update(None, "journal_mode", "WAL").map_err(setting)?;
        let synchronous = match durability {
            Durability::PowerCut => "FULL",
            Durability::Process => "OFF",
        };
        db.pragma_update(None, "synchronous", synchronous).map_err(setting)?;
        schema::migrate(&mut db)?;
        Ok(Self {
            db: Mutex::new(db),
            waiting: Mutex::default(),
            hook,
            writes: Mutex::new(0),
            dead: watch::Sender::new(false),
        })
    }

    /// A look at the database, with everything in it that was asked for.
    pub(crate) fn db(&self) -> MutexGuard<'_, Connection> {
        self.commit();
        lock(&self.db)
    }

    /// One durable write. Nothing of it is visible when it fails; when it returns, all of it stays.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (write, mut answer) = batch::write(body);
        lock(&self.waiting).push(write);
        // Whoever else can go on now asks for its write meanwhile.
        tokio::task::yield_now().await;
        let answered = answer.try_recv().or_else(|_| {
            self.commit();
            answer.try_recv()
        });
        match answered {
            Ok(done) => done,
            // The hook ended the broker before there was an answer.
            Err(_) => std::future::pending().await,
        }
    }

    /// Commits every write that waits.
    fn commit(&self) {
        let mut db = lock(&self.db);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        if waiting.is_empty() || *self.dead.borrow() {
            return;
        }
        let answers = batch::commit(&mut db, waiting);
        drop(db);
        if self.count().is_break() {
            self.dead.send_replace(true);
            return;
        }
        answers.into_iter().for_each(|answer| answer());
    }

    fn count(&self) -> ControlFlow<()> {
        let mut writes = lock(&self.writes);
        *writes += 1;
        self.hook.as_ref().map_or(ControlFlow::Continue(()), |hook| hook(*writes))
    }

    /// Returns once the hook ended the broker.
    pub(crate) async fn died(&self) {
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    pub(crate) fn run(&self, id: &RunId) -> Result<runs::RunRow, StoreError> {
        runs::one(&self.db(), id)?.ok_or_else(|| StoreError::NoSuchRun { run: id.clone() })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
