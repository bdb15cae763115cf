//! Which tariff applies from one endpoint to another.

use crate::endpoint::Endpoint;
use crate::pattern::Pattern;
use crate::table::{TableError, rows};
use crate::tariff::{Tariff, Tier};
use welkin_catalog::{Continent, Glob};
use welkin_units::{Bytes, Usd};

const TABLE: &str = "egress tariffs";
const BUILTIN: &str = include_str!("../data/egress.csv");

/// Index of a tariff in its [`Tariffs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TariffId(pub u16);

/// Destinations that every source pays the same for, itself apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationClass {
    provider: String,
    continent: Continent,
    matched: Vec<bool>,
}

/// The tariffs of all providers: rules with a date, tried in order.
#[derive(Debug, Clone)]
pub struct Tariffs {
    pub(crate) rules: Vec<Rule>,
    tariffs: Vec<Tariff>,
    digest: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    provider: Glob,
    source: Pattern,
    pub(crate) scope: Scope,
    to: Pattern,
    pub(crate) tariff: TariffId,
}

impl Rule {
    pub(crate) fn matches_source(&self, from: &Endpoint<'_>) -> bool {
        self.provider.matches(from.provider) && self.source.matches(from)
    }

    pub(crate) fn matches_destination(&self, to: &Endpoint<'_>) -> bool {
        self.to.matches(to)
    }
}

/// How far apart two endpoints are, in a tariff's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    SameRegion,
    Provider,
    Internet,
}

impl Scope {
    pub(crate) fn between(from: &Endpoint<'_>, to: &Endpoint<'_>) -> Self {
        if from.provider != to.provider {
            Self::Internet
        } else if from.region.is_some() && from.region == to.region {
            Self::SameRegion
        } else {
            Self::Provider
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "same-region" => Ok(Self::SameRegion),
            "provider" => Ok(Self::Provider),
            "internet" => Ok(Self::Internet),
            _ => Err(format!("`{text}` is not a scope: expected same-region, provider or internet")),
        }
    }
}

impl Tariffs {
    /// The tariffs this crate carries.
    ///
    /// # Panics
    /// Never: a test reads the table.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the table is read by a test of this crate")
    }

    /// Reads a table of the form of `data/egress.csv`.
    ///
    /// # Errors
    /// The first line that cannot be read, or a table whose last rules do not cover everything.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut tariffs: Vec<Tariff> = Vec::new();
        let mut rules = Vec::new();
        for (line, [provider, source, scope, to, meter, tiers]) in rows::<6>(TABLE, text)? {
            let wrong = |message: String| TableError { table: TABLE, line, message };
            let tariff = Tariff::new(meter, parse_tiers(&tiers).map_err(wrong)?).map_err(wrong)?;
            let id = match tariffs.iter().position(|known| *known == tariff) {
                Some(index) => index,
                None => {
                    tariffs.push(tariff);
                    tariffs.len() - 1
                }
            };
            rules.push(Rule {
                provider: Glob::new(&provider),
                source: Pattern::parse(&source).map_err(wrong)?,
                scope: Scope::parse(&scope).map_err(wrong)?,
                to: Pattern::parse(&to).map_err(wrong)?,
                tariff: TariffId(u16::try_from(id).map_err(|_| wrong("too many tariffs".to_owned()))?),
            });
        }
        let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        let table = Self { rules, tariffs, digest };
        for scope in [Scope::SameRegion, Scope::Provider, Scope::Internet] {
            let covered = table.rules.iter().any(|rule| {
                rule.scope == scope
                    && rule.provider.as_str() == "*"
                    && rule.source == Pattern::parse("*").unwrap_or_default()
            });
            if !covered {
                let message = format!(
                    "no rule for any provider and scope {scope:?}: some transfers would have no price"
                );
                return Err(TableError { table: TABLE, line: 0, message });
            }
        }
        Ok(table)
    }

    /// Hex digest of the table, for plans.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether there is a tariff of `provider` itself; else that of providers which publish none is taken.
    #[must_use]
    pub fn publishes(&self, provider: &str) -> bool {
        self.rules.iter().any(|rule| rule.provider.as_str() != "*" && rule.provider.matches(provider))
    }

    /// The tariff of a transfer.
    #[must_use]
    pub fn between(&self, from: &Endpoint<'_>, to: &Endpoint<'_>) -> TariffId {
        let scope = Scope::between(from, to);
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.scope == scope && rule.matches_source(from) && rule.matches_destination(to));
        // `parse` made sure that a rule for everything is there.
        rule.map_or(TariffId(0), |rule| rule.tariff)
    }

    /// A tariff by its index.
    #[must_use]
    pub fn get(&self, id: TariffId) -> &Tariff {
        &self.tariffs[usize::from(id.0)]
    }

    /// How many tariffs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tariffs.len()
    }

    /// Whether there is none; never for a table that was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tariffs.is_empty()
    }

    /// The class of a destination: equal classes, equal tariffs from every other region.
    #[must_use]
    pub fn destination_class(&self, to: &Endpoint<'_>) -> DestinationClass {
        DestinationClass {
            provider: to.provider.to_owned(),
            continent: to.continent,
            matched: self.rules.iter().map(|rule| rule.matches_destination(to)).collect(),
        }
    }
}

/// Reads `0<=100 0.09<=10240 0.05`.
fn parse_tiers(text: &str) -> Result<Vec<Tier>, String> {
    text.split_whitespace()
        .map(|step| {
            let (price, bound) = match step.split_once("<=") {
                Some((price, bound)) => (price, Some(bound)),
                None => (step, None),
            };
            let per_gb: Usd = price.parse().map_err(|error| format!("{error}"))?;
            let up_to = bound
                .map(|bound| {
                    bound.parse().map(Bytes::from_gb).map_err(|_| format!("`{bound}` is not a number of GB"))
                })
                .transpose()?;
            Ok(Tier { up_to, per_gb })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(provider: &'static str, region: &'static str, continent: Continent) -> Endpoint<'static> {
        Endpoint { provider, region: Some(region), continent }
    }

    #[test]
    fn builtin_prices() {
        use Continent::{Asia, Europe, NorthAmerica, Oceania};
        let tariffs = Tariffs::builtin();
        let virginia = at("aws", "us-east-1", NorthAmerica);
        let ohio = at("aws", "us-east-2", NorthAmerica);
        let iowa = at("gcp", "us-central1", NorthAmerica);
        let oregon = at("gcp", "us-west1", NorthAmerica);
        let netherlands = at("gcp", "europe-west4", Europe);
        let sydney = at("gcp", "australia-southeast1", Oceania);
        let west_europe = at("azure", "westeurope", Europe);
        let north_europe = at("azure", "northeurope", Europe);
        let east_us = at("azure", "eastus", NorthAmerica);
        let tokyo = at("azure", "japaneast", Asia);
        let unknown_bucket = Endpoint { provider: "gcp", region: None, continent: Continent::Unknown };
        for (from, to, gb, dollars) in [
            (virginia, virginia, 1000, "0"),
            (virginia, ohio, 1000, "10"),
            (ohio, iowa, 100, "0"),
            (ohio, iowa, 1100, "90"),
            (iowa, oregon, 1000, "10"),
            (iowa, netherlands, 1000, "80"),
            (iowa, sydney, 1000, "150"),
            (iowa, virginia, 1000, "120"),
            (iowa, virginia, 2024, "232.88"),
            (unknown_bucket, iowa, 1000, "80"),
            (west_europe, north_europe, 1000, "20"),
            (west_europe, east_us, 1000, "50"),
            (tokyo, east_us, 1000, "80"),
            (tokyo, virginia, 1100, "120"),
            (Endpoint::LOCAL, virginia, 1000, "0"),
            (at("nimbus", "x", Europe), virginia, 1000, "120"),
        ] {
            let cost = tariffs.get(tariffs.between(&from, &to)).total(Bytes::from_gb(gb));
            assert_eq!(cost, dollars.parse().unwrap(), "{from} to {to}, {gb} GB");
        }
    }

    #[test]
    fn equal_classes_pay_equal_tariffs() {
        use Continent::{Asia, Europe, NorthAmerica, Oceania, SouthAmerica};
        let tariffs = Tariffs::builtin();
        let all: Vec<Endpoint<'_>> = [
            ("aws", "us-east-1", NorthAmerica),
            ("aws", "us-east-2", NorthAmerica),
            ("aws", "us-west-2", NorthAmerica),
            ("aws", "eu-west-1", Europe),
            ("aws", "sa-east-1", SouthAmerica),
            ("aws", "ap-south-1", Asia),
            ("gcp", "us-central1", NorthAmerica),
            ("gcp", "us-west1", NorthAmerica),
            ("gcp", "asia-southeast2", Asia),
            ("gcp", "asia-east1", Asia),
            ("gcp", "australia-southeast1", Oceania),
            ("azure", "eastus", NorthAmerica),
            ("azure", "westeurope", Europe),
            ("azure", "northeurope", Europe),
            ("azure", "brazilsouth", SouthAmerica),
        ]
        .into_iter()
        .map(|(provider, region, continent)| at(provider, region, continent))
        .collect();
        let mut compared = 0;
        for a in &all {
            for b in all.iter().filter(|b| tariffs.destination_class(a) == tariffs.destination_class(b)) {
                for from in all.iter().filter(|from| *from != a && *from != b) {
                    assert_eq!(tariffs.between(from, a), tariffs.between(from, b), "{from} to {a} and {b}");
                    compared += 1;
                }
            }
        }
        assert!(compared > all.len() * all.len());
    }

    #[test]
    fn a_broken_table_names_its_line() {
        let error = Tariffs::parse("h\naws,*,same-region,,m,0\naws,*,nowhere,,m,0\n").unwrap_err();
        assert_eq!((error.line, error.table), (3, TABLE));
        assert!(Tariffs::parse("h\naws,*,same-region,,m,0.1<=5\n").is_err());
        assert!(Tariffs::parse("h\naws,*,same-region,,m,0\n").unwrap_err().message.contains("no rule"));
    }
}
