//! Reading the store from any process, while a broker works or not. Never locks, never makes anything.

use crate::error::StoreError;
use crate::id::{AttemptId, RunId};
use crate::live::{SALT, read};
use crate::meter::used;
use crate::record::Record;
use crate::sql;
use crate::store::path;
use crate::view::RunView;
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use welkin_ledger::{Bill, EntryKind, Estimate, MeterEvent, Terms};
use welkin_placement::Plan;
use welkin_provider::UnixMillis;

/// A view of a broker's store.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// Name of its job.
    pub name: String,
    /// State, as [`crate::RunState::name`] gives it.
    pub state: String,
    /// When it was submitted.
    pub submitted: UnixMillis,
}

/// One record of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryLine {
    /// Number, growing.
    pub seq: u64,
    /// When.
    pub at: UnixMillis,
    /// What.
    #[serde(flatten)]
    pub record: Record,
}

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Number, growing: ask for lines after it to follow.
    pub id: u64,
    /// Name of the task.
    pub task: String,
    /// Attempt.
    pub attempt: AttemptId,
    /// `prepare` or `run`.
    pub phase: String,
    /// Rank of the node.
    pub rank: u32,
    /// When, by the node's clock.
    pub at: UnixMillis,
    /// `stdout`, `stderr` or `agent`.
    pub stream: String,
    /// The line, or a piece of it.
    pub line: String,
    /// Which piece, when it is one: of lines that take long to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
}

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// The line goes on with the next piece of its stream.
    Open,
    /// The line ends with it.
    Last,
}

/// The stream of a row, and which piece of a line it holds.
fn stream_of(name: &str) -> (&str, Option<Piece>) {
    if let Some(stream) = name.strip_suffix(sql::PIECE) {
        return (stream, Some(Piece::Open));
    }
    match name.strip_suffix(sql::LAST_PIECE) {
        Some(stream) => (stream, Some(Piece::Last)),
        None => (name.trim_end(), None),
    }
}

/// Which lines of a run are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Of this task only.
    pub task: Option<String>,
    /// After this number.
    pub after: u64,
    /// At most so many, and never more than 1,000; absent means 1,000.
    pub limit: Option<u32>,
}

impl Reader {
    /// Opens the store of a state directory.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when there is none, [`StoreError::NewerSchema`] when a newer version
    /// wrote it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = path(dir);
        if !path.exists() {
            return Err(StoreError::Absent { path: dir.to_owned() });
        }
        // Writable, because a reader of a write-ahead log may have to make its index, and because a
        // cancel is asked for here.
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|source| StoreError::sql("opening the database", source))?;
        // A broker that was killed between making the file and the first table leaves nothing to read.
        if sql::check_version(&db)? == 0 {
            return Err(StoreError::Absent { path: dir.to_owned() });
        }
        sql::prepare(&db)?;
        Ok(Self { db })
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn list(&self) -> Result<Vec<RunSummary>, StoreError> {
        let rows = sql::runs(&self.db)?.into_iter();
        Ok(rows
            .map(|row| RunSummary { id: row.id, name: row.name, state: row.state, submitted: row.submitted })
            .collect())
    }

    /// The state of a run.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn status(&self, run: &RunId) -> Result<RunView, StoreError> {
        Ok(self.load(run)?.1)
    }

    /// The plan of a run, without the values of secrets.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn plan(&self, run: &RunId) -> Result<Plan, StoreError> {
        Ok(self.load(run)?.0)
    }

    /// The history of a run after record number `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn events(&self, run: &RunId, after: u64) -> Result<Vec<HistoryLine>, StoreError> {
        let history = sql::history(&self.db, run, after)?.into_iter();
        Ok(history.map(|(seq, at, record)| HistoryLine { seq, at, record }).collect())
    }

    /// Output of a run's scripts, in the order it was stored.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn logs(&self, run: &RunId, query: &LogQuery) -> Result<Vec<LogLine>, StoreError> {
        let plan = self.plan(run)?;
        let names: Vec<&str> = plan.tasks.iter().map(|task| task.task.as_str()).collect();
        let task = match &query.task {
            None => None,
            Some(name) => match names.iter().position(|other| other == name) {
                Some(index) => Some(index),
                None => return Ok(Vec::new()),
            },
        };
        let limit = query.limit.unwrap_or(crate::limits::LOG_PAGE).min(crate::limits::LOG_PAGE);
        let rows = sql::logs(&self.db, run, task, query.after, limit)?.into_iter();
        Ok(rows
            .map(|row| {
                let (stream, piece) = stream_of(&row.stream);
                LogLine {
                    id: row.id,
                    task: names.get(row.attempt.task).copied().unwrap_or_default().to_owned(),
                    attempt: row.attempt,
                    phase: row.phase,
                    rank: row.rank,
                    at: row.at,
                    stream: stream.to_owned(),
                    line: row.line,
                    piece,
                }
            })
            .collect())
    }

    /// What a run has cost up to `now`: leases, those that still run included, and data moved. `terms`
    /// as in [`crate::BrokerOptions::terms`]; they price only what is not booked yet.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn bill(
        &self,
        run: &RunId,
        now: UnixMillis,
        terms: &BTreeMap<String, Terms>,
    ) -> Result<Bill, StoreError> {
        let (plan, view) = self.load(run)?;
        let entries = sql::entries(&self.db, Some(run))?;
        let booked = entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Charge { event } => Some(event.clone()),
            _ => None,
        });
        let mut events: Vec<MeterEvent> = booked.collect();
        let salt = sql::meta(&self.db, SALT)?.unwrap_or_default();
        for attempt in view.attempts().filter(|attempt| !attempt.lease.is_over()) {
            let task = &view.tasks[attempt.id.task].name;
            let terms = terms.get(&attempt.place.location.provider).copied().unwrap_or(Terms::PER_SECOND);
            events.extend(used(run, task, attempt, &attempt.id.token(run, &salt), terms, now));
        }
        let machines =
            plan.tasks.iter().map(|task| Estimate { task: task.task.clone(), amount: task.choice.cost });
        let data = plan
            .transfers
            .iter()
            .map(|transfer| Estimate { task: transfer.task.clone(), amount: transfer.cost });
        let estimates: Vec<Estimate> = machines.chain(data).collect();
        Ok(Bill::of(&run.0, &events, &estimates))
    }

    /// Asks whichever broker drives the run to cancel it; one that opens the directory later does
    /// so when it resumes.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be written.
    pub fn request_cancel(&self, run: &RunId, now: UnixMillis) -> Result<(), StoreError> {
        sql::run(&self.db, run)?.ok_or_else(|| StoreError::NoSuchRun { run: run.clone() })?;
        sql::request_cancel(&self.db, run, now)
    }

    fn load(&self, run: &RunId) -> Result<(Plan, RunView), StoreError> {
        // One snapshot: the row and its history must be of the same moment.
        let sql = |source| StoreError::sql("reading a run", source);
        let snapshot = self.db.unchecked_transaction().map_err(sql)?;
        let row = sql::run(&snapshot, run)?.ok_or_else(|| StoreError::NoSuchRun { run: run.clone() })?;
        read(&snapshot, &row)
    }
}
