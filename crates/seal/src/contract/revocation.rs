//! A party takes its signature back.

use crate::canonical::{self, FileError, Kind};
use crate::hex::Hex;
use crate::keys::{Identity, Root};
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// What a party no longer agrees to. Every key release after it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The contract.
    pub contract: Hex<32>,
    /// Who.
    pub party: Name,
    /// Seconds since 1970.
    pub at: u64,
    signature: Hex<64>,
}

impl Kind for Revocation {
    const SCHEMA: &'static str = "welkin.revocation/1";
    const MOST_BYTES: usize = 4 << 10;
}

impl Revocation {
    /// Takes a signature back.
    #[must_use]
    pub fn new(contract: Hex<32>, root: &Root, at: u64) -> Self {
        let party = root.identity().party.clone();
        let mut revocation = Self { contract, party, at, signature: Hex([0; 64]) };
        revocation.signature = root.sign(&revocation.message());
        revocation
    }

    /// Reads a file; that the party signed it is for [`Revocation::is_of`] to say.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        canonical::read(bytes)
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// Did this party sign it?
    #[must_use]
    pub fn is_of(&self, identity: &Identity) -> bool {
        identity.party == self.party && identity.verifies(&self.message(), &self.signature)
    }

    fn message(&self) -> Vec<u8> {
        let Self { contract, party, at, .. } = self;
        canonical::message("welkin revocation/1", &(contract, party, at))
    }
}
