//! How what other crates own is written, for the document.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How [`welkin_records::Record`] is written: its name, and beside it what there is to know of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Record)]
pub struct RecordWire {
    /// What happened: `run_started`, `attempt_began`, `task_committed`, `run_ended` and others. More may come.
    pub record: String,
    /// What belongs to it.
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// How [`welkin_records::Manner`] is written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Manner)]
pub struct MannerWire {
    /// Whether a task whose every place said no waits and asks again.
    #[serde(default)]
    pub retry_until_up: bool,
    /// How many tasks are under way at once, at most.
    pub max_parallel: Option<u32>,
    /// Of a run that holds a cluster: milliseconds that nothing may be under way there before it ends, or stops, by itself.
    #[schema(minimum = 1, maximum = 9_223_372_036_854_775_807_i64)]
    pub idle: Option<u64>,
    /// Whether its machines are stopped then, and not given back.
    #[serde(default)]
    pub stops: bool,
    /// Of a run on a cluster: those with more come before those with less, whoever came first.
    #[serde(default)]
    pub priority: i32,
}

/// How [`welkin_records::ClusterRole`] is written.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ClusterRole)]
#[serde(rename_all = "snake_case")]
pub enum ClusterRoleWire {
    /// It holds the machines of the cluster of this name.
    Holds(String),
    /// It works on the cluster that this run holds.
    On(String),
}

/// How [`welkin_records::AttemptId`] is written.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptWire {
    /// Index of the task in the plan.
    pub task: u32,
    /// From 1.
    pub number: u32,
}

/// What a member may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
#[serde(rename_all = "snake_case")]
pub enum RoleWire {
    /// Looks on.
    Viewer,
    /// Submits runs.
    Member,
    /// Sees to the others.
    Admin,
}

/// A number that is stored: of a record, a line or a row.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Number, maximum = 9_223_372_036_854_775_807_i64)]
pub struct NumberWire(pub u64);

/// Rows of an answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Limit, maximum = 1000)]
pub struct LimitWire(pub u32);

/// Lines that are counted from the end.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TailLimit, maximum = 1_000_000)]
pub struct TailLimitWire(pub u32);

/// How [`super::Question`] is written.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Question)]
#[serde(rename_all = "snake_case")]
pub enum QuestionWire {
    /// A value of the store itself.
    Identity(String),
    /// Whether there neither is nor was a run of this name.
    IsFree(String),
    /// Runs as lists show them.
    Runs(WhichWire),
    /// A run and its whole history; its job, which may hold secrets, is left out.
    Story(String),
    /// The history of a run after a number.
    History((String, NumberWire)),
    /// Records of all runs after a number, at most so many.
    Since((NumberWire, LimitWire)),
    /// Lines of a run, of one task (its index in the plan) or all, after a row, at most so many.
    Logs((String, Option<u32>, NumberWire, LimitWire)),
    /// The row after which the last so many lines of a run begin, of one task or all.
    Tail((String, Option<u32>, TailLimitWire)),
    /// Bytes in the lines of a run.
    LogBytes(String),
    /// Rows of the ledger of a run.
    Entries(String),
    /// The runs that somebody wants to be cancelled and that are not over.
    Cancels,
    /// What moved in a month: months since year 0.
    Moved(i32),
    /// Every provider that a plan of any run names or named.
    ProvidersUsed,
    /// The newest moment on the record of runs that are not over.
    NewestOfOpen,
}

/// How [`welkin_records::Which`] is written.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Which)]
#[serde(rename_all = "snake_case")]
pub enum WhichWire {
    /// Every one, oldest first.
    All,
    /// Those that are not over, oldest first.
    Open,
    /// This one, if it is there.
    One(String),
    /// Those before one, or all when absent, latest first, at most so many.
    Before((Option<String>, LimitWire)),
    /// Those after one, or all when absent, oldest first, at most so many. After one that is not there are none.
    After((Option<String>, LimitWire)),
    /// The latest, of a job of this name or of any.
    Latest(Option<String>),
    /// Those with this role in a cluster, oldest first: whether over or not, or only those that are not.
    InCluster((ClusterRoleWire, OpenWire)),
}

/// How [`welkin_records::Open`] is written.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Open)]
#[serde(rename_all = "snake_case")]
pub enum OpenWire {
    /// Only those that are not over.
    Only,
    /// All.
    OrOver,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Question;
    use welkin_records::{ClusterRole, Open, RunId, Which};

    /// What is written as one is read as the other, and written the same.
    #[test]
    fn questions_are_written_as_the_document_has_them() {
        let run = || RunId("run".to_owned());
        let which = [
            Which::All,
            Which::Open,
            Which::One(run()),
            Which::Before(Some(run()), 5),
            Which::After(None, 5),
            Which::Latest(None),
            Which::Latest(Some("name".to_owned())),
            Which::InCluster(ClusterRole::Holds("dev".to_owned()), Open::Only),
            Which::InCluster(ClusterRole::On(run()), Open::OrOver),
        ];
        let others = [
            Question::Identity("salt".to_owned()),
            Question::IsFree(run()),
            Question::Story(run()),
            Question::History(run(), 3),
            Question::Since(3, 4),
            Question::Logs(run(), Some(1), 3, 4),
            Question::Tail(run(), None, 4),
            Question::LogBytes(run()),
            Question::Entries(run()),
            Question::Cancels,
            Question::Moved(3),
            Question::ProvidersUsed,
            Question::NewestOfOpen,
        ];
        for question in which.map(Question::Runs).into_iter().chain(others) {
            let written = serde_json::to_value(&question).unwrap();
            let read: QuestionWire = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), written);
            assert_eq!(serde_json::from_value::<Question>(written).unwrap(), question);
        }
    }
}
