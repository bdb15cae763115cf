//! What the server did, readable while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

use super::operation::Operation;

/// Live counters; the number of requests is also the server's clock.
#[derive(Default)]
pub(super) struct Counters {
    by_operation: [AtomicU64; Operation::ALL.len()],
    requests: AtomicU64,
    connections: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// Counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    by_operation: Vec<u64>,
    /// Requests of any kind, answered or not.
    pub requests: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Bytes read from sockets, headers included.
    pub bytes_in: u64,
    /// Bytes handed to sockets, headers included.
    pub bytes_out: u64,
}

impl Counts {
    /// Requests for this operation.
    pub fn of(&self, operation: Operation) -> u64 {
        self.by_operation.get(operation as usize).copied().unwrap_or_default()
    }
}

impl Counters {
    /// Counts a request; its number, from 1.
    pub(super) fn request(&self, operation: Operation) -> u64 {
        self.by_operation[operation as usize].fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn bytes_in(&self, count: u64) {
        self.bytes_in.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn bytes_out(&self, count: u64) {
        self.bytes_out.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            by_operation: self.by_operation.iter().map(read).collect(),
            requests: read(&self.requests),
            connections: read(&self.connections),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
        }
    }
}
