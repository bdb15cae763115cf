//! What can be put on record.

use crate::journal::lines::WHY_BYTES;
use serde::{Deserialize, Serialize};
use welkin_store::Listed;

/// Version of the records' form.
pub(super) const SCHEMA: u32 = 2;

/// The oldest that can be read. The first did not record which stores it was about, so it is not gone on with.
pub(super) const OLDEST: u32 = 1;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// Which transfer this is.
    Open {
        /// Version of the form.
        schema: u32,
        /// Its name.
        id: String,
        /// Everything that decides what it does, for comparison.
        what: String,
        /// When it began, in milliseconds since 1970.
        at_ms: i64,
        /// Which start of the machine this is.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        boot: Option<String>,
    },
    /// A process goes on. What stands before was known when it began: what had arrived, in the order of the source's
    /// keys. Of what is still so at both ends it writes once more.
    Going {
        /// When, in milliseconds since 1970.
        at_ms: i64,
        /// Which start of the machine this is.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        boot: Option<String>,
    },
    /// An upload for a key will begin.
    Intent {
        /// Key at the target.
        key: String,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// An upload has begun.
    Begun {
        /// Key at the target.
        key: String,
        /// The target's name for it.
        upload: String,
        /// Version of the source that it is made of.
        version: Option<String>,
        /// Length of the object.
        size: u64,
        /// Length of its parts.
        part_bytes: u64,
    },
    /// A part is at the target.
    Part {
        /// Key at the target.
        key: String,
        /// The upload.
        upload: String,
        /// From 0.
        number: u32,
        /// The target's receipt.
        tag: String,
        /// BLAKE3 subtree of the part.
        chaining: String,
    },
    /// An upload was given up.
    Dropped {
        /// Key at the target.
        key: String,
        /// The upload.
        upload: String,
    },
    /// An object is at the target.
    Done(Done),
    /// An object at the target was found to be the one at the source: marks of both.
    Paired {
        /// Key at the source.
        source: String,
        /// Mark of the source.
        ours: u64,
        /// Mark of the target.
        theirs: u64,
    },
    /// An object could not be moved.
    Failed {
        /// Key at the source.
        source: String,
        /// Key at the target.
        key: String,
        /// Why.
        why: String,
    },
    /// Every object up to this key of the source is done, skipped or failed.
    Mark {
        /// Key at the source.
        source: String,
    },
    /// The transfer is over.
    Closed {
        /// Whether nothing failed.
        whole: bool,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
}

/// An object that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Key at the source.
    pub source: String,
    /// Version of the source, if it has any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// Key at the target.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 hash of the content, as first read.
    pub blake3: String,
    /// Version at the target, if it told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target_version: Option<String>,
    /// Whether the machine was started again since: a file has its length and times after a power cut, and zeros where
    /// its content was only in memory.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub doubted: bool,
}

impl Done {
    /// Whether both ends still have what this speaks of. Where one keeps no versions, that is not known.
    pub(crate) fn holds(&self, source: &Listed, target: &Listed) -> bool {
        let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
        self.size == source.size
            && self.size == target.size
            && self.key == target.key
            && same(&self.version, &source.version)
            && same(&self.target_version, &target.version)
    }
}

impl Record {
    /// A reason, cut to what a record holds.
    pub(crate) fn short(mut why: String) -> String {
        if why.len() > WHY_BYTES {
            let end = (0..=WHY_BYTES).rev().find(|end| why.is_char_boundary(*end)).unwrap_or(0);
            why.truncate(end);
            why.push_str(" ...");
        }
        why
    }
}
