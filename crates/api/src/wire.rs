//! What is asked and answered. Fields may be added; none changes its meaning below one [`ROOT`].

#[cfg(feature = "document")]
mod document;

#[cfg(feature = "document")]
pub use document::{AttemptWire, ClusterRoleWire, MannerWire, QuestionWire, RecordWire, RoleWire, WhichWire};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use welkin_provider::UnixMillis;
use welkin_records::{AttemptId, ClusterRole, Manner, Record, RunId, Which};
use welkin_units::{Bytes, Span, Usd};

/// What every path begins with.
pub const ROOT: &str = "/v1";

/// The header that makes a request safe to repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The largest body of a request: a plan of 10,000 tasks has some 30 MB.
pub const MAX_BODY_BYTES: usize = 128 << 20;

/// The largest plan: one of 10,000 tasks has some 30 MB.
pub const MAX_PLAN_BYTES: usize = 64 << 20;

/// The name of a plan: BLAKE3 of its bytes as they were written, in hexadecimal digits.
#[must_use]
pub fn plan_digest(plan: &[u8]) -> String {
    blake3::hash(plan).to_hex().to_string()
}

/// A plan that was shown. `PUT /v1/plans/{digest}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Shown {
    /// Its id, which is the digest of its values in their order, whatever blanks and escapes they are written with.
    pub plan: String,
}

/// Who answers. `GET /v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Health {
    /// Version of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// What it goes by: the program file, the configuration, the hosts, the catalog. A client that goes by
    /// something else starts it anew.
    pub surroundings: String,
    /// When it began.
    #[cfg_attr(feature = "document", schema(value_type = u64))]
    pub started: UnixMillis,
    /// How many runs it drives.
    pub driven: usize,
    /// Number of the last record.
    pub as_of: u64,
    /// The variables of its environment that stores are reached by, each with a digest of its value.
    pub environment: BTreeMap<String, String>,
    /// Where members of a team come in; absent when it serves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
}

/// Work. `POST /v1/runs`, under an [`IDEMPOTENCY_KEY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct NewRun {
    /// The digest of a plan that was shown, so that nothing else is run. Earlier versions send the plan itself, as it was
    /// written, whose id is the digest of its content.
    pub plan: String,
    /// The job it was made from, with the values of its secrets, as `welkin.job/1`.
    pub job: String,
    /// The folder its paths are relative to.
    pub base_dir: String,
    /// How it is to be driven.
    #[serde(default)]
    #[cfg_attr(feature = "document", schema(value_type = MannerWire))]
    pub manner: Manner,
    /// What it has to do with a cluster, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schema(value_type = Option<ClusterRoleWire>))]
    pub cluster: Option<ClusterRole>,
    /// From another machine: the upload that holds what the job brings along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The project it is of: that of the cluster it is on, or of the token, or the default one, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// What has arrived of an upload. `GET /v1/uploads/{upload}`, `POST /v1/uploads/{upload}?at=BYTES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Arrived {
    /// Bytes, from the first: where to go on.
    pub bytes: u64,
}

/// Bytes of an upload in one request, at most.
pub const MAX_PART_BYTES: usize = 8 << 20;

/// A run that was taken, or of which something was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Taken {
    /// Its name.
    #[cfg_attr(feature = "document", schema(value_type = String))]
    pub run: RunId,
    /// The id of its trace, of a run that was submitted to a broker that sends traces to a collector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// How long a cluster may be idle. `PUT /v1/runs/{run}/autostop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Autostop {
    /// Milliseconds that nothing may be under way on it, from now on; it stays for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schema(value_type = Option<u64>, minimum = 1, maximum = 9_223_372_036_854_775_807_i64))]
    pub idle: Option<Span>,
    /// Whether its machines are stopped then, and not given back.
    #[serde(default)]
    pub stops: bool,
}

/// Who is logged in to the machines of a cluster. `GET /v1/runs/{run}/ssh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Logins {
    /// How many are.
    pub open: u32,
}

/// A page of runs. `GET /v1/runs?limit=N&before=RUN`, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Runs {
    /// The runs.
    pub runs: Vec<RunLine>,
    /// Where the next page begins, as `before`; none when there is none.
    #[cfg_attr(feature = "document", schema(value_type = Option<String>))]
    pub next: Option<RunId>,
    /// Events after this number are not in the list.
    pub as_of: u64,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct RunLine {
    /// Its name.
    #[cfg_attr(feature = "document", schema(value_type = String))]
    pub id: RunId,
    /// Name of its job.
    pub name: String,
    /// Its state.
    pub state: String,
    /// When it was submitted.
    #[cfg_attr(feature = "document", schema(value_type = u64))]
    pub submitted: UnixMillis,
    /// What it has to do with a cluster, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schema(value_type = Option<ClusterRoleWire>))]
    pub cluster: Option<ClusterRole>,
    /// Its project, unless that is the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Whether somebody drives it; absent when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driven: Option<bool>,
}

/// The projects that whoever asks has business in. `GET /v1/projects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Projects {
    /// By name.
    pub projects: Vec<Project>,
}

/// A project. `GET /v1/projects/{project}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Project {
    /// Its name.
    pub name: String,
    /// How often it was changed; its `ETag` in quotes.
    pub version: u64,
    /// What it may use.
    pub limits: ProjectLimits,
    /// Its members, with their roles: `viewer`, `member` or `admin`.
    pub members: BTreeMap<String, String>,
    /// Whether it was removed: nothing begins in it any more, and its members look on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// What it uses.
    pub used: InUse,
}

/// What a project may use; what is absent is not limited. `PUT /v1/projects/{project}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProjectLimits {
    /// Money in each calendar month (UTC), in billionths of a dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schema(value_type = Option<i64>, minimum = 0))]
    pub monthly: Option<Usd>,
    /// Money in all, in billionths of a dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "document", schema(value_type = Option<i64>, minimum = 0))]
    pub total: Option<Usd>,
    /// Whether what runs is ended when the money is used up; it goes on otherwise.
    #[serde(default)]
    pub stops: bool,
    /// Runs that are not over, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
    /// Leases at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leases: Option<u32>,
    /// Accelerators at once, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accelerators: BTreeMap<String, u32>,
}

/// What a project uses at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct InUse {
    /// The calendar month (UTC), as `2026-11`.
    pub month: String,
    /// Money of that month.
    pub monthly: Money,
    /// Money in all.
    pub total: Money,
    /// What its machines cost in an hour, in billionths of a dollar.
    #[cfg_attr(feature = "document", schema(value_type = i64))]
    pub hourly: Usd,
    /// Runs that are not over.
    pub runs: u64,
    /// Leases.
    pub leases: u64,
    /// Accelerators by their names in capitals, in thousandths.
    pub accelerators_milli: BTreeMap<String, u64>,
}

/// Money of a project, in billionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Money {
    /// Gone: charged, or run up by leases that are not over.
    #[cfg_attr(feature = "document", schema(value_type = i64))]
    pub spent: Usd,
    /// What runs is expected to take besides.
    #[cfg_attr(feature = "document", schema(value_type = i64))]
    pub committed: Usd,
}

/// A role in a project. `PUT /v1/projects/{project}/members/{member}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberRole {
    /// `viewer`, `member` or `admin`.
    #[cfg_attr(feature = "document", schema(value_type = RoleWire))]
    pub role: String,
}

/// What happened after a number, over all runs. `GET /v1/events?since=SEQ&limit=N&wait=SECONDS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Events {
    /// In the order of their numbers.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: u64,
}

/// A record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its number, over all runs.
    pub seq: u64,
    /// When.
    #[cfg_attr(feature = "document", schema(value_type = u64))]
    pub at: UnixMillis,
    /// Whose.
    #[cfg_attr(feature = "document", schema(value_type = String))]
    pub run: RunId,
    /// What.
    #[serde(flatten)]
    #[cfg_attr(feature = "document", schema(value_type = RecordWire))]
    pub record: Record,
}

/// Something about one run, in the order in which it became known. `GET /v1/runs/{run}/events` as a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Item {
    /// Its history grew.
    Record {
        /// Number of the record.
        seq: u64,
        /// When.
        #[cfg_attr(feature = "document", schema(value_type = u64))]
        at: UnixMillis,
        /// What.
        #[cfg_attr(feature = "document", schema(value_type = RecordWire))]
        record: Record,
    },
    /// A script wrote a line, or a piece of one.
    Line(Line),
    /// Data are on their way. Not on record.
    Moving {
        /// For which attempt.
        #[cfg_attr(feature = "document", schema(value_type = AttemptWire))]
        attempt: AttemptId,
        /// Path on the node.
        path: String,
        /// How much is there.
        #[cfg_attr(feature = "document", schema(value_type = u64))]
        bytes: Bytes,
    },
    /// Something to know that changes nothing. Not on record.
    Noted {
        /// What.
        message: String,
    },
    /// A call failed and will be tried again. Not on record.
    Retrying {
        /// Which.
        message: String,
    },
    /// Nobody drives the run any more though it is not over.
    Stopped {
        /// Why.
        message: String,
    },
    /// The run is over: nothing follows.
    End,
}

/// A line of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Line {
    /// Its number, growing within the run.
    pub id: u64,
    /// Of which attempt.
    #[cfg_attr(feature = "document", schema(value_type = AttemptWire))]
    pub attempt: AttemptId,
    /// `prepare` or `run`.
    pub phase: String,
    /// Rank of the node.
    pub rank: u32,
    /// When, by the node's clock.
    #[cfg_attr(feature = "document", schema(value_type = u64))]
    pub at: UnixMillis,
    /// `stdout`, `stderr` or `agent`.
    pub stream: String,
    /// The text. A byte that is no part of any text is the character U+10FF00 and the byte, and a character U+10FF80 to
    /// U+10FFFF that was written is its four bytes, each in this way: so whatever was written can be had back.
    pub line: String,
    /// Of a line that takes long to end: whether this piece is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<bool>,
    /// Of the last piece: whether the script wrote no end of the line.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unended: bool,
}

/// What is usual is left out.
fn is_false(value: &bool) -> bool {
    !value
}

/// Output of a run: a page of it. `GET /v1/runs/{run}/logs?task=NAME&since=LINE&limit=N`, or `?tail=N` for the last lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Logs {
    /// In the order of their numbers.
    pub lines: Vec<Line>,
    /// Where to go on, as `since`.
    pub next: u64,
    /// Whether there are more by now.
    pub more: bool,
}

/// A look at the records, as rows: for programs that make of them what they show. `POST /v1/records`.
///
/// The answer is what [`welkin_records::Records`] gives to the call of this name, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// A value of the store itself.
    Identity(String),
    /// Whether there neither is nor was a run of this name.
    IsFree(RunId),
    /// Runs as lists show them.
    Runs(Which),
    /// A run and its whole history; its job, which may hold secrets, is left out.
    Story(RunId),
    /// The history of a run after a number.
    History(RunId, u64),
    /// Records of all runs after a number, at most so many.
    Since(u64, u32),
    /// Lines of a run, of one task or all, after a row, at most so many.
    Logs(RunId, Option<usize>, u64, u32),
    /// The row after which the last so many lines of a run begin, of one task or all.
    Tail(RunId, Option<usize>, u32),
    /// Bytes in the lines of a run.
    LogBytes(RunId),
    /// Rows of the ledger of a run.
    Entries(RunId),
    /// The runs that somebody wants to be cancelled and that are not over.
    Cancels,
    /// What moved in a month.
    Moved(i32),
    /// Every provider that a plan of any run names or named.
    ProvidersUsed,
    /// The newest moment on the record of runs that are not over.
    NewestOfOpen,
}

/// What a sweep gave back. `POST /v1/gc`, `POST /v1/runs/{run}/down`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Collected {
    /// Leases, by their `sky:` names; `provider: id` where the provider's own words cannot stand in one.
    pub leases: Vec<String>,
    /// Objects that were deleted.
    pub objects: u64,
    /// What could not be done, in words.
    pub failures: Vec<String>,
    /// Runs whose records cannot be read, in words.
    #[serde(default)]
    pub unreadable: Vec<String>,
    /// Leases of other owners that were left alone, in words.
    #[serde(default)]
    pub strays: Vec<String>,
}

/// What to forget. `POST /v1/prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Prune {
    /// The runs.
    #[cfg_attr(feature = "document", schema(value_type = Vec<String>))]
    pub runs: Vec<RunId>,
}

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Pruned {
    /// Runs of which nothing is left.
    #[cfg_attr(feature = "document", schema(value_type = Vec<String>))]
    pub runs: Vec<RunId>,
    /// Objects that were deleted.
    pub objects: u64,
    /// Their size.
    #[cfg_attr(feature = "document", schema(value_type = u64))]
    pub object_bytes: Bytes,
    /// By how much the database became smaller.
    #[cfg_attr(feature = "document", schema(value_type = u64))]
    pub database_bytes: Bytes,
    /// Runs that stay, each with the reason.
    #[cfg_attr(feature = "document", schema(value_type = Vec<Vec<String>>))]
    pub kept: Vec<(RunId, String)>,
    /// What failed besides, in words.
    pub failures: Vec<String>,
}

/// To end. `POST /v1/stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Stop {
    /// Only when no run is driven: 409 otherwise.
    #[serde(default)]
    pub if_idle: bool,
}

/// A failure, as RFC 9457 has it: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "document", derive(utoipa::ToSchema))]
pub struct Problem {
    /// What kind, as `welkin explain` explains it.
    pub code: String,
    /// In a few words.
    pub title: String,
    /// Status of the answer.
    pub status: u16,
    /// Causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Of a reader that came too late: the first number that can be read on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<u64>,
}
