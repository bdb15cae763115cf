//! What is kept of a run, row by row.

use crate::id::{AttemptId, RunId};
use crate::record::Record;
use crate::state::Phase;
use serde::{Deserialize, Serialize};
use welkin_provider::{EventKind, Location, UnixMillis};
use welkin_units::Bytes;

/// A run as it was submitted, and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Name of its job.
    pub name: String,
    /// Its plan, as it was written.
    pub plan: String,
    /// Its job with the values of secrets, sealed where there are any; none once the run is over.
    pub job: Option<String>,
    /// The folder its paths are relative to.
    pub base_dir: String,
    /// State, as [`crate::RunState::name`] gives it.
    pub state: String,
    /// When it was submitted.
    pub submitted: UnixMillis,
    /// What it has to do with a cluster, if anything.
    pub cluster: Option<ClusterRole>,
    /// Its project, unless that is [`crate::DEFAULT_PROJECT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// What a run has to do with a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterRole {
    /// It holds the machines of the cluster of this name, which no other run that is not over has.
    Holds(String),
    /// It works on the cluster that this run holds.
    On(RunId),
}

impl ClusterRole {
    /// As stores keep it: in one piece, so that it can be looked for.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Holds(name) => format!("holds {name}"),
            Self::On(run) => format!("on {run}"),
        }
    }

    /// Back from [`ClusterRole::key`].
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        match key.split_once(' ')? {
            ("holds", name) => Some(Self::Holds(name.to_owned())),
            ("on", run) => Some(Self::On(RunId(run.to_owned()))),
            _ => None,
        }
    }
}

/// What lists show of a run, without its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    /// Its id.
    pub id: RunId,
    /// Name of its job.
    pub name: String,
    /// State, as [`crate::RunState::name`] gives it.
    pub state: String,
    /// When it was submitted.
    pub submitted: UnixMillis,
    /// What it has to do with a cluster, if anything.
    pub cluster: Option<ClusterRole>,
    /// Its project, unless that is [`crate::DEFAULT_PROJECT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// Which runs are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one, oldest first.
    All,
    /// Those that are not over, oldest first.
    Open,
    /// This one, if it is there.
    One(RunId),
    /// Those before one, or all when absent, latest first, at most so many.
    Before(Option<RunId>, u32),
    /// Those after one, or all when absent, oldest first, at most so many. After one that is not there are none.
    After(Option<RunId>, u32),
    /// The latest, of a job of this name or of any.
    Latest(Option<String>),
    /// Those with this role in a cluster, oldest first: whether over or not, or only those that are not.
    InCluster(ClusterRole, Open),
}

/// Whether runs that are over are listed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Open {
    /// Only those that are not over.
    Only,
    /// All.
    OrOver,
}

/// A record with its number, which grows, and its time.
pub type Numbered = (u64, UnixMillis, Record);

/// What has happened since a look, over all runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// In the order of their numbers.
    pub records: Vec<(RunId, Numbered)>,
    /// The number that was given last, whether its record is still there or not.
    pub last: u64,
    /// The number that was given last when a run was forgotten: whoever looked before that has not seen all of what is
    /// gone, and has to begin anew.
    pub forgotten: u64,
}

/// The step a node told something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepKey {
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Which of its two steps.
    pub phase: Phase,
    /// On which node.
    pub rank: u32,
}

/// What a node told of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// In order, lines of output left out.
    pub events: Vec<EventKind>,
    /// The number to read on from.
    pub next: u64,
}

/// The output of a step, as far as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The lines, in order, several together where the store has them in one piece; not the one that says how many were
    /// left out.
    pub kept: Vec<Extent>,
    /// Where lines were left out, and how many.
    pub gone: Option<(u64, u64)>,
}

/// Lines of a step that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// How many: between two lines there may be events that are none.
    pub lines: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Extent {
    /// One line.
    #[must_use]
    pub const fn line(seq: u64, bytes: u64) -> Self {
        Self { first: seq, last: seq, lines: 1, bytes }
    }
}

/// Lines of output that leave the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// Number of the first that was ever left out: it stays, and says how many are gone.
    pub mark: u64,
    /// The first that leaves now.
    pub from: u64,
    /// The last that leaves now.
    pub to: u64,
    /// How many have left, these included.
    pub lines: u64,
}

/// A line of a log, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Number, growing over the whole store.
    pub id: u64,
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Of which of its steps.
    pub phase: String,
    /// On which node.
    pub rank: u32,
    /// When, by the node's clock.
    pub at: UnixMillis,
    /// The stream, with [`crate::PIECE`], [`crate::LAST_PIECE`] or [`crate::UNENDED`] behind it where the line is a piece.
    pub stream: String,
    /// The text, as [`welkin_provider::exact`] writes bytes.
    pub line: String,
}

/// Data that moved from one place to another in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// From where.
    pub source: Location,
    /// To where.
    pub target: Location,
    /// How much.
    pub bytes: Bytes,
}
