//! What it costs to move data from a place, by the volume of the month.

use anyhow::{Context, Result};

use super::glob::fits;
use super::money::{Atto, NANO, nano};
use super::tables::{Row, Tables};

/// An end of a movement: a region, or a provider of which no region is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) provider: String,
    pub(super) region: Option<String>,
}

impl Place {
    pub(super) fn new(provider: &str, region: &str) -> Self {
        Self { provider: provider.to_owned(), region: Some(region.to_owned()) }
    }

    /// This machine.
    pub(super) fn here() -> Self {
        Self { provider: "local".to_owned(), region: None }
    }

    fn continent<'a>(&self, tables: &'a Tables) -> &'a str {
        let region = self.region.as_ref().and_then(|region| tables.region(&self.provider, region));
        region.map_or("", |region| &region.continent)
    }

    fn listed(&self, list: &str, tables: &Tables) -> bool {
        list.is_empty()
            || list.split(';').any(|one| match one.strip_prefix('@') {
                Some("unstated") => self.region.is_none(),
                Some(continent) => self.continent(tables) == continent,
                None => fits(one, self.region.as_deref().unwrap_or("")),
            })
    }
}

/// How far it is, as the tables say it.
fn scope(from: &Place, to: &Place) -> &'static str {
    if from.provider != to.provider {
        "internet"
    } else if from.region.is_some() && from.region == to.region || from.provider == "local" {
        "same-region"
    } else {
        "provider"
    }
}

/// A row of the table of egress prices.
#[derive(Debug, Clone)]
pub(super) struct Tariff {
    provider: String,
    source: String,
    scope: String,
    to: String,
    /// Movements of one meter share its tiers.
    pub(super) meter: String,
    /// Meters that use up their free first tier together name the same one.
    quota: String,
    /// Bytes of the unit that prices are for.
    unit: i128,
    /// Price of a unit in nano-dollars, and up to how many bytes of the month.
    tiers: Vec<(i128, Option<i128>)>,
}

/// Bytes of a decimal gigabyte, and of a binary one.
const GB: i128 = 1_000_000_000;
const GIB: i128 = 1 << 30;

impl Tariff {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let text = row.text("tiers");
        let unit = if row.text("unit") == "GiB" { GIB } else { GB };
        let tiers = text.split_whitespace().map(|text| tier(text, unit)).collect::<Option<_>>();
        Ok(Self {
            provider: row.text("provider"),
            source: row.text("source"),
            scope: row.text("scope"),
            to: row.text("to"),
            meter: row.text("meter"),
            quota: row.text("quota"),
            unit,
            tiers: tiers.with_context(|| format!("`{text}` are no tiers"))?,
        })
    }

    fn holds(&self, from: &Place, to: &Place, tables: &Tables) -> bool {
        fits(&self.provider, &from.provider)
            && self.scope == scope(from, to)
            && from.listed(&self.source, tables)
            && to.listed(&self.to, tables)
    }

    /// The free first tier that it shares with others, in bytes.
    fn shared(&self) -> Option<i128> {
        if self.quota.is_empty() { None } else { self.tiers[0].1 }
    }

    /// What the month's first so many bytes cost: each tier's price for its own slice. Of a quota that is
    /// shared nothing is free here.
    fn charge(&self, bytes: i128) -> Atto {
        let mut below = 0;
        let mut sum = 0;
        for (number, (price, upto)) in self.tiers.iter().enumerate() {
            let price = if number == 0 && self.shared().is_some() { self.first_paid() } else { *price };
            let end = upto.map_or(bytes, |upto| upto.min(bytes));
            sum += price * NANO * (end - below).max(0) / self.unit;
            below = end.max(below);
        }
        sum
    }

    /// The price after the free tier.
    fn first_paid(&self) -> i128 {
        self.tiers.get(1).map_or(0, |(price, _)| *price)
    }

    /// What so many free bytes are worth.
    fn worth(&self, bytes: i128) -> Atto {
        self.first_paid() * NANO * bytes / self.unit
    }
}

/// What volumes on meters cost together. Meters with one quota have one free first tier: the bytes of the
/// dearest are free, as the README beside the table says.
pub(super) fn charge(volumes: &[(&Tariff, i128)]) -> Atto {
    let mut sum: Atto = volumes.iter().map(|(tariff, bytes)| tariff.charge(*bytes)).sum();
    let mut sharing: Vec<(&Tariff, i128)> =
        volumes.iter().filter(|(tariff, _)| tariff.shared().is_some()).copied().collect();
    sharing.sort_by_key(|(tariff, _)| -tariff.first_paid() * GIB / tariff.unit);
    let mut used: Vec<(&str, i128)> = Vec::new();
    for (tariff, bytes) in sharing {
        let at = used.iter().position(|(quota, _)| *quota == tariff.quota).unwrap_or_else(|| {
            used.push((&tariff.quota, 0));
            used.len() - 1
        });
        let free = tariff.shared().map_or(0, |most| bytes.min(most - used[at].1).max(0));
        used[at].1 += free;
        sum -= tariff.worth(free);
    }
    sum
}

/// `0.09<=10240`: a price and the bound in units up to which it holds.
fn tier(text: &str, unit: i128) -> Option<(i128, Option<i128>)> {
    let Some((price, upto)) = text.split_once("<=") else { return Some((nano(text)?, None)) };
    Some((nano(price)?, Some(nano(upto)? * unit / NANO)))
}

impl Tables {
    /// The number of the tariff for moving data from a place to another: the first that holds.
    pub(super) fn tariff(&self, from: &Place, to: &Place) -> Result<usize> {
        self.tariffs
            .iter()
            .position(|tariff| tariff.holds(from, to, self))
            .with_context(|| format!("no tariff from {from:?} to {to:?}"))
    }

    /// How long bytes take, in ms: sustained rates, up to a started millisecond.
    pub(super) fn moving(&self, from: &Place, to: &Place, bytes: i128) -> Result<i128> {
        let scope = scope(from, to);
        let continents = (from.continent(self), to.continent(self));
        let near = !continents.0.is_empty() && continents.0 == continents.1;
        let rate = self.rates.iter().find(|rate| rate.scope == scope && (near || !rate.near));
        let bits = rate.with_context(|| format!("no rate from {from:?} to {to:?}"))?.bits_per_s;
        Ok(if bits == 0 { 0 } else { (bytes * 8 * 1_000 + bits - 1) / bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariff(meter: &str, tiers: &str, unit: i128, quota: &str) -> Tariff {
        Tariff {
            provider: String::new(),
            source: String::new(),
            scope: String::new(),
            to: String::new(),
            meter: meter.to_owned(),
            quota: quota.to_owned(),
            unit,
            tiers: tiers.split_whitespace().map(|text| tier(text, unit).unwrap()).collect(),
        }
    }

    #[test]
    fn a_quota_goes_to_the_dearest_first() {
        let near = tariff("near", "0<=100 0.09<=10240 0.05", GB, "free");
        let far = tariff("far", "0<=100 0.15", GB, "free");
        let cents = |amount: i128| amount * NANO * 10_000_000;
        assert_eq!(charge(&[(&near, 60 * GB)]), 0);
        assert_eq!(charge(&[(&near, 60 * GB), (&far, 60 * GB)]), cents(20 * 9));
        assert_eq!(charge(&[(&near, 200 * GB), (&far, 160 * GB)]), cents(200 * 9 + 60 * 15));
        let binary = tariff("binary", "0.12<=1 0.1", GIB, "");
        assert_eq!(charge(&[(&binary, 3 * GIB)]), cents(32));
    }
}
