//! What is written: facts, several of which may have to be true together.

use crate::id::RunId;
use crate::peers::Fence;
use crate::projects::{Claim, Project};
use crate::record::Record;
use crate::rows::{Gone, RunRow, StepKey};
use crate::state::RunState;
use std::collections::BTreeSet;
use welkin_ledger::Entry;
use welkin_provider::{Event, ProviderId, UnixMillis};

/// Changes that are made together or not at all, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Write(pub Vec<Change>);

impl From<Change> for Write {
    fn from(change: Change) -> Self {
        Self(vec![change])
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing changes: the write is made only if this broker has the run since the taking with this fence, and is
    /// [`crate::StoreError::NotHeld`] otherwise. Also in a store that has one broker, which takes no runs.
    Held {
        /// Which.
        run: RunId,
        /// Since which taking.
        fence: Fence,
    },
    /// A value of the store itself; the first that was ever written stays.
    Identity {
        /// Its name.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// A new run. [`crate::StoreError::Taken`] when there is or was one of this name;
    /// [`crate::StoreError::ClusterTaken`] when another run that is not over holds a cluster of the same name;
    /// [`crate::StoreError::NoCluster`] when the run that holds its cluster is ending, over or not there.
    Submitted {
        /// The run.
        row: Box<RunRow>,
        /// Submitting again with it finds this run.
        client_token: Option<String>,
        /// Every provider that its plan names.
        providers: BTreeSet<ProviderId>,
    },
    /// A project, new or in place of what it was. [`crate::StoreError::ProjectChanged`] unless it is as often changed as this
    /// says; 0 where there is to be none.
    Project {
        /// How often it was changed until now.
        was: u64,
        /// As it is from now on.
        project: Box<Project>,
    },
    /// What a run, or a lease of it, takes of its project, in place of what it took. When the run is over it takes nothing.
    /// With a judgement it is [`crate::StoreError::Over`] when the project has not enough left, and
    /// [`crate::StoreError::NoProject`] when the run names one that there is not.
    Claimed {
        /// Which.
        run: RunId,
        /// When.
        at: UnixMillis,
        /// Token of the lease; none for the run itself.
        lease: Option<String>,
        /// What; none when it takes nothing any more.
        claim: Option<Claim>,
        /// Whether it is held against the limits of the project.
        judged: bool,
    },
    /// The next record of a run's history.
    Recorded {
        /// Whose.
        run: RunId,
        /// When.
        at: UnixMillis,
        /// What.
        record: Record,
    },
    /// The state of a run as lists show it. The row of a run that is over forgets the values of secrets.
    State {
        /// Whose.
        run: RunId,
        /// Which.
        state: RunState,
    },
    /// What a node told. Events that are there already are left alone.
    Told {
        /// Whose.
        run: RunId,
        /// Of which step.
        step: StepKey,
        /// What.
        events: Vec<Event>,
        /// Lines that leave for them.
        gone: Option<Gone>,
    },
    /// A row of the ledger. One that is there already is left alone; of a new one that says that data moved,
    /// the month's sum grows, and with each charge what the run's project has spent.
    Booked {
        /// When.
        at: UnixMillis,
        /// What.
        entry: Entry,
    },
    /// Somebody wants a run to be cancelled.
    CancelRequested {
        /// Which.
        run: RunId,
        /// When.
        at: UnixMillis,
    },
    /// So many lines of output of a run go, at most: a run may have too many to go at once.
    LinesForgotten {
        /// Whose.
        run: RunId,
        /// How many.
        most: u32,
    },
    /// A run goes with all that is kept of it, but for its name, which is not given again.
    Forgotten {
        /// Which.
        run: RunId,
    },
}

/// What a write led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Numbers of its records, in their order.
    pub records: Vec<u64>,
    /// Lines that went.
    pub lines: u64,
}
