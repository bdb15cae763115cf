//! What a broker tells while it works. The same is in the store; this is for who watches live.

use std::fmt;
use welkin_ledger::Entry;
use welkin_provider::{Event, UnixMillis};
use welkin_records::{AttemptId, Phase, Record, RunId};
use welkin_units::Bytes;

/// Something that happened, after it was recorded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A run's history grew.
    Recorded {
        /// Which run.
        run: RunId,
        /// Number of the record.
        seq: u64,
        /// When.
        at: UnixMillis,
        /// What.
        record: Record,
    },
    /// A node told something: log lines, data fetched and published.
    Told {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: AttemptId,
        /// Which step.
        phase: Phase,
        /// Which node.
        rank: u32,
        /// What.
        events: Vec<Event>,
    },
    /// The ledger grew.
    Booked {
        /// The row.
        entry: Entry,
    },
    /// Data are on their way to the store of a place. Not recorded.
    Moving {
        /// Which run.
        run: RunId,
        /// Which attempt.
        attempt: AttemptId,
        /// Path on the node they are for.
        path: String,
        /// How much is there.
        bytes: Bytes,
    },
    /// Something that the user should know of and that changes nothing. Not recorded.
    Noted {
        /// Which run.
        run: RunId,
        /// What.
        message: String,
    },
    /// A call failed and will be tried again. Not recorded.
    Retrying {
        /// Which run.
        run: RunId,
        /// The failed call.
        message: String,
    },
}

/// Who watches. Called on the broker's own thread: must return at once.
pub trait Observer: Send + Sync + fmt::Debug {
    /// Takes notice.
    fn notice(&self, progress: &Progress);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn notice(&self, _: &Progress) {}
}
