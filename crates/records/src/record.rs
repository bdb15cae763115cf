//! What is put on record about a run: append-only; the state of a run is a fold over it.

use crate::id::AttemptId;
use crate::state::{Phase, RunState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use welkin_provider::{ErrorKind, Exit, LeaseId, Location, Nature, NodeAddress, Presented, UnixMillis};
use welkin_units::{Bytes, Span, Usd};

/// A published tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRef {
    /// Prefix in the store.
    pub prefix: String,
    /// Hex digest of its manifest.
    pub digest: String,
    /// Amount.
    pub bytes: Bytes,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum AttemptEnd {
    /// Its outputs are the task's.
    Committed,
    /// The place did not give the machines.
    Refused {
        /// Meaning.
        kind: ErrorKind,
        /// The provider's words.
        message: String,
    },
    /// The budget does not cover it: the place was not asked, or its machines were given back.
    OverBudget {
        /// Expected cost, or what the run has cost.
        wanted: Usd,
        /// What is left.
        left: Usd,
    },
    /// The machines did not become ready, or could not be reached, in time.
    Unreachable {
        /// Which and how long.
        message: String,
    },
    /// The machines were taken away or crashed.
    Lost {
        /// Why.
        reason: String,
        /// Whether the provider took them back.
        preempted: bool,
    },
    /// A step failed on a node.
    Failed {
        /// Rank of the node.
        rank: u32,
        /// Which step.
        phase: Phase,
        /// How.
        exit: Exit,
    },
    /// Data did not get to the place.
    Unstaged {
        /// Which and why.
        message: String,
    },
    /// The run ended meanwhile.
    Cancelled,
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committed => f.write_str("committed"),
            Self::Refused { kind, message } => write!(f, "{kind}: {message}"),
            Self::OverBudget { wanted, left } => {
                write!(f, "over budget: {wanted} wanted, {left} left")
            }
            Self::Unreachable { message } | Self::Unstaged { message } => f.write_str(message),
            Self::Lost { reason, preempted: true } => write!(f, "preempted: {reason}"),
            Self::Lost { reason, preempted: false } => write!(f, "lost: {reason}"),
            Self::Failed { rank, phase, exit } => {
                let step = match phase {
                    Phase::Prepare => "setup",
                    Phase::Run => "run",
                };
                write!(f, "{step} on node {rank} ")?;
                match exit {
                    Exit::Success => f.write_str("succeeded"),
                    Exit::Code { code } => write!(f, "ended with exit code {code}"),
                    Exit::Signal { signal } => write!(f, "was ended by signal {signal}"),
                    Exit::Stopped => f.write_str("was stopped"),
                    Exit::FetchFailed { message } => write!(f, "could not fetch its data: {message}"),
                    Exit::PublishFailed { message } => write!(f, "could not publish: {message}"),
                    Exit::NodeFault { message } => write!(f, "could not be run: {message}"),
                    Exit::Refused { message } => write!(f, "was refused: {message}"),
                }
            }
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// How a run is to be driven, as whoever submitted it asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// Whether a task whose every place said no waits and asks again.
    #[serde(default)]
    pub retry_until_up: bool,
    /// How many of its tasks are under way at once, at most; as the broker thinks best when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<usize>,
    /// Of a run that holds a cluster: how long nothing may be under way there before it ends, or stops, by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Span>,
    /// Whether its machines are stopped then, and not given back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stops: bool,
    /// Of a run on a cluster: those with more come before those with less, whoever came first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
}

/// Left out, so that a manner of an earlier version reads the same.
fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

/// One fact about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "record")]
pub enum Record {
    /// The run is to be driven in another manner than usual, or than until now. The first is part of its submission.
    MannerChosen {
        /// Which.
        manner: Manner,
    },
    /// A broker began to drive the run.
    RunStarted,
    /// A place will be asked for machines: written before it is.
    AttemptBegan {
        /// Which.
        attempt: AttemptId,
        /// 0 = the plan's choice, n = its n-th alternative.
        placement: usize,
        /// What stands behind the place.
        nature: Nature,
    },
    /// The owners of sealed data have judged the evidence of an engine and let their keys go: written before it hears of them.
    KeysReleased {
        /// Of which attempt.
        attempt: AttemptId,
        /// The contract's digest, in hexadecimal digits.
        contract: String,
        /// The evidence's.
        evidence: String,
        /// What kind of evidence it is; `simulated` is nobody's word.
        kind: String,
        /// What the engine is told, with keys that are sealed for it and for nobody else.
        run: String,
    },
    /// A script has said who it is to the others of its training.
    Presented {
        /// Of which attempt.
        attempt: AttemptId,
        /// Who it is.
        presented: Presented,
    },
    /// The provider accepted.
    LeaseRequested {
        /// Whose.
        attempt: AttemptId,
        /// The provider's id.
        lease: LeaseId,
        /// When it began to cost.
        started: UnixMillis,
    },
    /// Every node is ready.
    LeaseReady {
        /// Whose.
        attempt: AttemptId,
        /// Addresses by rank.
        nodes: Vec<NodeAddress>,
    },
    /// The provider announced that it will take the machines away.
    PreemptionNoticed {
        /// Whose.
        attempt: AttemptId,
        /// When.
        at: UnixMillis,
    },
    /// Data are in the store of the attempt's place.
    DataStaged {
        /// Whose.
        attempt: AttemptId,
        /// Path on the node.
        path: String,
        /// What lies in the store.
        tree: TreeRef,
        /// The place it was copied from; none when it was there already or came from this machine.
        from: Option<Location>,
    },
    /// Every node started this phase.
    PhaseBegan {
        /// Whose.
        attempt: AttemptId,
        /// Which.
        phase: Phase,
    },
    /// The scripts succeeded; outputs are being published.
    PublishBegan {
        /// Whose.
        attempt: AttemptId,
    },
    /// The commit point of a task: its outputs are these, for ever.
    TaskCommitted {
        /// The attempt that made them.
        attempt: AttemptId,
        /// By name.
        outputs: BTreeMap<String, TreeRef>,
    },
    /// An attempt ended without a commit.
    AttemptEnded {
        /// Which.
        attempt: AttemptId,
        /// How.
        end: AttemptEnd,
    },
    /// A task is given up.
    TaskFailed {
        /// Index of the task.
        task: usize,
        /// Why, with what each place said.
        reason: String,
    },
    /// A task waits: its project has not enough left for the next attempt. It goes on by itself when there is.
    TaskHeld {
        /// Index of the task.
        task: usize,
        /// What there is not enough of.
        reason: String,
    },
    /// So much of the money of the run's project is gone.
    BudgetUsed {
        /// In hundredths: 80, or 100.
        percent: u8,
        /// Of the money of this month (since year 0); of all there is when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        month: Option<i32>,
        /// Whether the run ends for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stops: bool,
    },
    /// A deadline passed before what it is for was over. The run goes on.
    DeadlineMissed {
        /// Index of the task; none for the run as a whole.
        task: Option<usize>,
        /// The time that was given.
        deadline: Span,
    },
    /// An output was delivered to the place its `uri` names.
    OutputDelivered {
        /// Index of the task.
        task: usize,
        /// Name of the output.
        output: String,
    },
    /// The machines of a lease are about to be stopped: written before they are.
    LeaseStopping {
        /// Whose.
        attempt: AttemptId,
    },
    /// They are stopped, and cost nothing from then on.
    LeaseStopped {
        /// Whose.
        attempt: AttemptId,
        /// Since when.
        since: UnixMillis,
    },
    /// The provider does not stop them: they go on.
    StopRefused {
        /// Whose.
        attempt: AttemptId,
        /// The provider's words.
        reason: String,
    },
    /// The machines are about to be started again: written before they are.
    LeaseStarting {
        /// Whose.
        attempt: AttemptId,
    },
    /// The provider starts them.
    LeaseStarted {
        /// Whose.
        attempt: AttemptId,
        /// When they began to cost again.
        started: UnixMillis,
    },
    /// The provider does not start them: they stay stopped.
    StartRefused {
        /// Whose.
        attempt: AttemptId,
        /// The provider's words.
        reason: String,
    },
    /// A lease is about to be given back: written before it is.
    LeaseReleasing {
        /// Whose.
        attempt: AttemptId,
    },
    /// A lease was refused beyond doubt.
    LeaseRefused {
        /// Whose.
        attempt: AttemptId,
    },
    /// A lease was given back, or never came to be.
    LeaseReleased {
        /// Whose.
        attempt: AttemptId,
    },
    /// A lease was taken away or failed.
    LeaseLost {
        /// Whose.
        attempt: AttemptId,
        /// Why.
        reason: String,
        /// Whether the provider took it back.
        preempted: bool,
    },
    /// The end of the run is decided. Tasks that are not over are cancelled, their attempts ended.
    RunEnding {
        /// `Succeeded`, `Failed` or `Cancelled`.
        into: RunState,
        /// Why.
        reason: Option<String>,
    },
    /// Every lease is over.
    RunEnded,
}

impl Record {
    /// The attempt it is about.
    #[must_use]
    pub fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::AttemptBegan { attempt, .. }
            | Self::KeysReleased { attempt, .. }
            | Self::Presented { attempt, .. }
            | Self::LeaseRequested { attempt, .. }
            | Self::LeaseReady { attempt, .. }
            | Self::PreemptionNoticed { attempt, .. }
            | Self::DataStaged { attempt, .. }
            | Self::PhaseBegan { attempt, .. }
            | Self::PublishBegan { attempt }
            | Self::TaskCommitted { attempt, .. }
            | Self::AttemptEnded { attempt, .. }
            | Self::LeaseStopping { attempt }
            | Self::LeaseStopped { attempt, .. }
            | Self::StopRefused { attempt, .. }
            | Self::LeaseStarting { attempt }
            | Self::LeaseStarted { attempt, .. }
            | Self::StartRefused { attempt, .. }
            | Self::LeaseReleasing { attempt }
            | Self::LeaseRefused { attempt }
            | Self::LeaseReleased { attempt }
            | Self::LeaseLost { attempt, .. } => Some(*attempt),
            Self::MannerChosen { .. }
            | Self::RunStarted
            | Self::TaskFailed { .. }
            | Self::TaskHeld { .. }
            | Self::BudgetUsed { .. }
            | Self::DeadlineMissed { .. }
            | Self::OutputDelivered { .. }
            | Self::RunEnding { .. }
            | Self::RunEnded => None,
        }
    }
}
