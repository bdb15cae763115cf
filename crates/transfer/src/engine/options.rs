//! What a transfer is to do.

use crate::engine::{Compare, Retrying};
use crate::filter::Filter;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_store::Endpoint;

/// An endpoint with the place in it that keys are relative to.
#[derive(Clone)]
pub struct Side {
    /// The endpoint, which the engine calls with patience only.
    pub endpoint: Retrying,
    /// What the keys begin with: empty, or ending with a slash.
    pub prefix: String,
}

impl Side {
    /// The place below `prefix` of an endpoint.
    #[must_use]
    pub fn new(endpoint: Arc<dyn Endpoint>, prefix: impl Into<String>) -> Self {
        Self { endpoint: Retrying::new(endpoint), prefix: prefix.into() }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint.name().trim_end_matches('/'), self.prefix)
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An object that is known before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Key at the source.
    pub source: String,
    /// Key at the target.
    pub target: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 hash of its content.
    pub blake3: blake3::Hash,
}

/// Which objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of a list, by their hashes: one that is at the target already is left, one that the source has
    /// with other content fails.
    Listed(Arc<[Expected]>),
    /// All below the prefixes.
    Tree,
    /// One, by its keys.
    One {
        /// At the source.
        source: String,
        /// At the target.
        target: String,
    },
}

/// How many objects a transfer may remove at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// At most so many.
    Count(u64),
    /// At most this part of what is there, in percent.
    Percent(u8),
    /// All.
    Off,
}

impl Guard {
    /// How many of the objects that are there may be removed.
    pub(super) fn most(self, there: u64) -> u64 {
        match self {
            Self::Count(most) => most,
            Self::Percent(percent) => {
                u64::try_from(u128::from(there) * u128::from(percent) / 100).unwrap_or(there)
            }
            Self::Off => u64::MAX,
        }
    }
}

/// How it is to be done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which objects are left as they are at the target.
    pub compare: Compare,
    /// Which keys are looked at, on both sides.
    pub filter: Filter,
    /// Remove what the source does not have, within the guard.
    pub delete: Option<Guard>,
    /// Whether a source without any object may empty the target, within the guard.
    pub empties: bool,
    /// Length of parts, if it is to be another than what suits the target.
    pub part_bytes: Option<u64>,
    /// Bytes of content in memory at most.
    pub memory_bytes: usize,
    /// Lanes, if the tuner is not to find out.
    pub lanes: Option<usize>,
    /// Where it is kept which versions of both sides belong together, for comparing by time. Of the same places always the
    /// same file; none where every object is to be asked.
    pub pairs: Option<PathBuf>,
    /// Bytes a second at most.
    pub rate: Option<u64>,
    /// Tries of a call that fails in a way that passes.
    pub attempts: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            compare: Compare::Always,
            filter: Filter::default(),
            delete: None,
            empties: false,
            part_bytes: None,
            // Eight lanes with parts of 8 MiB each, being read and written.
            memory_bytes: 128 << 20,
            lanes: None,
            pairs: None,
            rate: None,
            // With pauses that double from 100 ms to 20 s: a minute and a half.
            attempts: 12,
        }
    }
}

/// A transfer.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// From where.
    pub source: Side,
    /// To where.
    pub target: Side,
    /// What.
    pub scope: Scope,
    /// How.
    pub options: Options,
}
