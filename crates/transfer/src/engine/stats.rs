//! Counts that anybody may look at while a transfer runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters of a transfer.
#[derive(Debug, Default)]
pub struct Stats {
    pub(super) source_objects: AtomicU64,
    pub(super) listed_objects: AtomicU64,
    pub(super) listed_bytes: AtomicU64,
    pub(super) listed_all: AtomicBool,
    pub(super) copied_objects: AtomicU64,
    pub(super) copied_bytes: AtomicU64,
    pub(super) resumed_objects: AtomicU64,
    pub(super) resumed_bytes: AtomicU64,
    pub(super) skipped_objects: AtomicU64,
    pub(super) skipped_bytes: AtomicU64,
    pub(super) failed_objects: AtomicU64,
    pub(super) deleted_objects: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) lanes: AtomicU64,
}

/// The counters at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Objects that were found at the source.
    pub source_objects: u64,
    /// Objects that were listed and passed the filter.
    pub listed_objects: u64,
    /// Their bytes.
    pub listed_bytes: u64,
    /// Whether these are all.
    pub listed_all: bool,
    /// Objects that arrived.
    pub copied_objects: u64,
    /// Bytes that arrived, those of unfinished objects included.
    pub copied_bytes: u64,
    /// Objects that an earlier process had moved, and that were found still so.
    pub resumed_objects: u64,
    /// Bytes that an earlier process had moved.
    pub resumed_bytes: u64,
    /// Objects that were left as they are.
    pub skipped_objects: u64,
    /// Their bytes.
    pub skipped_bytes: u64,
    /// Objects that could not be moved.
    pub failed_objects: u64,
    /// Objects removed at the target.
    pub deleted_objects: u64,
    /// Calls that were repeated.
    pub retries: u64,
    /// Lanes at work.
    pub lanes: u64,
}

impl Stats {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            source_objects: get(&self.source_objects),
            listed_objects: get(&self.listed_objects),
            listed_bytes: get(&self.listed_bytes),
            listed_all: self.listed_all.load(Ordering::Relaxed),
            copied_objects: get(&self.copied_objects),
            copied_bytes: get(&self.copied_bytes),
            resumed_objects: get(&self.resumed_objects),
            resumed_bytes: get(&self.resumed_bytes),
            skipped_objects: get(&self.skipped_objects),
            skipped_bytes: get(&self.skipped_bytes),
            failed_objects: get(&self.failed_objects),
            deleted_objects: get(&self.deleted_objects),
            retries: get(&self.retries),
            lanes: get(&self.lanes),
        }
    }

    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
