//! The one sentence of a test that passes because it could not run.

use std::fmt;

/// Why a stand-in is not to be had here. Prints as `did not run: REASON`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DidNotRun {
    reason: String,
}

impl DidNotRun {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for DidNotRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "did not run: {}", self.reason)
    }
}

impl std::error::Error for DidNotRun {}
