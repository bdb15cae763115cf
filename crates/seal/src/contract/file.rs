//! A contract with the signatures it has so far.

use super::manifest::{Manifest, ManifestError};
use crate::canonical::{self, FileError, Kind};
use crate::hex::Hex;
use crate::keys::Root;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A manifest and who signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// What is signed.
    pub manifest: Manifest,
    /// Ed25519 by party.
    pub signatures: BTreeMap<Name, Hex<64>>,
}

/// Why a party cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// It is not its data.
    #[error("`{0}` owns none of the inputs, and signs nothing")]
    NoSigner(Name),
    /// The contract names another key for it.
    #[error("the contract names another key for `{0}`")]
    OtherKey(Name),
}

/// Why a file is no contract.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It could never hold.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Kind for Contract {
    const SCHEMA: &'static str = "welkin.contract/1";
    /// 64 of everything, a few hundred bytes each.
    const MOST_BYTES: usize = 256 << 10;
}

const STATEMENT: &str = "welkin contract/1";

impl Contract {
    /// A contract that nobody signed yet.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        Self { manifest, signatures: BTreeMap::new() }
    }

    /// Reads a contract; whether it holds is for [`Contract::verify`] to say.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ContractError> {
        canonical::read::<Self>(bytes)?.checked()
    }

    /// Could it hold? Whoever reads one that lies in another file asks too.
    pub(crate) fn checked(self) -> Result<Self, ContractError> {
        self.manifest.check()?;
        Ok(self)
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// What is signed, and what evidence is bound to.
    #[must_use]
    pub fn digest(&self) -> Hex<32> {
        canonical::digest(&self.message())
    }

    pub(super) fn message(&self) -> Vec<u8> {
        canonical::message(STATEMENT, &self.manifest)
    }

    /// Adds the signature of a party.
    ///
    /// # Errors
    /// Where it is none of the signers.
    pub fn sign(&mut self, root: &Root) -> Result<(), SignError> {
        let identity = root.identity();
        let party = identity.party.clone();
        let signer = self.manifest.signers.iter().find(|signer| signer.party == party);
        match signer {
            None => Err(SignError::NoSigner(party)),
            Some(signer) if signer.signing != identity.signing => Err(SignError::OtherKey(party)),
            Some(_) => {
                self.signatures.insert(party, root.sign(&self.message()));
                Ok(())
            }
        }
    }
}
