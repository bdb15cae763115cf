//! What can go wrong between a provider and this machine.

use std::io;
use std::path::PathBuf;
use thiserror::Error;
use welkin_provider::{ErrorKind, LeaseId, LeaseRequest, ProviderError};

/// A failed operation of the node machinery.
#[derive(Debug, Error)]
pub enum MachineError {
    /// A file or folder of the state could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder of the state could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A lease record or faults file is not what it should be.
    #[error("{} is damaged", path.display())]
    Record {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A lease record was written by another version of this program.
    #[error("{} has version {found}, this program knows {known}", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that can be read.
        known: u32,
    },
    /// The daemon of a node could not be started.
    #[error("cannot start the daemon of node {node} from {}", program.display())]
    Spawn {
        /// The node's id.
        node: String,
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The processes of a lease could not be ended.
    #[error("cannot end the processes of {lease}")]
    End {
        /// Which lease.
        lease: String,
        /// Why.
        source: io::Error,
    },
    /// There is no such lease.
    #[error("no such lease")]
    NoLease(LeaseId),
    /// There is no such node, or not at this time.
    #[error("{0}")]
    NoNode(String),
    /// The lease is over.
    #[error("the lease is over: {0}")]
    Over(String),
    /// The token was used for another request.
    #[error("token {} was used for another request", .0.token)]
    Conflict(Box<LeaseRequest>),
    /// The request makes no sense here.
    #[error("{0}")]
    Invalid(String),
    /// There is no room.
    #[error("{message}")]
    Refused {
        /// [`ErrorKind::NoCapacity`] or [`ErrorKind::QuotaExceeded`].
        kind: ErrorKind,
        /// In the provider's words.
        message: String,
    },
}

impl MachineError {
    /// In the port's vocabulary.
    pub(crate) fn into_provider(self, provider: &str, operation: &str) -> ProviderError {
        let kind = match &self {
            Self::Write { source, .. } | Self::Spawn { source, .. } if is_full(source) => {
                ErrorKind::NoCapacity
            }
            // The process table may be full, or a file locked: another try may do.
            Self::Read { .. } | Self::Write { .. } | Self::Spawn { .. } | Self::End { .. } => {
                ErrorKind::Transient
            }
            Self::Record { .. } | Self::Version { .. } | Self::Invalid(_) => ErrorKind::Invalid,
            Self::NoLease(_) | Self::NoNode(_) => ErrorKind::NotFound,
            Self::Over(_) => ErrorKind::LeaseLost,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::Refused { kind, .. } => *kind,
        };
        ProviderError::new(provider, operation, kind, chain(&self))
    }
}

/// Whether a disk has no room, or cannot be written at all: trying again does not change that.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied)
}

/// An error and its causes in one line: a provider's message is all that its caller gets.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
