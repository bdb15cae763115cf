//! One object that is to be moved.

use crate::journal::Done;
use welkin_store::{Failure, FailureKind, Listed};

/// An object to be moved.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Its step in the ledger; none for one that failed in an earlier process.
    pub(super) step: Option<u64>,
    pub(super) source: Listed,
    /// Key at the target.
    pub(super) key: String,
    /// Times it was begun again because the source changed.
    pub(super) retries: u32,
    /// Hash that its content must have.
    pub(super) expected: Option<blake3::Hash>,
    /// Whether the source is known to have changed since the object at the target was written.
    pub(super) contradicted: bool,
    /// What is on record of it and has to be seen before it is believed.
    pub(super) doubted: Option<Box<Done>>,
}

impl Job {
    /// Whether it is to be skipped after this failure: it marks a folder, and the target has real folders.
    pub(super) fn is_marker(&self, failure: &Failure) -> bool {
        self.source.size == 0 && self.source.key.ends_with('/') && failure.kind == FailureKind::Unsupported
    }
}
