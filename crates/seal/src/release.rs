//! Key release: the keys of the data of a contract go to an engine whose evidence is bound to the contract, and only there.
//!
//! Evidence has to be genuine now, accepted by the policy of the owner, one of the engines that the contract names, and bound to
//! the nonce that was asked, to the key that the keys of data are sealed for, and to the contract. Each of these is checked
//! here and nowhere else, so that there is one way to a key.

use crate::binding::Binding;
use crate::canonical;
use crate::contract::{Agreed, Engine};
use crate::data::{DataKeys, Kek};
use crate::evidence::{Claims, Evidence, EvidenceError};
use crate::hex::{Hex, HexBytes};
use crate::hpke;
use crate::keys::{Identity, Root};
use crate::name::Name;
use crate::policy::{Expected, Policy, Verdict};
use crate::secret::{NoRandomness, draw};
use ring::rand::SecureRandom;
use serde::{Deserialize, Deserializer, Serialize, de};

/// What whoever releases keys asks an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Drawn for this one question.
    pub nonce: Hex<32>,
    /// The contract that the keys are for.
    pub contract: Hex<32>,
}

impl Challenge {
    /// A question that nobody asked before.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn draw(contract: Hex<32>, random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        Ok(Self { nonce: Hex(draw(random)?), contract })
    }
}

/// What an engine answers: its keys, and evidence that is bound to them and to the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// What it made inside.
    #[serde(deserialize_with = "genuine")]
    pub engine: Identity,
    /// What vouches for it.
    pub evidence: Evidence,
}

/// Evidence is bound to the keys alone: name and proof are the identity's own to hold.
fn genuine<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Identity, D::Error> {
    Identity::deserialize(deserializer)?.checked().map_err(de::Error::custom)
}

/// A key of a data set, sealed for an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// Its owner.
    pub party: Name,
    /// Its name.
    pub name: Name,
    /// Its version.
    pub version: u64,
    /// The contract that it is for.
    pub contract: Hex<32>,
    /// The evidence that it was released for.
    pub evidence: Hex<32>,
    sealed: HexBytes,
}

/// Why no key is released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The evidence is not genuine.
    #[error("the evidence is not genuine")]
    Evidence(#[from] EvidenceError),
    /// The policy refuses it.
    #[error("the policy refuses the evidence: {}", refused(.0))]
    Policy(Verdict),
    /// The contract names no such engine.
    #[error("the contract names no engine with these measurements")]
    Engine,
    /// The binding is to another contract.
    #[error("the evidence was asked for another contract")]
    Contract,
    /// The data set is none of the contract's inputs.
    #[error("the data set `{party}/{name}`, version {version}, is no input of the contract")]
    Input {
        /// Its owner.
        party: Name,
        /// Its name.
        name: Name,
        /// Its version.
        version: u64,
    },
    /// The engine's key is none.
    #[error("the key of the engine is none")]
    Key,
    /// There are no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

fn refused(verdict: &Verdict) -> String {
    let refused = verdict.checks.iter().filter(|check| check.outcome == crate::policy::Outcome::Refused);
    refused.map(|check| format!("{} ({})", check.rule, check.why)).collect::<Vec<_>>().join("; ")
}

/// An engine that may have keys, for this contract, once.
#[derive(Debug, Clone)]
pub struct Admitted<'a> {
    agreed: &'a Agreed<'a>,
    key: Hex<32>,
    /// What its evidence claims.
    pub claims: Claims,
}

impl<'a> Admitted<'a> {
    /// Judges an engine's evidence for a contract that holds.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn judge(
        agreed: &'a Agreed<'a>,
        evidence: &Evidence,
        policy: &Policy,
        binding: Binding,
        now: u64,
    ) -> Result<Self, ReleaseError> {
        if binding.contract != agreed.digest {
            return Err(ReleaseError::Contract);
        }
        let claims = evidence.verify(now)?;
        let verdict = policy.judge(&claims, &Expected::Binding(binding));
        if !verdict.accepted() {
            return Err(ReleaseError::Policy(verdict));
        }
        if !agreed.manifest.engines.iter().any(|engine| is(engine, &claims)) {
            return Err(ReleaseError::Engine);
        }
        Ok(Self { agreed, key: binding.key, claims })
    }

    /// Seals the key of a data set for the engine.
    ///
    /// # Errors
    /// Where the data set is no input of the contract.
    pub fn release(
        &self,
        keys: &DataKeys,
        kek: &Kek,
        random: &dyn SecureRandom,
    ) -> Result<Released, ReleaseError> {
        let (party, name, version) = (keys.party.clone(), keys.name.clone(), keys.version);
        let inputs = &self.agreed.manifest.inputs;
        if !inputs.iter().any(|input| (&input.party, &input.name, input.version) == (&party, &name, version))
        {
            return Err(ReleaseError::Input { party, name, version });
        }
        let (contract, evidence) = (self.agreed.digest, self.claims.digest);
        let mut released = Released { party, name, version, contract, evidence, sealed: HexBytes::default() };
        let sealed = hpke::seal(&self.key, FOR_ENGINE, &released.about(), kek.expose(), random)?;
        released.sealed = HexBytes(sealed.ok_or(ReleaseError::Key)?);
        Ok(released)
    }
}

const FOR_ENGINE: &[u8] = b"welkin release/1";

fn is(engine: &Engine, claims: &Claims) -> bool {
    let same = |(name, value): (&String, &HexBytes)| claims.measurements.get(name.as_str()) == Some(value);
    engine.kind == claims.kind && engine.measurements.iter().all(same)
}

impl Released {
    fn about(&self) -> Vec<u8> {
        let Self { party, name, version, contract, evidence, .. } = self;
        canonical::message("welkin release/1", &(party, name, version, contract, evidence))
    }

    /// Opens it, inside, with the secret of the key that the evidence was bound to.
    #[must_use]
    pub fn open(&self, secret: &EngineKey) -> Option<Kek> {
        let opened = secret.0.open(FOR_ENGINE, &self.about(), &self.sealed.0)?;
        Kek::from_slice(&opened)
    }
}

/// The secrets that an engine makes for one contract, and never shows: one that keys of data are sealed for, and one that it
/// signs the result with.
#[derive(Debug)]
pub struct EngineKey(Root);

/// The name that every engine goes by: who it is, its evidence says.
const ENGINE: &str = "enclave";

impl EngineKey {
    /// New ones.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn draw(random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        Root::draw(ENGINE.parse().expect("it is a name"), random).map(Self)
    }

    /// What evidence is bound to.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.0.identity()
    }

    /// What the result is signed and sealed with.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.0
    }
}

#[cfg(test)]
#[cfg(feature = "simulated")]
mod tests;
