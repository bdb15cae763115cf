//! The durable state: one SQLite database in the state directory.
//!
//! Every write goes through [`Store::write`]: one transaction, one count, one call of the hook. After
//! the hook said `Break`, no write returns any more: whoever waits for one waits for ever, which is
//! what a killed process looks like from inside.
//!
//! Writes run on the caller's thread. Each is one small transaction on a connection that only this
//! process writes to, bounded by one `fsync` (a few milliseconds on a disk); handing them to another
//! thread would cost as much and let virtual time run past them.
//!
//! *Durability:* WAL with `synchronous=FULL`. With `NORMAL` a power cut could lose the record of a
//! lease that was asked for, and only the orphan sweep would find it. `OFF` is enough where only the
//! process may die: what was written is in the kernel's hands.

use crate::error::StoreError;
use crate::id::RunId;
use crate::options::{Durability, Hook};
use crate::sql;
use rusqlite::{Connection, Transaction, TransactionBehavior};
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
        sql::check_version(&db)?;
        sql::prepare(&db)?;
        let setting = |source| StoreError::sql("choosing the journal", source);
        db.pragma_update(None, "journal_mode", "WAL").map_err(setting)?;
        let synchronous = match durability {
            Durability::PowerCut => "FULL",
            Durability::Process => "OFF",
        };
        db.pragma_update(None, "synchronous", synchronous).map_err(setting)?;
        sql::migrate(&mut db)?;
        Ok(Self { db: Mutex::new(db), hook, writes: Mutex::new(0), dead: watch::Sender::new(false) })
    }

    /// A look at the database.
    pub(crate) fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One durable write. Nothing of it is visible when it fails; when it returns, all of it stays.
    pub(crate) async fn write<T>(
        &self,
        body: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if *self.dead.borrow() {
            return std::future::pending().await;
        }
        let done = {
            let mut db = self.db();
            let transaction = db
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(|source| StoreError::sql("beginning a write", source))?;
            let done = body(&transaction)?;
            transaction.commit().map_err(|source| StoreError::sql("committing a write", source))?;
            done
        };
        if self.count().is_break() {
            self.dead.send_replace(true);
            return std::future::pending().await;
        }
        Ok(done)
    }

    fn count(&self) -> ControlFlow<()> {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        *writes += 1;
        self.hook.as_ref().map_or(ControlFlow::Continue(()), |hook| hook(*writes))
    }

    /// Returns once the hook ended the broker.
    pub(crate) async fn died(&self) {
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    pub(crate) fn run(&self, id: &RunId) -> Result<sql::RunRow, StoreError> {
        sql::run(&self.db(), id)?.ok_or_else(|| StoreError::NoSuchRun { run: id.clone() })
    }
}
