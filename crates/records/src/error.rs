//! What can go wrong with records.

use crate::id::RunId;
use crate::projects::Over;
use std::error::Error;
use std::path::PathBuf;
use thiserror::Error;

/// A failure of a store of records, or of what lies in it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder of the store could not be used.
    #[error("{what} {path}", path = path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("{what}")]
    Database {
        /// What was tried.
        what: &'static str,
        /// Whether it is damaged, or no database at all: trying again does not help.
        damaged: bool,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A store elsewhere did not answer, or did not answer so.
    #[error("the records at {place} cannot be read")]
    Elsewhere {
        /// Where they are.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A database does not answer, though it was waited for. What was asked of it may have been done.
    #[error("the database {place} does not answer")]
    Away {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store was written by a newer version.
    #[error("the store has schema {found}; this version of welkin knows up to {known}: use a newer one")]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: usize,
    },
    /// A stored document is not what it should be.
    #[error("a stored document cannot be read or written")]
    Body {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A stored plan is damaged, or of a version that is not known.
    #[error("the stored plan of {run}")]
    Plan {
        /// Whose.
        run: RunId,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A record cannot follow the ones before it.
    #[error("the history of {run} contradicts itself: {reason}")]
    Contradiction {
        /// Whose.
        run: RunId,
        /// How.
        reason: String,
    },
    /// There is no store.
    #[error("there is no broker's store in {path}", path = path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A job with secrets is sealed and cannot be opened.
    #[error("the secrets of {run} cannot be opened: {reason}")]
    Sealed {
        /// Which run.
        run: RunId,
        /// Why.
        reason: &'static str,
    },
    /// No such run.
    #[error("there is no run {run}")]
    NoSuchRun {
        /// Which.
        run: RunId,
    },
    /// A run that is not over holds a cluster of this name.
    #[error("{run} holds a cluster named {name} already")]
    ClusterTaken {
        /// The name.
        name: String,
        /// Who holds it.
        run: RunId,
    },
    /// A run holds no cluster any more.
    #[error("{run} holds no cluster any more")]
    NoCluster {
        /// Which.
        run: RunId,
    },
    /// A project has not enough left.
    #[error(transparent)]
    Over(Box<Over>),
    /// Nobody has made a project of this name.
    #[error("there is no project {name}")]
    NoProject {
        /// The name.
        name: String,
    },
    /// A project is not what it was when somebody looked; or there is one of this name already.
    #[error("project {name} was changed meanwhile, or made")]
    ProjectChanged {
        /// Its name.
        name: String,
    },
    /// A project cannot be removed.
    #[error("runs of project {name} are not over")]
    ProjectInUse {
        /// Its name.
        name: String,
    },
    /// This broker does not have the run any more.
    #[error("another broker drives {run} now")]
    NotHeld {
        /// Which.
        run: RunId,
    },
    /// There is such a run, or there was one.
    #[error("the name {run} is taken")]
    Taken {
        /// Which.
        run: RunId,
    },
}

impl StoreError {
    /// Whether the database is damaged, or no database at all: trying again does not help.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Database { damaged: true, .. })
    }

    /// This failure and what caused it, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let causes = std::iter::successors(Error::source(self), |error| (**error).source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}
