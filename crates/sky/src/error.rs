//! What can go wrong, by what was being done.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use welkin_broker::{OpenError, StoreError};
use welkin_catalog::BuildError;
use welkin_job::{Diagnostics, Job};
use welkin_placement::{PlanError, PlanFailure};
use welkin_store::Failure;
use welkin_transfer::engine::EngineError;
use welkin_transfer::journal::{JournalError, ManifestError};

/// Whatever lies beneath.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why something could not be opened, read or planned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SkyError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// One end of a transfer lies in the other.
    #[error(transparent)]
    Overlap(EngineError),
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file that configures something could not be read.
    #[error("cannot read {}", path.display())]
    ConfigRead {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file that configures something says what it cannot mean.
    #[error("{} is not valid", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        #[source]
        source: Cause,
    },
    /// A text that is part of a job is too long.
    #[error("{} is longer than 1 MiB", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// The catalog could not be built or opened.
    #[error("the catalog cannot be built")]
    Catalog(#[source] Cause),
    /// A task asks for hosts by SSH where none are named.
    #[error("task {task} asks for hosts by SSH, and none are named")]
    NoHosts {
        /// The task.
        task: String,
        /// Where they could be named.
        files: [PathBuf; 2],
    },
    /// The hosts' records could not be opened.
    #[error("cannot open the records of hosts in {}", path.display())]
    Hosts {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// What the clouds of this machine keep could not be opened.
    #[error("cannot open the clouds in {}", path.display())]
    Clouds {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Nothing can be run without the program that nodes run.
    #[error("no program is set that nodes could run")]
    NoProgram,
    /// The job file has mistakes.
    #[error("{0}")]
    Job(Diagnostics),
    /// The contract of a sealed task does not hold.
    #[error("the contract of task {task} does not hold")]
    Contract {
        /// The task.
        task: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The model of a task that says `parallel` cannot be planned.
    #[error("{} cannot be planned", path.display())]
    Model {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The step of a task that says `parallel` fits nowhere.
    #[error("the step of task {task} fits on no machines that it may have")]
    NoMachines {
        /// The task.
        task: String,
    },
    /// The step was chosen machines for, and could not be split over them.
    #[error("no plan for {cluster}")]
    NoSplit {
        /// The machines.
        cluster: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// No plan keeps the conditions of the job.
    #[error("{failure}")]
    NoPlan {
        /// Why, and what would help.
        failure: Box<PlanFailure>,
        /// The job as it was planned.
        job: Box<Job>,
    },
    /// A saved plan cannot be used.
    #[error("{} cannot be used", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PlanError,
    },
    /// The key that seals secrets cannot be used.
    #[error("cannot use the key of secrets in {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A text names no place, or one that cannot be used so.
    #[error("{message}")]
    Place {
        /// Which, and why.
        message: String,
        /// What would do.
        hint: Option<String>,
    },
    /// Credentials or the section of a store make no sense.
    #[error("{message}")]
    Credentials {
        /// Which, and why.
        message: String,
        /// What would help.
        hint: Option<String>,
    },
    /// No way to a gateway is left.
    #[error("no way to {to} is left: not the direct one, and no relay is named")]
    NoWay {
        /// The gateway.
        to: String,
    },
    /// A store or a gateway failed.
    #[error("{0}")]
    Store(Failure),
    /// The identity of this machine cannot be used.
    #[error("{} cannot be used", path.display())]
    Identity {
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// No transfer on record has this name.
    #[error("there is no transfer `{name}`")]
    NoTransfer {
        /// The name, or its beginning.
        name: String,
    },
    /// The beginning of a name fits several transfers.
    #[error("`{name}` could be {} or {}", fits[0], fits[1])]
    Transfers {
        /// The beginning.
        name: String,
        /// Two of those it fits.
        fits: [String; 2],
    },
    /// Somebody else does the same at this moment.
    #[error("the same transfer is under way in another process as {running}")]
    SameTransfer {
        /// Its name.
        running: String,
    },
    /// A record of a version that did not say what a transfer does.
    #[error("the transfer was begun by a version that did not record what it does")]
    OldTransfer,
    /// The journal of a transfer failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The manifest of a transfer failed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A transfer ended before all had arrived.
    #[error("the transfer {id} ended")]
    Transfer {
        /// Its name: the same transfer goes on where it was.
        id: String,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// The records of runs failed.
    #[error("the records of runs cannot be used")]
    Records(#[source] StoreError),
    /// The broker could not be opened.
    #[error("the broker cannot be opened")]
    Broker(#[source] OpenError),
}

impl SkyError {
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn place(message: impl Into<String>) -> Self {
        Self::Place { message: message.into(), hint: None }
    }

    pub(crate) fn no_plan(failure: PlanFailure, job: &Job) -> Self {
        Self::NoPlan { failure: Box::new(failure), job: Box::new(job.clone()) }
    }
}

impl From<BuildError> for SkyError {
    fn from(error: BuildError) -> Self {
        Self::Catalog(Box::new(error))
    }
}
