//! Key release: the keys of the data of a contract go to an engine whose evidence is bound to the contract, and only there.
//!
//! Evidence has to be genuine now, accepted by the policy of the owner, one of the engines that the contract names, and bound to
//! the nonce that was asked, to the key that the keys of data are sealed for, and to the contract. Each of these is checked
//! here and nowhere else, so that there is one way to a key.
//!
//! Where a contract is run by several engines, all of that holds for each of them, and each is bound to the list of all: keys go to all or to
//! none ([`Admitted::judge_answer`]). What is released is bound to the list too, so that an engine that has keys of every owner knows that
//! every owner judged every engine.

use crate::binding::Binding;
use crate::canonical;
use crate::contract::{Agreed, Engine};
use crate::data::{DataKeys, Kek};
use crate::evidence::{Claims, Evidence, EvidenceError};
use crate::group::{Group, GroupError, Place};
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
    /// The others, in their order, where several run a contract together: `engine` is the first then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
}

/// One more of several engines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// What it made inside.
    #[serde(deserialize_with = "genuine")]
    pub engine: Identity,
    /// What vouches for it.
    pub evidence: Evidence,
}

impl Attested {
    /// The group that answers; none where one engine does.
    ///
    /// # Errors
    /// Where these engines are no group.
    pub fn group(&self) -> Result<Option<Group>, GroupError> {
        if self.peers.is_empty() {
            return Ok(None);
        }
        let members = std::iter::once(&self.engine).chain(self.peers.iter().map(|peer| &peer.engine));
        Group::new(members.cloned().collect()).map(Some)
    }

    /// What the evidence of the first has to be bound to.
    ///
    /// # Errors
    /// Where these engines are no group.
    pub fn binding(&self, challenge: Challenge) -> Result<Binding, GroupError> {
        let binding = Binding::to(&self.engine, challenge);
        Ok(match self.group()? {
            None => binding,
            Some(group) => binding.within(Place { group: group.digest(), rank: 0 }),
        })
    }
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
    /// The list of engines that it was released for, where several run the contract together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Hex<32>>,
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
    /// The engines are not those that the contract is run by.
    #[error("the engines that answered are not those that the contract is run by")]
    Group(#[from] GroupError),
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

/// An engine that may have keys, for this contract, once; or all that run it together.
#[derive(Debug, Clone)]
pub struct Admitted<'a> {
    agreed: &'a Agreed<'a>,
    /// The key of each, and the digest of its evidence.
    engines: Vec<(Hex<32>, Hex<32>)>,
    /// Which engines they are, where several run it together.
    pub group: Option<Hex<32>>,
    /// What the evidence claims; that of the first, where several run it together.
    pub claims: Claims,
}

impl<'a> Admitted<'a> {
    /// Judges an engine's evidence for a contract that holds, and that one engine runs.
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
        let wanted = together(agreed);
        if wanted != 1 || binding.place.is_some() {
            return Err(GroupError::Other { wanted, found: 1 }.into());
        }
        let claims = Self::genuine(agreed, evidence, policy, binding, now)?;
        Ok(Self { agreed, engines: vec![(binding.key, claims.digest)], group: None, claims })
    }

    /// Judges what was answered to a challenge, under a contract that holds: by one engine, or by all of several, of which each has to be good
    /// enough by itself, bound to its place among exactly these.
    ///
    /// # Errors
    /// What stands in the way of the first that is not.
    pub fn judge_answer(
        agreed: &'a Agreed<'a>,
        attested: &Attested,
        policy: &Policy,
        challenge: Challenge,
        now: u64,
    ) -> Result<Self, ReleaseError> {
        let (wanted, found) = (together(agreed), 1 + attested.peers.len());
        if wanted != found {
            return Err(GroupError::Other { wanted, found }.into());
        }
        let Some(group) = attested.group()? else {
            return Self::judge(agreed, &attested.evidence, policy, attested.binding(challenge)?, now);
        };
        let group = group.digest();
        let first = (&attested.engine, &attested.evidence);
        let others = attested.peers.iter().map(|peer| (&peer.engine, &peer.evidence));
        let (mut engines, mut claims) = (Vec::new(), None);
        for (rank, (engine, evidence)) in (0..).zip(std::iter::once(first).chain(others)) {
            let binding = Binding::to(engine, challenge).within(Place { group, rank });
            let claimed = Self::genuine(agreed, evidence, policy, binding, now)?;
            engines.push((binding.key, claimed.digest));
            claims.get_or_insert(claimed);
        }
        let claims = claims.expect("a group has two engines at least");
        Ok(Self { agreed, engines, group: Some(group), claims })
    }

    /// What evidence claims that is good enough.
    fn genuine(
        agreed: &Agreed<'_>,
        evidence: &Evidence,
        policy: &Policy,
        binding: Binding,
        now: u64,
    ) -> Result<Claims, ReleaseError> {
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
        Ok(claims)
    }

    /// Seals the key of a data set for each engine.
    ///
    /// # Errors
    /// Where the data set is no input of the contract. There is none for any then.
    pub fn release(
        &self,
        keys: &DataKeys,
        kek: &Kek,
        random: &dyn SecureRandom,
    ) -> Result<Vec<Released>, ReleaseError> {
        let (party, name, version) = (keys.party.clone(), keys.name.clone(), keys.version);
        let inputs = &self.agreed.manifest.inputs;
        if !inputs.iter().any(|input| (&input.party, &input.name, input.version) == (&party, &name, version))
        {
            return Err(ReleaseError::Input { party, name, version });
        }
        let (contract, group) = (self.agreed.digest, self.group);
        let seal = |(key, evidence): &(Hex<32>, Hex<32>)| {
            let (party, name, evidence) = (party.clone(), name.clone(), *evidence);
            let sealed = HexBytes::default();
            let mut released = Released { party, name, version, contract, evidence, group, sealed };
            let sealed = hpke::seal(key, FOR_ENGINE, &released.about(), kek.expose(), random)?;
            released.sealed = HexBytes(sealed.ok_or(ReleaseError::Key)?);
            Ok(released)
        };
        self.engines.iter().map(seal).collect()
    }
}

/// How many engines run it.
fn together(agreed: &Agreed<'_>) -> usize {
    usize::try_from(agreed.manifest.together).unwrap_or(usize::MAX)
}

const FOR_ENGINE: &[u8] = b"welkin release/1";

fn is(engine: &Engine, claims: &Claims) -> bool {
    let same = |(name, value): (&String, &HexBytes)| claims.measurements.get(name.as_str()) == Some(value);
    engine.kind == claims.kind && engine.measurements.iter().all(same)
}

impl Released {
    fn about(&self) -> Vec<u8> {
        let Self { party, name, version, contract, evidence, group, .. } = self;
        match group {
            None => canonical::message("welkin release/1", &(party, name, version, contract, evidence)),
            Some(group) => {
                canonical::message("welkin release/2", &(party, name, version, contract, evidence, group))
            }
        }
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
