//! Which tariff applies from one endpoint to another.

use crate::endpoint::Endpoint;
use crate::pattern::Pattern;
use crate::quota::Quota;
use crate::table::{TableError, rows};
use crate::tariff::{Tariff, Tier, Unit};
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
    quotas: Vec<Quota>,
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
        for (line, [provider, source, scope, to, meter, tiers, unit, quota]) in rows::<8>(TABLE, text)? {
            let wrong = |message: String| TableError { table: TABLE, line, message };
            let tariff = tariff(meter, &tiers, &unit, quota).map_err(wrong)?;
            let scope = Scope::parse(&scope).map_err(wrong)?;
            if scope == Scope::SameRegion && !tariff.is_free() {
                return Err(wrong("data is read in place within a region, which costs nothing".to_owned()));
            }
            if tariffs.iter().any(|known| known.meter == tariff.meter && *known != tariff) {
                return Err(wrong(format!("the meter {} has another price further up", tariff.meter)));
            }
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
                scope,
                to: Pattern::parse(&to).map_err(wrong)?,
                tariff: TariffId(u16::try_from(id).map_err(|_| wrong("too many tariffs".to_owned()))?),
            });
        }
        let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        let quotas = Quota::all(&tariffs).map_err(|message| TableError { table: TABLE, line: 0, message })?;
        let table = Self { rules, tariffs, quotas, digest };
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

    /// The free quotas that several tariffs share.
    #[must_use]
    pub fn quotas(&self) -> &[Quota] {
        &self.quotas
    }

    /// By index of a tariff: what is on its meter.
    #[must_use]
    pub fn volumes(&self, on_meter: &dyn Fn(&str) -> Bytes) -> Vec<Bytes> {
        self.tariffs.iter().map(|tariff| on_meter(&tariff.meter)).collect()
    }

    /// The price of `more` on a tariff on top of the month's `volumes`, by index: as
    /// [`Tariff::marginal`], but what others used up of a quota that it shares is used up.
    ///
    /// The difference of one function of all volumes, so that the prices of movements add up to the same in
    /// whatever order they are made.
    #[must_use]
    pub fn marginal(&self, volumes: &[Bytes], id: TariffId, more: Bytes) -> Usd {
        let nanos = self.on_top_of(&|index| volumes[index], id, more);
        nanos.and_then(Usd::checked_from_nanos).unwrap_or(Usd::MAX)
    }

    /// The same in nano-dollars, with the month's volumes by meter; `None` when no volume is that large.
    pub(crate) fn marginal_nanos(
        &self,
        on_meter: &dyn Fn(&str) -> Bytes,
        id: TariffId,
        more: Bytes,
    ) -> Option<i128> {
        self.on_top_of(&|index| on_meter(&self.tariffs[index].meter), id, more)
    }

    fn on_top_of(&self, volumes: &dyn Fn(usize) -> Bytes, id: TariffId, more: Bytes) -> Option<i128> {
        let at = usize::from(id.0);
        let alone = self.tariffs[at].marginal_nanos(volumes(at), more)?;
        let Some(quota) = self.quotas.iter().find(|quota| quota.has(at)) else { return Some(alone) };
        let after = |index: usize| if index == at { volumes(index) + more } else { volumes(index) };
        Some(alone + i128::from((quota.excess(&after) - quota.excess(volumes)).nanos()))
    }

    /// The tariff of what is added to the month's `volumes`, by index: [`Tariffs::marginal`] as a tariff of
    /// its own, which begins at nothing.
    #[must_use]
    pub fn on_top(&self, volumes: &[Bytes], id: TariffId) -> Tariff {
        let at = usize::from(id.0);
        let (tariff, already) = (&self.tariffs[at], volumes[at]);
        let shared = self.quotas.iter().find(|quota| quota.has(at));
        let mut tiers = shared.map_or_else(Vec::new, |quota| quota.tiers_on_top(&|index| volumes[index], at));
        let begun = tiers.last().and_then(|tier| tier.up_to).unwrap_or_default();
        let own = tariff.tiers.iter().skip(usize::from(shared.is_some()));
        let rest =
            own.map(|tier| Tier { up_to: tier.up_to.map(|bound| bound.saturating_sub(already)), ..*tier });
        tiers.extend(rest.filter(|tier| tier.up_to.is_none_or(|bound| bound > begun)));
        Tariff { tiers, quota: None, ..tariff.clone() }
    }

    /// Whether a tariff shares a free quota with others.
    #[must_use]
    pub fn is_shared(&self, id: TariffId) -> bool {
        self.quotas.iter().any(|quota| quota.has(usize::from(id.0)))
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

fn tariff(meter: String, tiers: &str, unit: &str, quota: String) -> Result<Tariff, String> {
    let unit = Unit::parse(unit)?;
    let tariff = Tariff::new(meter, parse_tiers(tiers, unit)?)?.counted_in(unit);
    if quota.is_empty() { Ok(tariff) } else { tariff.sharing(quota) }
}

/// Reads `0<=100 0.09<=10240 0.05`.
fn parse_tiers(text: &str, unit: Unit) -> Result<Vec<Tier>, String> {
    text.split_whitespace()
        .map(|step| {
            let (price, bound) = match step.split_once("<=") {
                Some((price, bound)) => (price, Some(bound)),
                None => (step, None),
            };
            let per_gb: Usd = price.parse().map_err(|error| format!("{error}"))?;
            let up_to = bound.map(|bound| unit.amount(bound)).transpose()?;
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
        let melbourne = at("gcp", "australia-southeast2", Oceania);
        let (singapore, jakarta) = (at("gcp", "asia-southeast1", Asia), at("gcp", "asia-southeast2", Asia));
        let (gov, china) = (at("aws", "us-gov-west-1", NorthAmerica), at("aws", "cn-north-1", Asia));
        let unstated_s3 = Endpoint { provider: "aws", region: None, continent: Continent::Unknown };
        let unknown_bucket = Endpoint { provider: "gcp", region: None, continent: Continent::Unknown };
        for (from, to, size, dollars) in [
            (virginia, virginia, "1000 GB", "0"),
            (virginia, ohio, "1000 GB", "10"),
            (ohio, iowa, "100 GB", "0"),
            (ohio, iowa, "1100 GB", "90"),
            (iowa, oregon, "1000 GiB", "10"),
            (iowa, netherlands, "1000 GiB", "80"),
            (iowa, sydney, "1000 GiB", "150"),
            (iowa, virginia, "1000 GiB", "120"),
            (iowa, virginia, "2024 GiB", "232.88"),
            (sydney, melbourne, "1000 GiB", "80"),
            (sydney, jakarta, "1000 GiB", "150"),
            (jakarta, singapore, "1000 GiB", "150"),
            (jakarta, virginia, "1000 GiB", "190"),
            (singapore, virginia, "1000 GiB", "140"),
            (gov, virginia, "1000 GB", "30"),
            (gov, iowa, "1000 GB", "155"),
            (china, iowa, "1000 GB", "154"),
            (unstated_s3, virginia, "1000 GB", "20"),
            (unstated_s3, iowa, "1000 GB", "81"),
            (unknown_bucket, iowa, "1000 GiB", "80"),
            (west_europe, north_europe, "1000 GB", "20"),
            (west_europe, east_us, "1000 GB", "50"),
            (tokyo, east_us, "1000 GB", "80"),
            (tokyo, virginia, "1100 GB", "120"),
            (Endpoint::LOCAL, virginia, "1000 GB", "0"),
            (at("nimbus", "x", Europe), virginia, "1000 GB", "120"),
        ] {
            let cost = tariffs.get(tariffs.between(&from, &to)).total(size.parse().unwrap());
            assert_eq!(cost, dollars.parse().unwrap(), "{from} to {to}, {size}");
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
        let error = Tariffs::parse("h\naws,*,same-region,,m,0,GB,\naws,*,nowhere,,m,0,GB,\n").unwrap_err();
        assert_eq!((error.line, error.table), (3, TABLE));
        let message = |text: &str| Tariffs::parse(&format!("h\n{text}\n")).unwrap_err().message;
        assert!(message("aws,*,internet,,m,0.1<=5,GB,").contains("only the last tier"));
        assert!(message("aws,*,same-region,,m,0,GB,").contains("no rule"));
        assert!(message("aws,*,same-region,,m,0.01,GB,").contains("costs nothing"));
        assert!(message("aws,*,internet,,m,0.1,MB,").contains("not a unit"));
        assert!(message("aws,*,internet,,m,0.1,GB,\naws,*,provider,,m,0.2,GB,").contains("another price"));
    }
}
