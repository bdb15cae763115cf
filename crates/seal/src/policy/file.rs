//! Policies in TOML. A name that is not known is refused: a rule that was misspelt would not hold.

use super::{Policy, Rule};
use crate::evidence::Kind;
use crate::hex::HexBytes;
use serde::Deserialize;
use std::collections::BTreeMap;

const SCHEMA: &str = "welkin.policy/1";

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, or not of this shape.
    #[error("the policy cannot be read")]
    Toml(#[source] toml::de::Error),
    /// Of another version.
    #[error("the policy has the schema `{0}`; `{SCHEMA}` is known")]
    Schema(String),
    /// A kind that this build does not know.
    #[error("`{0}` is not a known kind of evidence; known are {known}", known = kinds())]
    Kind(String),
    /// A measurement or component that the kind does not have.
    #[error("{kind} has no {what} `{name}`; it has {known}")]
    Name {
        /// Of which kind.
        kind: Kind,
        /// Measurement or component.
        what: &'static str,
        /// The name.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// A list without values.
    #[error("the list of `{1}` of {0} is empty, so that nothing would be accepted")]
    Empty(Kind, String),
}

fn kinds() -> String {
    Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

#[derive(Deserialize)]
struct Wire {
    schema: String,
    #[serde(flatten)]
    rules: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    #[serde(default)]
    allow_debug: bool,
    #[serde(default)]
    measurements: BTreeMap<String, Vec<HexBytes>>,
    #[serde(default)]
    minimum: BTreeMap<String, u64>,
    status: Option<Vec<String>>,
    #[serde(default)]
    advisories: Vec<String>,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// Where it says something that is not known.
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        let wire: Wire = toml::from_str(text).map_err(PolicyError::Toml)?;
        if wire.schema != SCHEMA {
            return Err(PolicyError::Schema(wire.schema));
        }
        let mut rules = BTreeMap::new();
        for (name, table) in wire.rules {
            let kind = Kind::ALL.iter().find(|kind| kind.name() == name).ok_or(PolicyError::Kind(name))?;
            check(*kind, &table)?;
            let Table { allow_debug, measurements, minimum, status, advisories } = table;
            rules.insert(*kind, Rule { allow_debug, measurements, minimum, status, advisories });
        }
        Ok(Self { rules })
    }
}

fn check(kind: Kind, table: &Table) -> Result<(), PolicyError> {
    let known = |what, name: &String, names: &[&str]| {
        if names.contains(&name.as_str()) {
            return Ok(());
        }
        Err(PolicyError::Name { kind, what, name: name.clone(), known: names.join(", ") })
    };
    for (name, values) in &table.measurements {
        known("measurement", name, kind.measurements())?;
        if values.is_empty() {
            return Err(PolicyError::Empty(kind, name.clone()));
        }
    }
    table.minimum.keys().try_for_each(|name| known("component", name, kind.components()))
}
