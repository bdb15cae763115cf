//! Reading the store from any process, while a broker works or not. Never locks, never makes anything.

use crate::error::StoreError;
use crate::id::{AttemptId, RunId};
use crate::live::{SALT, read};
use crate::meter::used;
use crate::record::Record;
use crate::state::RunState;
use crate::steady::{Clocks, SteadyClock};
use crate::store::path;
use crate::view::RunView;
use crate::{glance, lock, runs, schema, sql, sums};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_ledger::{Bill, EntryKind, Estimate, MeterEvent, MonthToDate, Pricing, Terms};
use welkin_placement::Plan;
use welkin_provider::{Owner, UnixMillis};

/// A view of a broker's store.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
    dir: PathBuf,
    schema: usize,
}

/// The largest database that is looked through for damage, in bytes: some tenths of a second.
const LOOKED_THROUGH: u64 = 64 << 20;

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
    /// Of a run that is not over: whether some process drives it. What it has leased costs all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driven: Option<bool>,
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
    /// Opens the store of a state directory, also one that may only be read.
    ///
    /// # Errors
    /// [`StoreError::Absent`] when there is none, [`StoreError::Io`] when it cannot be seen whether there
    /// is, [`StoreError::NewerSchema`] when a newer version wrote it.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = path(dir);
        let there = path.try_exists();
        if !there.map_err(|source| StoreError::Io { what: "looking for", path: path.clone(), source })? {
            return Err(StoreError::Absent { path: dir.to_owned() });
        }
        let db = glance::open(&path)?;
        // A broker that was killed between making the file and the first table leaves nothing to read.
        let schema = schema::check_version(&db)?;
        if schema == 0 {
            return Err(StoreError::Absent { path: dir.to_owned() });
        }
        schema::prepare(&db)?;
        Ok(Self { db, dir: dir.to_owned(), schema })
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn list(&self) -> Result<Vec<RunSummary>, StoreError> {
        Ok(self.summaries(runs::all(&self.db)?))
    }

    /// What is wrong with the database, in the words of SQLite. Lists are answered by an index, which may be
    /// whole while what it leads to is not. A database of more than 64 MiB is not looked through.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        let size = path(&self.dir).metadata().map_or(0, |file| file.len());
        if size > LOOKED_THROUGH {
            return None;
        }
        let found = self.db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        let words = found.unwrap_or_else(|error| error.to_string());
        (words != "ok").then_some(words)
    }

    /// Every run that is not over, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError> {
        Ok(self.summaries(runs::open(&self.db)?))
    }

    /// The latest run of a job of this name, or of any.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn latest(&self, name: Option<&str>) -> Result<Option<RunSummary>, StoreError> {
        let latest = runs::latest(&self.db, name)?;
        Ok(self.summaries(latest.into_iter().collect()).pop())
    }

    /// Every provider that a plan of any run names: what a run left may lie there.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn providers_used(&self) -> Result<BTreeSet<String>, StoreError> {
        if self.schema >= schema::WITH_SUMS {
            return sums::providers_used(&self.db);
        }
        // Until the next broker brings the store to the present schema.
        let plans = runs::all(&self.db)?.into_iter().filter_map(|run| self.plan(&run.id).ok());
        Ok(plans.flat_map(|plan| sums::providers_of(&plan)).collect())
    }

    pub(crate) const fn db(&self) -> &Connection {
        &self.db
    }

    /// What all runs moved in the month of `at`, on the counters of `pricing`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn month_to_date(&self, at: UnixMillis, pricing: &dyn Pricing) -> Result<MonthToDate, StoreError> {
        if self.schema >= schema::WITH_SUMS {
            return sums::month_to_date(&self.db, at, pricing);
        }
        let mut events = Vec::new();
        for run in runs::all(&self.db)? {
            let rows = sql::entries(&self.db, &run.id)?.into_iter();
            events.extend(rows.filter_map(|row| match row.kind {
                EntryKind::Charge { event } => Some(event),
                _ => None,
            }));
        }
        Ok(MonthToDate::of(&events, pricing))
    }

    pub(crate) fn newest_of_open_runs(&self) -> Result<Option<UnixMillis>, StoreError> {
        runs::newest_moment_of_open(&self.db)
    }

    fn summaries(&self, lines: Vec<runs::RunLine>) -> Vec<RunSummary> {
        let driven = lock::driven(&self.dir);
        let summary = |line: runs::RunLine| {
            let open = ![RunState::Succeeded, RunState::Failed, RunState::Cancelled]
                .iter()
                .any(|state| state.name() == line.state);
            let driven = open.then(|| driven.contains(&line.id));
            RunSummary { id: line.id, name: line.name, state: line.state, submitted: line.submitted, driven }
        };
        lines.into_iter().map(summary).collect()
    }

    /// The clock by which the runs of this store live.
    #[must_use]
    pub fn clock(&self, clocks: Arc<dyn Clocks>) -> SteadyClock {
        SteadyClock::view(&self.dir, clocks)
    }

    /// The tag on everything that the broker of this store owns.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn owner(&self) -> Result<Owner, StoreError> {
        Ok(Owner(sql::meta(&self.db, "owner")?.unwrap_or_default()))
    }

    /// Whether some process drives a run at this moment.
    #[must_use]
    pub fn is_driven(&self, run: &RunId) -> bool {
        lock::driven(&self.dir).contains(run)
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
        let entries = sql::entries(&self.db, run)?;
        let booked = entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Charge { event } => Some(event.clone()),
            _ => None,
        });
        let mut events: Vec<MeterEvent> = booked.collect();
        let salt = sql::meta(&self.db, SALT)?.unwrap_or_default();
        for attempt in view.open() {
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
        if !runs::exists(&self.db, run)? {
            return Err(StoreError::NoSuchRun { run: run.clone() });
        }
        sql::request_cancel(&self.db, run, now)
    }

    fn load(&self, run: &RunId) -> Result<(Plan, RunView), StoreError> {
        // One snapshot: the row and its history must be of the same moment.
        let sql = |source| StoreError::sql("reading a run", source);
        let snapshot = self.db.unchecked_transaction().map_err(sql)?;
        let row = runs::one(&snapshot, run)?.ok_or_else(|| StoreError::NoSuchRun { run: run.clone() })?;
        read(&snapshot, &row)
    }
}
