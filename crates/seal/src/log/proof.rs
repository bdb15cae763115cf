//! Proofs, and how they are checked without the log.

use super::head::Head;
use super::tree::{leaf, node};
use crate::canonical::{self, FileError, Kind};
use crate::hex::Hex;
use serde::{Deserialize, Serialize};

/// That a line is in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// Which line, from 0.
    pub index: u64,
    /// What it says.
    pub line: String,
    /// Of how many lines.
    pub size: u64,
    /// Hashes beside the way up.
    pub path: Vec<Hex<32>>,
}

/// That a log grew, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// How many lines it had.
    pub old: u64,
    /// How many it has.
    pub new: u64,
    /// Hashes that lead to both roots.
    pub path: Vec<Hex<32>>,
}

/// Why a file is no proof.
pub type ProofFileError = FileError;

impl Kind for Inclusion {
    const SCHEMA: &'static str = "welkin.inclusion/1";
    /// A line, and a hash for each bit of its number.
    const MOST_BYTES: usize = 64 << 10;
}

impl Kind for Consistency {
    const SCHEMA: &'static str = "welkin.consistency/1";
    const MOST_BYTES: usize = 16 << 10;
}

impl Inclusion {
    /// Reads a proof.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofFileError> {
        canonical::read(bytes)
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// Does it prove that the line is in the log of this head? RFC 9162, 2.1.3.2.
    #[must_use]
    pub fn holds(&self, head: &Head) -> bool {
        if self.size != head.size || self.index >= self.size {
            return false;
        }
        let (mut at, mut last) = (self.index, self.size - 1);
        let mut root = leaf(self.line.as_bytes());
        for beside in &self.path {
            if last == 0 {
                return false;
            }
            if at % 2 == 1 || at == last {
                root = node(beside, &root);
                while at.is_multiple_of(2) && at != 0 {
                    (at, last) = (at / 2, last / 2);
                }
            } else {
                root = node(&root, beside);
            }
            (at, last) = (at / 2, last / 2);
        }
        last == 0 && root == head.root
    }
}

impl Consistency {
    /// Reads a proof.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofFileError> {
        canonical::read(bytes)
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// Does it prove that the log of `new` begins with that of `old`? RFC 9162, 2.1.4.2.
    #[must_use]
    pub fn holds(&self, old: &Head, new: &Head) -> bool {
        if (self.old, self.new) != (old.size, new.size) || self.old == 0 || self.old > self.new {
            return false;
        }
        if self.old == self.new {
            return self.path.is_empty() && old.root == new.root;
        }
        let mut path = self.path.clone();
        // A tree that is complete is a node of the larger one, and is not told again.
        if self.old.is_power_of_two() {
            path.insert(0, old.root);
        }
        let Some((first, rest)) = path.split_first() else { return false };
        let (mut at, mut last) = (self.old - 1, self.new - 1);
        while at % 2 == 1 {
            (at, last) = (at / 2, last / 2);
        }
        let (mut old_root, mut new_root) = (*first, *first);
        for beside in rest {
            if last == 0 {
                return false;
            }
            if at % 2 == 1 || at == last {
                old_root = node(beside, &old_root);
                new_root = node(beside, &new_root);
                while at.is_multiple_of(2) && at != 0 {
                    (at, last) = (at / 2, last / 2);
                }
            } else {
                new_root = node(&new_root, beside);
            }
            (at, last) = (at / 2, last / 2);
        }
        last == 0 && old_root == old.root && new_root == new.root
    }
}
