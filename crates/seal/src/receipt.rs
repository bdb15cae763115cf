//! Receipts: which engine made a result, under which contract.
//!
//! A result is signed by a key that was made inside of an engine. Its receipt has the evidence that this key is bound to, so that
//! whoever gets the result can tell it from one that somebody else wrote.

use crate::canonical::{self, Kind};
use crate::contract::{Agreed, Contract, ContractError, Refusal};
use crate::hex::Hex;
use crate::keys::Identity;
use crate::name::Name;
use crate::policy::Policy;
use crate::release::{Admitted, Attested, Challenge, ReleaseError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which engine made a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// What was agreed.
    pub contract: Contract,
    /// One of the questions that the engine answered.
    pub nonce: Hex<32>,
    /// Its answer.
    pub attested: Attested,
}

/// Why a receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The contract is not signed by those whose data it is.
    #[error("the contract of the result does not hold")]
    Contract(#[from] Refusal),
    /// The evidence is not good enough.
    #[error("the engine that made the result is not accepted")]
    Engine(#[from] ReleaseError),
}

impl Kind for Receipt {
    const SCHEMA: &'static str = "welkin.receipt/1";
    /// A contract, and evidence with its certificates and collateral, of as many engines as run one together.
    const MOST_BYTES: usize = 4 << 20;
}

impl Receipt {
    /// Reads a receipt; what it proves is for [`Receipt::verify`] to say.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ContractError> {
        let Self { contract, nonce, attested } = canonical::read(bytes)?;
        Ok(Self { contract: contract.checked()?, nonce, attested })
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// The identity of an engine that the contract names and the policy accepts, judged as of `at`, when it made the result. Where several ran
    /// together it is the first of them, and all are judged.
    ///
    /// # Errors
    /// Where it is none.
    pub fn verify(
        &self,
        parties: &BTreeMap<Name, Identity>,
        policy: &Policy,
        at: u64,
    ) -> Result<&Identity, ReceiptError> {
        let agreed: Agreed<'_> = self.contract.verify_signed(parties)?;
        let challenge = Challenge { nonce: self.nonce, contract: agreed.digest };
        Admitted::judge_answer(&agreed, &self.attested, policy, challenge, at)?;
        Ok(&self.attested.engine)
    }
}
