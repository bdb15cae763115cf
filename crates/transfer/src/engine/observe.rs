//! What a transfer tells while it runs.

use crate::journal::Done;
use std::time::Duration;

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// An object is at the target.
    Copied(&'a Done),
    /// An object was left as it is.
    Skipped {
        /// Key at the source.
        key: &'a str,
        /// Why.
        why: &'static str,
    },
    /// What is there is no object and takes no part, such as a link.
    LeftOut {
        /// Key that it would have at the source.
        key: &'a str,
        /// Why.
        why: &'static str,
    },
    /// An object could not be moved.
    Failed {
        /// Key at the source.
        key: &'a str,
        /// Why.
        why: &'a str,
    },
    /// An object arrived, but is not what was expected; it counts as failed.
    Unexpected {
        /// Key at the source.
        key: &'a str,
        /// Hash that it has.
        blake3: &'a str,
    },
    /// An object was removed at the target.
    Deleted {
        /// Its key.
        key: &'a str,
    },
    /// A call will be repeated.
    Retrying {
        /// Why.
        why: &'a str,
        /// After this pause.
        pause: Duration,
    },
}

/// Hears of them. Called from the lanes, so it must be quick.
pub trait Observer: Send + Sync {
    /// Takes note.
    fn notice(&self, notice: &Notice<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Observer for Quiet {
    fn notice(&self, _notice: &Notice<'_>) {}
}
