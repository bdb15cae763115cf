//! One vocabulary of failures by meaning, whatever a provider calls them.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use welkin_units::Span;

/// What a failure means to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The place has none left of what was asked for.
    #[error("no capacity")]
    NoCapacity,
    /// The account may not have that many.
    #[error("quota exceeded")]
    QuotaExceeded,
    /// Too many calls.
    #[error("rate limited")]
    RateLimited,
    /// No or expired credentials.
    #[error("unauthenticated")]
    Unauthenticated,
    /// The credentials do not allow it.
    #[error("forbidden")]
    Forbidden,
    /// What was named does not exist.
    #[error("not found")]
    NotFound,
    /// The same token or name was used for something else.
    #[error("conflict")]
    Conflict,
    /// The provider cannot do this at all.
    #[error("not supported")]
    NotSupported,
    /// The request is malformed.
    #[error("invalid request")]
    Invalid,
    /// The machine is gone: preempted, crashed or released.
    #[error("lease lost")]
    LeaseLost,
    /// The answer was lost or the service had a fault; the call may or may not have taken effect.
    #[error("transient failure")]
    Transient,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same call cannot succeed, here or elsewhere at this provider.
    Never,
    /// The same call may succeed after a pause of at least this long.
    After(Span),
    /// The next alternative of the plan may succeed now.
    Elsewhere,
}

/// A failed call to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{provider}: {operation}: {kind}: {message}")]
pub struct ProviderError {
    /// Which provider.
    pub provider: String,
    /// The operation with its ids and place, for the message.
    pub operation: String,
    /// What it means.
    pub kind: ErrorKind,
    /// The provider's own words.
    pub message: String,
    /// A pause the provider itself asked for.
    pub retry_after: Option<Span>,
}

impl ProviderError {
    /// A failure of `operation` at `provider`.
    #[must_use]
    pub fn new(
        provider: impl Into<String>,
        operation: impl Into<String>,
        kind: ErrorKind,
        message: impl Into<String>,
    ) -> Self {
        Self {
            provider: provider.into(),
            operation: operation.into(),
            kind,
            message: message.into(),
            retry_after: None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.kind {
            ErrorKind::NoCapacity | ErrorKind::QuotaExceeded | ErrorKind::LeaseLost => Retry::Elsewhere,
            ErrorKind::RateLimited => Retry::After(self.retry_after.unwrap_or(Span::from_secs(2))),
            ErrorKind::Transient => Retry::After(self.retry_after.unwrap_or(Span::from_millis(500))),
            // Another provider may still take the task; this one will not.
            ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::NotSupported => Retry::Elsewhere,
            ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Invalid => Retry::Never,
        }
    }
}
