//! Reading the store from any process, while a broker works or not. Never locks, never makes anything.

use crate::egress::month_to_date;
use crate::error::StoreError;
use crate::live::{OWNER, SALT, Story, read};
use crate::lock;
use crate::meter::used;
use crate::now::block_on;
use crate::place;
use crate::steady::{Clocks, SteadyClock};
use crate::view::RunView;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_ledger::{Bill, EntryKind, Estimate, MeterEvent, MonthToDate, Pricing, Terms};
use welkin_placement::Plan;
use welkin_provider::{Owner, ProviderId, UnixMillis};
use welkin_records::{
    AttemptId, Change, ClusterRole, LAST_PIECE, LogRow, Open, PIECE, Peers, Record, Records, RunId, RunLine,
    RunState, Since, UNENDED, Which, Write,
};

/// A view of a broker's store.
#[derive(Debug)]
pub struct Reader {
    records: Arc<dyn Records>,
    /// Where the broker lives; none when that is another machine.
    dir: Option<PathBuf>,
    /// Brokers that share the records, which know who drives what.
    peers: Option<Arc<dyn Peers>>,
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
    /// What it has to do with a cluster, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterRole>,
    /// Its project, unless that is the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
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
    /// The line, or a piece of it, as [`welkin_provider::exact`] writes bytes.
    pub line: String,
    /// Which piece, when it is one: of lines that take long to end, or are long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
    /// Whether the script wrote no end of the line.
    #[serde(skip_serializing_if = "is_false")]
    pub unended: bool,
}

/// What is usual is left out.
fn is_false(value: &bool) -> bool {
    !value
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

fn log_line<'a>(row: LogRow, name: impl Fn(usize) -> &'a str) -> LogLine {
    let (stream, piece, unended) = stream_of(&row.stream);
    LogLine {
        id: row.id,
        task: name(row.attempt.task).to_owned(),
        attempt: row.attempt,
        phase: row.phase,
        rank: row.rank,
        at: row.at,
        stream: stream.to_owned(),
        line: row.line,
        piece,
        unended,
    }
}

/// The stream of a row, which piece of a line it holds, and whether the script left it without an end.
fn stream_of(name: &str) -> (&str, Option<Piece>, bool) {
    let ending =
        [(PIECE, Piece::Open, false), (LAST_PIECE, Piece::Last, false), (UNENDED, Piece::Last, true)];
    let found = ending
        .into_iter()
        .find_map(|(mark, piece, unended)| Some((name.strip_suffix(mark)?, Some(piece), unended)));
    found.unwrap_or((name.trim_end(), None, false))
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
        Ok(Self::of(place::look(dir)?, dir))
    }

    /// A view of these records, whose broker lives in the directory.
    pub(crate) fn of(records: Arc<dyn Records>, dir: &Path) -> Self {
        Self { records, dir: Some(dir.to_owned()), peers: None }
    }

    /// The same, of records that brokers share.
    #[must_use]
    pub(crate) fn among(self, peers: Option<Arc<dyn Peers>>) -> Self {
        Self { peers, ..self }
    }

    /// Which runs are driven; none when all are that can be.
    fn driven(&self) -> Option<BTreeSet<RunId>> {
        match &self.peers {
            // What cannot be seen is not denied.
            Some(peers) => block_on(peers.driven()).ok(),
            None => self.dir.as_deref().map(lock::driven),
        }
    }

    /// A view of the records of a broker elsewhere, which drives all of its runs.
    #[must_use]
    pub fn elsewhere(records: Arc<dyn Records>) -> Self {
        Self { records, dir: None, peers: None }
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn list(&self) -> Result<Vec<RunSummary>, StoreError> {
        Ok(self.summaries(block_on(self.records.runs(Which::All))?))
    }

    /// What is wrong with the database, in the words of SQLite. Lists are answered by an index, which may be
    /// whole while what it leads to is not. A database of more than 64 MiB is not looked through.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        block_on(self.records.damage())
    }

    /// Every run that is not over, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn unfinished(&self) -> Result<Vec<RunSummary>, StoreError> {
        Ok(self.summaries(block_on(self.records.runs(Which::Open))?))
    }

    /// The runs with a role in a cluster, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn in_cluster(&self, role: &ClusterRole, open: Open) -> Result<Vec<RunSummary>, StoreError> {
        Ok(self.summaries(block_on(self.records.runs(Which::InCluster(role.clone(), open)))?))
    }

    /// One run, as lists show it, if it is there.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn one(&self, run: &RunId) -> Result<Option<RunLine>, StoreError> {
        Ok(block_on(self.records.runs(Which::One(run.clone())))?.pop())
    }

    /// The latest run of a job of this name, or of any.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn latest(&self, name: Option<&str>) -> Result<Option<RunSummary>, StoreError> {
        let latest = block_on(self.records.runs(Which::Latest(name.map(str::to_owned))))?;
        Ok(self.summaries(latest).pop())
    }

    /// Every provider that a plan of any run names: what a run left may lie there.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn providers_used(&self) -> Result<BTreeSet<ProviderId>, StoreError> {
        block_on(self.records.providers_used())
    }

    /// What is looked at.
    #[must_use]
    pub fn records(&self) -> &dyn Records {
        &*self.records
    }

    /// What all runs moved in the month of `at`, on the counters of `pricing`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn month_to_date(&self, at: UnixMillis, pricing: &dyn Pricing) -> Result<MonthToDate, StoreError> {
        block_on(month_to_date(&*self.records, at, pricing))
    }

    /// The newest moment on the record of runs that are not over.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn newest_of_open_runs(&self) -> Result<Option<UnixMillis>, StoreError> {
        block_on(self.records.newest_of_open())
    }

    fn summaries(&self, lines: Vec<RunLine>) -> Vec<RunSummary> {
        let driven = self.driven();
        let summary = |line: RunLine| {
            let open = ![RunState::Succeeded, RunState::Failed, RunState::Cancelled]
                .iter()
                .any(|state| state.name() == line.state);
            let driven = open.then(|| driven.as_ref().is_none_or(|driven| driven.contains(&line.id)));
            let RunLine { id, name, state, submitted, cluster, project } = line;
            RunSummary { id, name, state, submitted, cluster, project, driven }
        };
        lines.into_iter().map(summary).collect()
    }

    /// The clock by which the runs of this store live.
    #[must_use]
    pub fn clock(&self, clocks: Arc<dyn Clocks>) -> SteadyClock {
        match &self.dir {
            Some(dir) if self.peers.is_some() => {
                SteadyClock::view_after(dir, clocks, self.newest_of_open_runs().unwrap_or_default())
            }
            Some(dir) => SteadyClock::view(dir, clocks),
            None => SteadyClock::plain(clocks),
        }
    }

    /// The tag on everything that the broker of this store owns.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn owner(&self) -> Result<Owner, StoreError> {
        Ok(Owner(block_on(self.records.identity(OWNER))?.unwrap_or_default()))
    }

    /// Whether some process drives a run at this moment.
    #[must_use]
    pub fn is_driven(&self, run: &RunId) -> bool {
        self.driven().is_none_or(|driven| driven.contains(run))
    }

    /// The state of a run.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn status(&self, run: &RunId) -> Result<RunView, StoreError> {
        Ok(self.load(run)?.view)
    }

    /// The plan of a run, without the values of secrets.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn plan(&self, run: &RunId) -> Result<Plan, StoreError> {
        Ok(self.load(run)?.plan)
    }

    /// The history of a run after record number `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn events(&self, run: &RunId, after: u64) -> Result<Vec<HistoryLine>, StoreError> {
        self.some_events(run, after, u32::MAX)
    }

    /// The same, at most `limit` of it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn some_events(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<HistoryLine>, StoreError> {
        let history = block_on(self.records.history(run, after, limit))?.into_iter();
        Ok(history.map(|(seq, at, record)| HistoryLine { seq, at, record }).collect())
    }

    /// Output of a run's scripts, in the order it was stored.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when the store cannot be read.
    pub fn logs(&self, run: &RunId, query: &LogQuery) -> Result<Vec<LogLine>, StoreError> {
        let names: Vec<String> = self.plan(run)?.tasks.into_iter().map(|task| task.task).collect();
        let limit = query.limit.unwrap_or(crate::limits::LOG_PAGE).min(crate::limits::LOG_PAGE);
        let task = match &query.task {
            None => None,
            Some(name) => match names.iter().position(|other| other == name) {
                Some(index) => Some(index),
                None => return Ok(Vec::new()),
            },
        };
        self.output(run, &names, task, query.after, limit)
    }

    /// The line after which the last `lines` lines of a run begin, of one task of its plan or all. It takes as long as
    /// reading them, however long the log is.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64, StoreError> {
        block_on(self.records.tail(run, task, lines))
    }

    /// Output of a run's scripts, of one task or all, after line `after`, at most `limit` of it, and no more than
    /// [`welkin_records::PAGE_BYTES`] but for the last line, for who knows its tasks: `names`, in the order
    /// of the plan, which is not read.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn output(
        &self,
        run: &RunId,
        names: &[String],
        task: Option<usize>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<LogLine>, StoreError> {
        let rows = block_on(self.records.logs(run, task, after, limit))?.into_iter();
        let name = |task: usize| names.get(task).map_or("", String::as_str);
        Ok(rows.map(|row| log_line(row, name)).collect())
    }

    /// What happened after record number `after`, over all runs.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn since(&self, after: u64, limit: u32) -> Result<Since, StoreError> {
        block_on(self.records.since(after, limit))
    }

    /// Whether there was a run of this name that is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn was_there(&self, run: &RunId) -> Result<bool, StoreError> {
        let there = !block_on(self.records.runs(Which::One(run.clone())))?.is_empty();
        Ok(!there && !block_on(self.records.is_free(run))?)
    }

    /// Runs before `before` (from the latest when absent), latest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`] when `before` is no run any more, or when the store cannot be read.
    pub fn page(&self, before: Option<&RunId>, limit: u32) -> Result<Vec<RunSummary>, StoreError> {
        if let Some(run) = before
            && block_on(self.records.runs(Which::One(run.clone())))?.is_empty()
        {
            return Err(StoreError::NoSuchRun { run: run.clone() });
        }
        Ok(self.summaries(block_on(self.records.runs(Which::Before(before.cloned(), limit)))?))
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
        terms: &BTreeMap<ProviderId, Terms>,
    ) -> Result<Bill, StoreError> {
        let Story { plan, view, .. } = self.load(run)?;
        // After the history, which a broker may go on writing meanwhile: what is missing there of a lease stands here.
        let entries = block_on(self.records.entries(run, 0, u32::MAX))?;
        let booked = entries.into_iter().filter_map(|entry| match entry.kind {
            EntryKind::Charge { event } => Some(event),
            _ => None,
        });
        let mut events: Vec<MeterEvent> = booked.collect();
        let charged: BTreeSet<(String, UnixMillis)> =
            events.iter().map(|event| (event.subject.clone(), event.from)).collect();
        let salt = block_on(self.records.identity(SALT))?.unwrap_or_default();
        for attempt in view.open() {
            let task = &view.tasks[attempt.id.task].name;
            let terms = terms.get(&attempt.place.location.provider).copied().unwrap_or(Terms::PER_SECOND);
            let so_far = used(run, task, attempt, &attempt.id.token(run, &salt), terms, now);
            // One that was charged since is over, or stopped: it counts once, as it was charged.
            events.extend(so_far.filter(|used| !charged.contains(&(used.subject.clone(), used.from))));
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
        if block_on(self.records.is_free(run))? {
            return Err(StoreError::NoSuchRun { run: run.clone() });
        }
        let request = Write::from(Change::CancelRequested { run: run.clone(), at: now });
        block_on(self.records.commit(vec![request])).into_iter().try_for_each(|done| done.map(drop))
    }

    fn load(&self, run: &RunId) -> Result<Story, StoreError> {
        block_on(read(&*self.records, run))
    }
}
