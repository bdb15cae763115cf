//! Does a contract hold, here and now?

use super::file::Contract;
use super::manifest::Manifest;
use crate::hex::Hex;
use crate::keys::Identity;
use crate::name::Name;
use std::collections::{BTreeMap, BTreeSet};

/// What is known when a contract is to run.
#[derive(Debug, Clone, Default)]
pub struct Situation {
    /// Seconds since 1970.
    pub now: u64,
    /// The parties that are known, by their names.
    pub parties: BTreeMap<Name, Identity>,
    /// Contracts that a party took back.
    pub revoked: BTreeSet<Hex<32>>,
    /// How often each ran.
    pub runs: BTreeMap<Hex<32>, u64>,
    /// SHA-256 of the code that is about to run, when it is.
    pub code: Option<Hex<32>>,
    /// The digests of the snapshots that are there, by owner, name and version.
    pub snapshots: BTreeMap<(Name, Name, u64), Hex<32>>,
}

/// A contract that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed<'a> {
    /// What was agreed.
    pub manifest: &'a Manifest,
    /// By which name.
    pub digest: Hex<32>,
}

/// Why a contract does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A party that nobody here knows.
    #[error("nobody here knows the party `{0}`")]
    UnknownParty(Name),
    /// The contract names another key than the party has.
    #[error("the contract names another key for `{0}` than is known")]
    OtherKey(Name),
    /// An owner did not sign.
    #[error("`{0}` did not sign")]
    MissingSignature(Name),
    /// A signature does not hold, or is of somebody who has nothing to sign.
    #[error(
        "the signature of `{0}` does not hold: the contract was changed after it was signed, or another signed"
    )]
    BadSignature(Name),
    /// Too early.
    #[error("it begins at {not_before}, in seconds since 1970, and it is {now}")]
    NotYet {
        /// When.
        not_before: u64,
        /// The time it was asked for.
        now: u64,
    },
    /// Too late.
    #[error("it expired at {expires}, in seconds since 1970, and it is {now}")]
    Expired {
        /// When.
        expires: u64,
        /// The time it was asked for.
        now: u64,
    },
    /// A party took it back.
    #[error("a party took its signature back")]
    Revoked,
    /// It ran as often as it may.
    #[error("it ran {ran} times already, and may run {allowed} times")]
    Replay {
        /// How often it ran.
        ran: u64,
        /// How often it may.
        allowed: u64,
    },
    /// Something else would run than was signed.
    #[error("the code is {found}, and {signed} was signed")]
    ChangedCode {
        /// What would run.
        found: Hex<32>,
        /// What was signed.
        signed: Hex<32>,
    },
    /// An input is not there.
    #[error("the data set `{party}/{name}`, version {version}, is not there")]
    MissingInput {
        /// Its owner.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
    },
    /// An input is another than was signed.
    #[error("the data set `{party}/{name}`, version {version}, is another than was signed")]
    ChangedInput {
        /// Its owner.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
    },
}

impl Refusal {
    /// A word for programs and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownParty(_) => "unknown-party",
            Self::OtherKey(_) => "other-key",
            Self::MissingSignature(_) => "missing-signature",
            Self::BadSignature(_) => "bad-signature",
            Self::NotYet { .. } => "not-yet",
            Self::Expired { .. } => "expired",
            Self::Revoked => "revoked",
            Self::Replay { .. } => "replay",
            Self::ChangedCode { .. } => "changed-code",
            Self::MissingInput { .. } => "missing-input",
            Self::ChangedInput { .. } => "changed-input",
        }
    }
}

impl Contract {
    /// Does it hold?
    ///
    /// # Errors
    /// The first reason why not, in the order: parties, signatures, time, revocation, replay, code, inputs.
    pub fn verify(&self, situation: &Situation) -> Result<Agreed<'_>, Refusal> {
        self.check_parties(situation)?;
        self.check_signatures(situation)?;
        let manifest = &self.manifest;
        let (now, digest) = (situation.now, self.digest());
        if now < manifest.not_before {
            return Err(Refusal::NotYet { not_before: manifest.not_before, now });
        }
        if now >= manifest.expires {
            return Err(Refusal::Expired { expires: manifest.expires, now });
        }
        if situation.revoked.contains(&digest) {
            return Err(Refusal::Revoked);
        }
        let ran = situation.runs.get(&digest).copied().unwrap_or_default();
        if ran >= manifest.runs {
            return Err(Refusal::Replay { ran, allowed: manifest.runs });
        }
        let signed = manifest.code.digest;
        if let Some(found) = situation.code.filter(|found| *found != signed) {
            return Err(Refusal::ChangedCode { found, signed });
        }
        self.check_inputs(situation)?;
        Ok(Agreed { manifest, digest })
    }

    fn check_parties(&self, situation: &Situation) -> Result<(), Refusal> {
        let known =
            |party: &Name| situation.parties.get(party).ok_or_else(|| Refusal::UnknownParty(party.clone()));
        for signer in &self.manifest.signers {
            if known(&signer.party)?.signing != signer.signing {
                return Err(Refusal::OtherKey(signer.party.clone()));
            }
        }
        for recipient in &self.manifest.recipients {
            if known(&recipient.party)?.sealing != recipient.sealing {
                return Err(Refusal::OtherKey(recipient.party.clone()));
            }
        }
        Ok(())
    }

    fn check_signatures(&self, situation: &Situation) -> Result<(), Refusal> {
        let message = self.message();
        for signer in &self.manifest.signers {
            let party = &signer.party;
            let signature =
                self.signatures.get(party).ok_or_else(|| Refusal::MissingSignature(party.clone()))?;
            if !situation.parties[party].verifies(&message, signature) {
                return Err(Refusal::BadSignature(party.clone()));
            }
        }
        let signs = |party: &&Name| self.manifest.signers.iter().any(|signer| signer.party == **party);
        match self.signatures.keys().find(|party| !signs(party)) {
            Some(party) => Err(Refusal::BadSignature(party.clone())),
            None => Ok(()),
        }
    }

    fn check_inputs(&self, situation: &Situation) -> Result<(), Refusal> {
        if situation.snapshots.is_empty() {
            return Ok(());
        }
        for input in &self.manifest.inputs {
            let (party, name, version) = (input.party.clone(), input.name.clone(), input.version);
            match situation.snapshots.get(&(party.clone(), name.clone(), version)) {
                None => return Err(Refusal::MissingInput { party, name, version }),
                Some(found) if *found != input.snapshot => {
                    return Err(Refusal::ChangedInput { party, name, version });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
