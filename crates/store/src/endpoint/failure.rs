//! What can go wrong at an endpoint, by meaning.

use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// What a failure means to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The object, bucket or upload does not exist.
    NotFound,
    /// The object is not the version that was asked for.
    Changed,
    /// The credentials are missing, wrong or expired: everything else will fail too.
    Credentials,
    /// The credentials do not allow it for this object.
    Forbidden,
    /// Too many calls.
    Throttled,
    /// The call may or may not have taken effect; it may work later.
    Transient,
    /// What arrived is not what was sent.
    Corrupt,
    /// There is no room left.
    Full,
    /// The object breaks a limit of the place.
    TooLarge,
    /// The place cannot hold such a key, or do this at all.
    Unsupported,
    /// The call is malformed, or the answer is.
    Invalid,
}

/// A failed call.
#[derive(Debug, Error)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// What was tried, with place and key.
    pub operation: String,
    /// What the place said.
    pub message: String,
    /// A pause that the place asked for.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.operation, self.message)
    }
}

impl Failure {
    /// A failure of `operation`, such as "read s3://bucket/key".
    pub fn new(kind: FailureKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), message: message.into(), retry_after: None }
    }

    /// The same with a pause that the place asked for.
    #[must_use]
    pub fn retry_after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause;
        self
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self.kind, FailureKind::Throttled | FailureKind::Transient | FailureKind::Corrupt)
    }

    /// Whether every further call will fail as well.
    #[must_use]
    pub const fn ends_everything(&self) -> bool {
        matches!(self.kind, FailureKind::Credentials | FailureKind::Full)
    }

    /// From an operating system's error.
    pub fn io(operation: impl Into<String>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => FailureKind::NotFound,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => FailureKind::Forbidden,
            Io::StorageFull | Io::QuotaExceeded => FailureKind::Full,
            Io::FileTooLarge => FailureKind::TooLarge,
            Io::InvalidFilename | Io::NotADirectory | Io::IsADirectory => FailureKind::Unsupported,
            Io::InvalidInput | Io::InvalidData => FailureKind::Invalid,
            _ => FailureKind::Transient,
        };
        Self::new(kind, operation, error.to_string())
    }
}
