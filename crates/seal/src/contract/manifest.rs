//! What a contract says.

use crate::evidence::Kind;
use crate::group::Group;
use crate::hex::{Hex, HexBytes};
use crate::keys::Identity;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What may run, on which data, for whom, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The data, in the order of their names.
    pub inputs: Vec<Input>,
    /// What is done with it.
    pub code: Code,
    /// Which engines may do it: evidence of one of these, with these measurements.
    pub engines: Vec<Engine>,
    /// Who gets the result.
    pub recipients: Vec<Recipient>,
    /// Everybody who has to sign: the owners of the inputs.
    pub signers: Vec<Signer>,
    /// What the result may give away.
    pub privacy: Privacy,
    /// Must what the engine touches in memory not depend on values? It runs the code obliviously then, or not at all. Contracts that do not say so are those from before there was a choice, and keep their digests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oblivious: bool,
    /// How many engines run it together, 1 to 16. Several show whoever runs them how much goes between each two of them, and when: that is
    /// agreed to by signing. Contracts that do not say so are run by one, and keep their digests.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub together: u32,
    /// Seconds since 1970.
    pub not_before: u64,
    /// Seconds since 1970.
    pub expires: u64,
    /// How often it may run.
    pub runs: u64,
    /// Drawn once, so that two contracts that say the same are two.
    pub nonce: Hex<32>,
}

/// One version of a data set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its owner.
    pub party: Name,
    /// Its name.
    pub name: Name,
    /// Its version.
    pub version: u64,
    /// The digest of its snapshot's manifest.
    pub snapshot: Hex<32>,
}

/// What is done with the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// How it is to be read.
    pub kind: CodeKind,
    /// SHA-256 of its bytes.
    pub digest: Hex<32>,
}

/// How code is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// A query.
    Sql,
    /// What boosted trees are trained by.
    Boost,
    /// A program, complete.
    Program,
}

/// An engine that may run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Whose evidence it gives.
    pub kind: Kind,
    /// What has to be measured, by the kind's own names.
    pub measurements: BTreeMap<String, HexBytes>,
}

/// Who gets the result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Who.
    pub party: Name,
    /// The X25519 key that it is sealed for.
    pub sealing: Hex<32>,
}

impl From<&Identity> for Recipient {
    fn from(identity: &Identity) -> Self {
        Self { party: identity.party.clone(), sealing: identity.sealing }
    }
}

/// Who has to sign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// Who.
    pub party: Name,
    /// The Ed25519 key that it signs with.
    pub signing: Hex<32>,
}

/// What the result may give away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Groups of fewer rows are left out.
    pub minimum_group: u64,
    /// Thousandths of epsilon that may be spent over all runs; none means that no noise is asked for.
    pub epsilon_milli: Option<u64>,
    /// What noise hides. Contracts that do not say so are those from before there was noise, and keep their digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
}

/// What noise hides, and what is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The column that tells persons apart; without one each row is a person of its own.
    pub person: Option<String>,
    /// How many rows of a person count.
    pub per_person: u64,
    /// The groups of a column, in order: the result has these, whatever is in the data, and no others.
    pub groups: BTreeMap<String, Vec<String>>,
    /// What the values of a column are clamped to before they are summed up.
    pub bounds: BTreeMap<String, Bounds>,
}

/// What values are clamped to, as integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least.
    pub low: i64,
    /// The most.
    pub high: i64,
    /// How many of the digits of both stand behind the point. Values are rounded to as many.
    pub digits: u8,
}

impl Bounds {
    /// The least and the most, as the numbers that they are.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        let unit = 10_f64.powi(self.digits.into());
        (self.low as f64 / unit, self.high as f64 / unit)
    }
}

impl Default for Noise {
    fn default() -> Self {
        Self { person: None, per_person: 1, groups: BTreeMap::new(), bounds: BTreeMap::new() }
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

/// Why a manifest cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A list that is empty.
    #[error("the contract names no {0}")]
    None(&'static str),
    /// More than anybody signs.
    #[error("the contract names more than {MOST} {0}")]
    Many(&'static str),
    /// The same twice, or out of order.
    #[error("the {0} are not in order, or one is there twice")]
    Order(&'static str),
    /// The signers are not the owners.
    #[error("the parties that sign are not the owners of the inputs")]
    Signers,
    /// It is never valid.
    #[error("it ends before it begins, or may never run")]
    Never,
    /// Noise that hides nothing.
    #[error("{0}")]
    Noise(&'static str),
    /// What several engines do not do.
    #[error("{0}")]
    Together(&'static str),
    /// An engine that could be any program.
    #[error("an engine of kind {0} is not told by a measurement that says which program it is")]
    Engine(Kind),
}

/// Parties, inputs, engines: more would not be reviewed.
const MOST: usize = 64;

/// Groups of all columns: a contract has room for as many of some 50 bytes.
const MOST_GROUPS: usize = 4096;

/// A 64-bit integer has no more digits.
const MOST_DIGITS: u8 = 18;

impl Manifest {
    /// The manifest for these inputs, with lists in their order.
    ///
    /// # Errors
    /// Where it could not be one.
    pub fn checked(mut self, owners: &[Identity]) -> Result<Self, ManifestError> {
        self.inputs.sort();
        self.recipients.sort();
        self.signers = owners
            .iter()
            .map(|owner| Signer { party: owner.party.clone(), signing: owner.signing })
            .collect();
        self.signers.sort();
        self.signers.dedup();
        for groups in self.privacy.noise.iter_mut().flat_map(|noise| noise.groups.values_mut()) {
            groups.sort();
        }
        self.check()?;
        Ok(self)
    }

    /// The kinds of evidence that an engine is to be asked for, each once, in their order. Simulated evidence is among them where
    /// no other kind is named, and nowhere else: whoever put up with either gets what somebody vouches for, or none.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        let named: BTreeSet<Kind> = self.engines.iter().map(|engine| engine.kind).collect();
        #[cfg(feature = "simulated")]
        let named: BTreeSet<Kind> = match named.len() {
            0 | 1 => named,
            _ => named.into_iter().filter(|kind| *kind != Kind::Simulated).collect(),
        };
        named.into_iter().collect()
    }

    /// Thousandths of epsilon that one run may spend; none where no noise is asked for.
    #[must_use]
    pub fn epsilon_of_a_run(&self) -> Option<u64> {
        self.privacy.epsilon_milli.map(|all| all / self.runs.max(1))
    }

    fn check_noise(&self) -> Result<(), ManifestError> {
        let refused = |what| Err(ManifestError::Noise(what));
        if self.epsilon_of_a_run() == Some(0) {
            return refused("each of its runs may spend less than a thousandth of epsilon");
        }
        let Some(noise) = &self.privacy.noise else { return Ok(()) };
        if self.privacy.epsilon_milli.is_none() {
            return refused("it says what noise hides, and no epsilon");
        }
        if noise.per_person == 0 || (noise.person.is_none() && noise.per_person != 1) {
            return refused(
                "where no column tells persons apart each row is a person, and else at least one row of each counts",
            );
        }
        let sound = |bounds: &Bounds| bounds.low <= bounds.high && bounds.digits <= MOST_DIGITS;
        if !noise.bounds.values().all(sound) {
            return refused("a bound is below its other one, or has more digits than a number");
        }
        let rising =
            |groups: &Vec<String>| !groups.is_empty() && groups.windows(2).all(|two| two[0] < two[1]);
        if !noise.groups.values().all(rising) {
            return refused("a column has no groups, or they are not in order, or one is there twice");
        }
        let names = noise.bounds.len() + noise.groups.values().map(Vec::len).sum::<usize>();
        if names > MOST_GROUPS { refused("it names more than 4096 groups and bounds") } else { Ok(()) }
    }

    /// What several engines do together is a query, and what they say to each other shows sizes that depend on the data.
    fn check_together(&self) -> Result<(), ManifestError> {
        let refused = |what| Err(ManifestError::Together(what));
        match usize::try_from(self.together).unwrap_or(usize::MAX) {
            1 => return Ok(()),
            2..=Group::MOST => {}
            _ => return refused("1 to 16 engines run a contract"),
        }
        if self.code.kind != CodeKind::Sql {
            return refused("several engines together run queries, and neither train nor run programs");
        }
        if self.oblivious {
            return refused(
                "an oblivious run is one engine's: several show how much goes between them, which depends on values",
            );
        }
        if self.privacy.epsilon_milli.is_some() {
            return refused(
                "differential privacy is one engine's: several show how much goes between them, without noise",
            );
        }
        if self.privacy.minimum_group > 1 {
            return refused(
                "a smallest group is one engine's: several show how much goes between them, small groups too",
            );
        }
        Ok(())
    }

    /// Is it one that can hold? Whoever reads a contract asks again.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        ordered("inputs", &self.inputs, |input| (&input.party, &input.name, input.version))?;
        ordered("recipients", &self.recipients, |recipient| &recipient.party)?;
        ordered("signers", &self.signers, |signer| &signer.party)?;
        bounded("engines", self.engines.len())?;
        let owners: BTreeSet<_> = self.inputs.iter().map(|input| &input.party).collect();
        if !self.signers.iter().map(|signer| &signer.party).eq(owners) {
            return Err(ManifestError::Signers);
        }
        if self.expires <= self.not_before || self.runs == 0 {
            return Err(ManifestError::Never);
        }
        self.check_noise()?;
        self.check_together()?;
        for engine in &self.engines {
            let told = |name: &&&str| engine.measurements.contains_key(**name);
            let kind = engine.kind;
            kind.identities().iter().find(told).ok_or(ManifestError::Engine(kind))?;
        }
        Ok(())
    }
}

fn bounded(what: &'static str, count: usize) -> Result<(), ManifestError> {
    match count {
        0 => Err(ManifestError::None(what)),
        1..=MOST => Ok(()),
        _ => Err(ManifestError::Many(what)),
    }
}

fn ordered<'a, T, K: Ord>(
    what: &'static str,
    list: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Result<(), ManifestError> {
    bounded(what, list.len())?;
    let rising = list.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]));
    if rising { Ok(()) } else { Err(ManifestError::Order(what)) }
}
