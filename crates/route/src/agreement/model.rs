//! A file of agreements.
//!
//! ```json
//! {"schema": "welkin.agreements/v2",
//!  "agreements": [{
//!    "id": "aws-gcp-europe", "version": 3, "parties": ["aws", "gcp"], "kind": "peering-free",
//!    "scope": [{"from": "aws/*", "to": "gcp/@europe"}], "reciprocal": true,
//!    "price": {"per_gb": [{"usd": "0"}]},
//!    "effective": "2026-01-01", "until": "2027-01-01",
//!    "signatures": {"aws": "<128 hex digits>", "gcp": "<128 hex digits>"}}],
//!  "revocations": [{
//!    "id": "aws-gcp-europe", "version": 2, "parties": ["aws", "gcp"],
//!    "by": "gcp", "signature": "<128 hex digits>"}]}
//! ```
//!
//! A party is a provider, and each side of a scope names one of the two literally: nobody can agree on what
//! others charge. The first form, `v1`, had keys in it, no versions and no end, and is refused.

use crate::pattern::Pattern;
use crate::wan::Site;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use welkin_units::{BitsPerSecond, Usd};

/// The form that this build reads.
const SCHEMA: &str = "welkin.agreements/v2";
/// The form before, whose agreements brought the keys that they were held against.
const SCHEMA_WITH_KEYS: &str = "welkin.agreements/v1";
/// More agreements than all providers could have with each other.
const MOST: usize = 10_000;

/// Agreements, and what was revoked of them. Whose signature counts is not for this file to say.
#[derive(Debug, Clone, Default)]
pub struct AgreementFile {
    /// What could be read.
    pub agreements: Vec<Agreement>,
    /// Agreements that a party has taken back.
    pub revocations: Vec<Revocation>,
    /// What could not be read: what it is, with its number in the file from 1, and why.
    pub unread: Vec<(String, String)>,
}

/// A party's word that an agreement holds no longer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The agreement.
    pub id: String,
    /// The last version that is revoked, with all before it.
    pub version: u32,
    /// Whose agreement it is.
    pub parties: [String; 2],
    /// Who revokes it.
    pub by: String,
    /// Signature of that party in hex.
    pub signature: String,
}

/// An agreement of two parties.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Name, for reports. With the parties it tells versions of one agreement from other agreements.
    pub id: String,
    /// From 1. Of an agreement's versions the highest counts.
    pub version: u32,
    /// The two providers that agree.
    pub parties: [String; 2],
    /// What sort.
    pub kind: Kind,
    /// Which transfers.
    pub scope: Vec<Scope>,
    /// Whether the scope holds in the other direction too.
    #[serde(default)]
    pub reciprocal: bool,
    /// What they cost.
    pub price: Price,
    /// Most that may be sent for each byte received in a month.
    #[serde(default)]
    pub ratio_cap: Option<f64>,
    /// What must hold besides.
    #[serde(default)]
    pub conditions: Conditions,
    /// First day, `YYYY-MM-DD`.
    pub effective: String,
    /// First day on which it holds no longer.
    pub until: String,
    /// Signatures in hex, by party.
    #[serde(default)]
    pub signatures: BTreeMap<String, String>,
}

/// What sort of agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One pays the other to carry.
    Transit,
    /// Each carries the other's data for nothing.
    PeeringFree,
    /// Each pays for what it sends.
    Settlement,
    /// Members spare common customers the charge.
    Alliance,
    /// A law says what may be charged.
    Regulatory,
    /// A line that a customer leases from both.
    CustomerLink,
}

impl Kind {
    /// Its name in files and signatures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transit => "transit",
            Self::PeeringFree => "peering-free",
            Self::Settlement => "settlement",
            Self::Alliance => "alliance",
            Self::Regulatory => "regulatory",
            Self::CustomerLink => "customer-link",
        }
    }
}

/// Transfers from places to places, each `PROVIDER/PLACES`: a party, then globs of regions and
/// `@continents` joined by `;`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Sources.
    pub from: String,
    /// Destinations.
    pub to: String,
}

/// What transfers under an agreement cost.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Price {
    /// By the month's volume under the agreement; a first step at 0 is a free quota.
    PerGb(Vec<Step>),
    /// By the hour for a capacity, nothing for a gigabyte.
    Capacity {
        /// Rate of one unit.
        #[serde(deserialize_with = "from_text")]
        rate: BitsPerSecond,
        /// Price of one unit for an hour.
        #[serde(deserialize_with = "from_text")]
        usd_per_hour: Usd,
        /// Most units.
        units: u32,
    },
}

/// A slice of the month's volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Where the slice ends, in gigabytes; the last has no end.
    #[serde(default)]
    pub up_to_gb: Option<u64>,
    /// Price of a gigabyte in it.
    #[serde(deserialize_with = "from_text")]
    pub usd: Usd,
}

/// What must hold for an agreement to apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Jurisdictions that both ends must lie in; empty means any.
    #[serde(default)]
    pub within: Vec<String>,
    /// Statements that the user must have made, such as `same-organisation`.
    #[serde(default)]
    pub declared: Vec<String>,
}

impl AgreementFile {
    /// Reads a file. Agreements that cannot be read are set aside.
    ///
    /// # Errors
    /// In words, when the text is no file of agreements.
    pub fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            #[serde(rename = "schema")]
            _schema: IgnoredAny,
            agreements: Vec<serde_json::Value>,
            #[serde(default)]
            revocations: Vec<serde_json::Value>,
        }
        check_schema(text)?;
        let raw: Raw = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if raw.agreements.len() > MOST || raw.revocations.len() > MOST {
            return Err(format!("more than {MOST} agreements or revocations"));
        }
        let mut file = Self::default();
        for (at, value) in raw.agreements.into_iter().enumerate() {
            let read = serde_json::from_value::<Agreement>(value).map_err(|error| error.to_string());
            match read.and_then(|agreement| agreement.sensible().map(|()| agreement)) {
                Ok(agreement) => file.agreements.push(agreement),
                Err(reason) => file.unread.push((format!("number {} of the file", at + 1), reason)),
            }
        }
        for (at, value) in raw.revocations.into_iter().enumerate() {
            match serde_json::from_value::<Revocation>(value) {
                Ok(revocation) => file.revocations.push(revocation),
                Err(error) => {
                    file.unread.push((format!("revocation number {} of the file", at + 1), error.to_string()))
                }
            }
        }
        Ok(file)
    }
}

impl Agreement {
    /// Whether its parts fit together.
    fn sensible(&self) -> Result<(), String> {
        let free =
            matches!(&self.price, Price::PerGb(steps) if steps.iter().all(|step| step.usd == Usd::ZERO));
        let [first, second] = &self.parties;
        if self.id.is_empty() || self.id.len() > 100 || self.id.chars().any(char::is_control) {
            return Err("id must be 1 to 100 characters".to_owned());
        }
        if first == second {
            return Err("both parties are the same".to_owned());
        }
        if let Some(party) = self.parties.iter().find(|party| !is_provider(party)) {
            return Err(format!("party `{}` is not the name of a provider", party.escape_debug()));
        }
        if self.version == 0 {
            return Err("versions begin at 1".to_owned());
        }
        if let Some(day) = [&self.effective, &self.until].into_iter().find(|day| !is_day(day)) {
            return Err(format!("`{}` is not a day as YYYY-MM-DD", day.escape_debug()));
        }
        if self.until <= self.effective {
            return Err(format!("it ends on {}, before it begins", self.until));
        }
        if self.scope.is_empty() {
            return Err("scope is empty".to_owned());
        }
        for end in self.scope.iter().flat_map(|scope| [&scope.from, &scope.to]) {
            let provider = End::parse(end)?.provider;
            if !self.parties.contains(&provider) {
                let provider = provider.escape_debug();
                return Err(format!(
                    "its scope speaks for `{provider}`, and only {first} and {second} agree"
                ));
            }
        }
        if self.kind == Kind::PeeringFree && !(free && self.reciprocal) {
            return Err("peering-free must be free and reciprocal".to_owned());
        }
        if self.ratio_cap.is_some_and(|cap| !(cap > 0.0 && cap <= 1e6)) {
            return Err("ratio_cap must be above 0".to_owned());
        }
        match &self.price {
            Price::Capacity { rate, usd_per_hour, units } => {
                if rate.get() == 0 || *units == 0 || *units > 1000 || *usd_per_hour < Usd::ZERO {
                    return Err(
                        "capacity needs a rate, 1 to 1000 units and a price that is not negative".to_owned()
                    );
                }
            }
            Price::PerGb(_) if self.kind == Kind::CustomerLink => {
                return Err("a customer-link has a capacity, not a price for a gigabyte".to_owned());
            }
            Price::PerGb(_) => {}
        }
        Ok(())
    }

    /// Whether it speaks of transfers between two sites.
    #[must_use]
    pub fn covers(&self, from: &Site, to: &Site) -> bool {
        let within = |site: &Site| {
            let lies_in =
                |place: &String| !place.is_empty() && (*place == site.jurisdiction || *place == site.country);
            self.conditions.within.is_empty() || self.conditions.within.iter().any(lies_in)
        };
        let matches = |end: &str, site: &Site| End::parse(end).is_ok_and(|end| end.matches(site));
        let one_way = |a: &Site, b: &Site| {
            self.scope.iter().any(|scope| matches(&scope.from, a) && matches(&scope.to, b))
        };
        within(from) && within(to) && (one_way(from, to) || (self.reciprocal && one_way(to, from)))
    }
}

/// One end of a scope.
struct End {
    /// Literally.
    provider: String,
    places: Pattern,
}

impl End {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not PROVIDER/PLACES", text.escape_debug());
        let (provider, places) = text.split_once('/').ok_or_else(wrong)?;
        if provider.is_empty() || places.is_empty() {
            return Err(wrong());
        }
        Ok(Self { provider: provider.to_owned(), places: Pattern::parse(places)? })
    }

    fn matches(&self, site: &Site) -> bool {
        self.provider == site.name.provider && self.places.matches(&site.endpoint())
    }
}

/// Quantities are written as people write them, `0.02` or `500 Mbit/s`, in quotes: a number in JSON is a
/// float to many a reader.
fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn check_schema(text: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Raw {
        schema: String,
    }
    let Raw { schema } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match schema.as_str() {
        SCHEMA => Ok(()),
        SCHEMA_WITH_KEYS => Err(format!(
            "schema is `{schema}`, which is not read any more: agreements have a version and an end, and whose \
             keys are trusted says your own configuration; ask the parties for `{SCHEMA}`"
        )),
        _ => Err(format!("schema is `{}`, expected `{SCHEMA}`", schema.escape_debug())),
    }
}

/// As providers are called in names: nothing in it can stand for others.
fn is_provider(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

fn is_day(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape && ("01"..="12").contains(&&text[5..7]) && ("01"..="31").contains(&&text[8..])
}

#[cfg(test)]
mod tests;
