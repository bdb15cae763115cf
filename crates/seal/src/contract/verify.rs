//! Does a contract hold, here and now?

use super::file::Contract;
use super::manifest::Manifest;
use crate::hex::Hex;
use crate::keys::{Identity, verifies};
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
    /// The engine is bound to another.
    #[error("the contract is {found}, and the evidence of the engine is bound to {bound}")]
    OtherContract {
        /// Which it is.
        found: Hex<32>,
        /// Which it should be.
        bound: Hex<32>,
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
    /// Noise is asked for, and the data set has no budget that it would be spent from.
    #[error(
        "the contract spends epsilon, and the data set `{party}/{name}`, version {version}, was sealed without any"
    )]
    NoBudget {
        /// Its owner.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
    },
    /// The data set is told of with noise only.
    #[error(
        "the data set `{party}/{name}`, version {version}, is told of with noise only, and the contract asks for none"
    )]
    NoNoise {
        /// Its owner.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
    },
    /// Too little is left.
    #[error(
        "a run spends {} of epsilon, and of the data set `{party}/{name}`, version {version}, {} are left",
        thousandths(*.asked), thousandths(*.left)
    )]
    Budget {
        /// Its owner.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
        /// Thousandths of epsilon that a run spends.
        asked: u64,
        /// Thousandths of epsilon that are left.
        left: u64,
    },
}

fn thousandths(milli: u64) -> String {
    format!("{}.{:03}", milli / 1000, milli % 1000)
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
            Self::OtherContract { .. } => "other-contract",
            Self::Revoked => "revoked",
            Self::Replay { .. } => "replay",
            Self::ChangedCode { .. } => "changed-code",
            Self::MissingInput { .. } => "missing-input",
            Self::ChangedInput { .. } => "changed-input",
            Self::NoBudget { .. } => "no-budget",
            Self::NoNoise { .. } => "no-noise",
            Self::Budget { .. } => "budget",
        }
    }
}

impl Contract {
    /// Does it hold?
    ///
    /// # Errors
    /// The first reason why not, in the order: parties, signatures, time, revocation, replay, code, inputs.
    pub fn verify(&self, situation: &Situation) -> Result<Agreed<'_>, Refusal> {
        self.check_parties(&situation.parties)?;
        self.check_signatures()?;
        self.check_time(situation.now)?;
        let (manifest, digest) = (&self.manifest, self.digest());
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

    /// Does it hold inside of an engine whose evidence is bound to `bound`?
    ///
    /// Nobody there knows the parties by other ways. Whoever released a key did: the digest that the evidence is bound to covers
    /// the keys of all who sign and receive, and keys of data leave for no other contract.
    ///
    /// # Errors
    /// The first reason why not. Without the code and the snapshots of all inputs nothing holds.
    pub fn verify_inside(&self, bound: Hex<32>, situation: &Situation) -> Result<Agreed<'_>, Refusal> {
        if self.digest() != bound {
            return Err(Refusal::OtherContract { found: self.digest(), bound });
        }
        self.check_signatures()?;
        self.check_time(situation.now)?;
        let signed = self.manifest.code.digest;
        match situation.code {
            Some(found) if found == signed => {}
            found => {
                return Err(Refusal::ChangedCode { found: found.unwrap_or(Hex([0; 32])), signed });
            }
        }
        self.check_every_input(situation)?;
        Ok(Agreed { manifest: &self.manifest, digest: bound })
    }

    /// Is it signed by all whose data it is, and are they who they are known to be? Whether it still may run is not asked: what
    /// ran under it stays what it was.
    ///
    /// # Errors
    /// Where it is not.
    pub fn verify_signed(&self, parties: &BTreeMap<Name, Identity>) -> Result<Agreed<'_>, Refusal> {
        self.check_parties(parties)?;
        self.check_signatures()?;
        Ok(Agreed { manifest: &self.manifest, digest: self.digest() })
    }

    fn check_time(&self, now: u64) -> Result<(), Refusal> {
        let Manifest { not_before, expires, .. } = self.manifest;
        if now < not_before {
            return Err(Refusal::NotYet { not_before, now });
        }
        if now >= expires {
            return Err(Refusal::Expired { expires, now });
        }
        Ok(())
    }

    fn check_parties(&self, parties: &BTreeMap<Name, Identity>) -> Result<(), Refusal> {
        let known = |party: &Name| parties.get(party).ok_or_else(|| Refusal::UnknownParty(party.clone()));
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

    fn check_signatures(&self) -> Result<(), Refusal> {
        let message = self.message();
        for signer in &self.manifest.signers {
            let party = &signer.party;
            let signature =
                self.signatures.get(party).ok_or_else(|| Refusal::MissingSignature(party.clone()))?;
            if !verifies(&signer.signing, &message, signature) {
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
        if situation.snapshots.is_empty() { Ok(()) } else { self.check_every_input(situation) }
    }

    fn check_every_input(&self, situation: &Situation) -> Result<(), Refusal> {
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
