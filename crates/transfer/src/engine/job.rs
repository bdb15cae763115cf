//! One object that is to be moved.

use welkin_store::Listed;

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
}
