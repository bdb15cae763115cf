//! What can go wrong in the broker itself. What goes wrong with a task is no error but an outcome.

use std::path::PathBuf;
use thiserror::Error;
use welkin_provider::{ProviderError, ProviderId};
pub use welkin_records::StoreError;
use welkin_records::{Over, RunId};

/// Why a broker could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another broker owns the state directory.
    #[error("{dir} is in use by another broker ({holder})", dir = dir.display())]
    InUse {
        /// The state directory.
        dir: PathBuf,
        /// Its process and host.
        holder: String,
    },
    /// The store.
    #[error("opening the broker's store")]
    Store(#[source] StoreError),
}

/// Why a plan was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The plan and the job do not belong together.
    #[error("the plan was made from another job")]
    OtherJob,
    /// The plan needs a provider this broker does not have.
    #[error("task {task} may run at {provider}, which is not set up")]
    NoProvider {
        /// Task.
        task: String,
        /// Provider.
        provider: ProviderId,
    },
    /// The job needs something this version cannot execute.
    #[error("task {task}: {what} cannot be executed by this version")]
    Unsupported {
        /// Task.
        task: String,
        /// What.
        what: String,
    },
    /// The job was submitted from another machine, and needs something that only that one has.
    #[error("{what}")]
    Elsewhere {
        /// What.
        what: String,
    },
    /// A path of this machine cannot serve as the job says.
    #[error("task {task}: {what}")]
    Path {
        /// Task.
        task: String,
        /// Path and reason.
        what: String,
    },
    /// More than one thing stands against it.
    #[error("{}", in_lines(refused))]
    Several {
        /// All of them.
        refused: Vec<SubmitError>,
    },
    /// The token was used for another submission.
    #[error("the client token was used for {run}, which has another plan, folder, project or cluster")]
    TokenReused {
        /// The other run.
        run: RunId,
    },
    /// Another run holds a cluster of this name.
    #[error("{run} holds a cluster named {name} already")]
    ClusterTaken {
        /// The name.
        name: String,
        /// The other run.
        run: RunId,
    },
    /// The cluster is to be stopped when it is idle, and a place of its plan cannot do that.
    #[error("{what} cannot be stopped when they are idle, only given back")]
    CannotStop {
        /// Which machines.
        what: String,
    },
    /// The project has not enough left.
    #[error(transparent)]
    Over(Box<Over>),
    /// Nobody has made the project.
    #[error("there is no project {name}")]
    NoProject {
        /// Its name.
        name: String,
    },
    /// What works on a cluster is of its project.
    #[error("the cluster that {run} holds is of another project")]
    OtherProject {
        /// Who holds it.
        run: RunId,
    },
    /// The cluster is ending, or gone.
    #[error("{run}, which held the cluster, is over or ending")]
    NoCluster {
        /// Who held it.
        run: RunId,
    },
    /// The store.
    #[error("recording the submission")]
    Store(#[source] StoreError),
}

impl SubmitError {
    /// What a store refuses is no failure of the store.
    pub(crate) fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::ClusterTaken { name, run } => Self::ClusterTaken { name, run },
            StoreError::NoCluster { run } => Self::NoCluster { run },
            StoreError::Over(over) => Self::Over(over),
            StoreError::NoProject { name } => Self::NoProject { name },
            error => Self::Store(error),
        }
    }
}

fn in_lines(refused: &[SubmitError]) -> String {
    refused.iter().fold(format!("{} reasons", refused.len()), |text, reason| format!("{text}\n    {reason}"))
}

/// Why a wish was not granted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WishError {
    /// The run holds no cluster.
    #[error("{run} holds no cluster")]
    NoCluster {
        /// The run.
        run: RunId,
    },
    /// The run is ending, or over.
    #[error("{run} is over or ending")]
    Ending {
        /// The run.
        run: RunId,
    },
    /// The cluster has no machines at present that could be stopped or started.
    #[error("the machines of {run} are not there yet, or about to stop")]
    NotThere {
        /// The run.
        run: RunId,
    },
    /// The project has not enough left to start them.
    #[error(transparent)]
    Over(Box<Over>),
    /// Machines of this kind cannot be stopped.
    #[error("{what} cannot be stopped, only given back")]
    CannotStop {
        /// Which.
        what: String,
    },
    /// What was asked could not be put on record: nothing was done.
    #[error("what was asked of {run} could not be recorded: {why}")]
    Unrecorded {
        /// The run.
        run: RunId,
        /// Why, with its causes.
        why: String,
    },
    /// Nobody drives the run: it is over, or something keeps it from going on.
    #[error("{run} is not driven at present")]
    Undriven {
        /// The run.
        run: RunId,
    },
    /// The store.
    #[error("recording what was asked for")]
    Store(#[source] StoreError),
}

/// Why there is no login to the machines of a cluster.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The run holds no cluster.
    #[error("{run} holds no cluster")]
    NoCluster {
        /// The run.
        run: RunId,
    },
    /// Its machines are stopped.
    #[error("the machines of cluster {cluster} are stopped")]
    Stopped {
        /// The cluster.
        cluster: String,
    },
    /// Its machines are about to stop.
    #[error("the machines of cluster {cluster} are being stopped")]
    Stopping {
        /// The cluster.
        cluster: String,
    },
    /// Its machines are on their way.
    #[error("the machines of cluster {cluster} are not there yet")]
    NotThere {
        /// The cluster.
        cluster: String,
    },
    /// It is over.
    #[error("cluster {cluster} is over or ending")]
    Ended {
        /// The cluster.
        cluster: String,
    },
    /// It has fewer machines.
    #[error("cluster {cluster} has {nodes} nodes, and none of rank {rank}")]
    NoNode {
        /// The cluster.
        cluster: String,
        /// Which was asked for.
        rank: u32,
        /// How many it has.
        nodes: u32,
    },
    /// The machine lets nobody in.
    #[error("the machine of cluster {cluster} lets nobody in")]
    Node {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: ProviderError,
    },
    /// The store.
    #[error("reading where the machines are")]
    Store(#[source] StoreError),
}

/// Why a run could not be driven to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The store.
    #[error("the broker's store failed; `resume` goes on from the last record")]
    Store(#[source] StoreError),
    /// Leases could not be given back in time; `resume` and `gc` try again.
    #[error("{count} leases of {run} could not be given back", count = leases.len())]
    Unsettled {
        /// The run.
        run: RunId,
        /// Each with the last error.
        leases: Vec<(String, ProviderError)>,
    },
    /// The run is being driven by this broker already.
    #[error("{run} is being driven already")]
    AlreadyDriven {
        /// The run.
        run: RunId,
    },
    /// The test hook ended the broker here.
    #[error("ended by the hook after a record")]
    Crashed,
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
