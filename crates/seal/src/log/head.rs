//! Heads: how long a log is and what its root is, signed by whoever keeps it.

use super::tree::Tree;
use crate::canonical::{self, FileError, Kind};
use crate::hex::Hex;
use crate::keys::{Identity, Root};
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// A log at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Who keeps the log.
    pub party: Name,
    /// How many lines it has.
    pub size: u64,
    /// The root over them.
    pub root: Hex<32>,
    /// Seconds since 1970.
    pub at: u64,
    signature: Hex<64>,
}

/// Why a head says nothing.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was changed, or is somebody else's.
    #[error("the head of the log is not signed by `{0}`")]
    Signature(Name),
}

impl Kind for Head {
    const SCHEMA: &'static str = "welkin.log-head/1";
    const MOST_BYTES: usize = 4 << 10;
}

impl Head {
    /// Signs the head of a log.
    #[must_use]
    pub fn new(tree: &Tree, root: &Root, at: u64) -> Self {
        let party = root.identity().party.clone();
        let size = tree.size();
        let top = tree.root(size).expect("a tree has its own size");
        let mut head = Self { party, size, root: top, at, signature: Hex([0; 64]) };
        head.signature = root.sign(&head.message());
        head
    }

    /// Reads a head that one of these parties signed.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read<'a>(
        bytes: &[u8],
        known: impl FnOnce(&Name) -> Option<&'a Identity>,
    ) -> Result<Self, HeadError> {
        let head: Self = canonical::read(bytes)?;
        let signed = known(&head.party).is_some_and(|party| party.verifies(&head.message(), &head.signature));
        if signed { Ok(head) } else { Err(HeadError::Signature(head.party)) }
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    fn message(&self) -> Vec<u8> {
        let Self { party, size, root, at, .. } = self;
        canonical::message("welkin log head/1", &(party, size, root, at))
    }
}
