//! The states of runs, tasks and leases, and which may follow which.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! named {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// As shown and stored.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

/// Life of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Submitted; nothing was asked of anyone.
    Planned,
    /// Under way.
    Running,
    /// The end is decided; leases are being given back.
    Ending,
    /// Every task succeeded, every output is committed, every lease is over.
    Succeeded,
    /// A task failed; every lease is over.
    Failed,
    /// Cancelled on request; every lease is over.
    Cancelled,
}

/// Life of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Its predecessors are not committed yet, or no place is being asked.
    Waiting,
    /// A place was asked; its machines are not ready.
    Acquiring,
    /// Machines are ready; data are on their way to the place.
    Staging,
    /// Nodes fetch data and run `setup`.
    Setup,
    /// Nodes run `run`.
    Running,
    /// Its machines are stopped.
    Stopped,
    /// Outputs are being published.
    Publishing,
    /// Outputs are committed.
    Succeeded,
    /// Given up.
    Failed,
    /// Ended on request or because another task failed.
    Cancelled,
}

/// Life of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Recorded; the provider may or may not have been asked.
    Intended,
    /// The provider accepted; it may cost.
    Requested,
    /// Every node is ready.
    Active,
    /// Its machines are being stopped; they may cost.
    Stopping,
    /// Its machines are stopped: only their disks may cost.
    Stopped,
    /// They are being started again; they may cost.
    Starting,
    /// Being given back.
    Releasing,
    /// The provider said no, beyond doubt; it never cost.
    Refused,
    /// Given back.
    Released,
    /// Taken away or failed.
    Lost,
}

/// The two steps of an attempt on every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Fetch data, run `setup`.
    Prepare,
    /// Run `run`, publish outputs.
    Run,
}

named!(RunState {
    Planned => "planned", Running => "running", Ending => "ending",
    Succeeded => "succeeded", Failed => "failed", Cancelled => "cancelled",
});
named!(TaskState {
    Waiting => "waiting", Acquiring => "acquiring", Staging => "staging", Setup => "setup",
    Running => "running", Stopped => "stopped", Publishing => "publishing", Succeeded => "succeeded",
    Failed => "failed", Cancelled => "cancelled",
});
named!(LeaseState {
    Intended => "intended", Requested => "requested", Active => "active",
    Stopping => "stopping", Stopped => "stopped", Starting => "starting", Releasing => "releasing",
    Refused => "refused", Released => "released", Lost => "lost",
});
named!(Phase { Prepare => "prepare", Run => "run" });

impl RunState {
    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether `next` may follow.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use RunState::{Ending, Planned, Running};
        match self {
            Planned => matches!(next, Running | Ending),
            Running => matches!(next, Ending),
            Ending => next.is_over(),
            _ => false,
        }
    }
}

impl TaskState {
    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl LeaseState {
    /// Whether it costs nothing and never will.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Refused | Self::Released | Self::Lost)
    }

    /// Whether `next` may follow.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use LeaseState::{
            Active, Intended, Lost, Refused, Released, Releasing, Requested, Starting, Stopped, Stopping,
        };
        match self {
            Intended => matches!(next, Requested | Refused | Releasing),
            Requested => matches!(next, Active | Releasing | Lost),
            Active => matches!(next, Stopping | Releasing | Lost),
            Stopping => matches!(next, Stopped | Active | Releasing | Lost),
            Stopped => matches!(next, Starting | Releasing | Lost),
            Starting => matches!(next, Requested | Stopped | Releasing | Lost),
            Releasing => matches!(next, Released | Lost),
            Refused | Released | Lost => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_stays_over() {
        use LeaseState::{
            Active, Intended, Lost, Refused, Released, Releasing, Requested, Starting, Stopped, Stopping,
        };
        let leases =
            [Intended, Requested, Active, Stopping, Stopped, Starting, Releasing, Refused, Released, Lost];
        for lease in leases {
            let ends = !leases.iter().any(|next| lease.may_become(*next));
            assert_eq!(ends, lease.is_over(), "{lease}");
        }
        use RunState::{Cancelled, Ending, Failed, Planned, Running, Succeeded};
        let runs = [Planned, Running, Ending, Succeeded, Failed, Cancelled];
        for run in runs {
            assert_eq!(!runs.iter().any(|next| run.may_become(*next)), run.is_over(), "{run}");
            // A run is over only after the end was decided and its leases were given back.
            assert!(!runs.iter().any(|next| next.is_over() && run != Ending && run.may_become(*next)));
        }
    }
}
