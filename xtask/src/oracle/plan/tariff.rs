//! What it costs to move data from a place, by the volume of the month.

use anyhow::{Context, Result};

use super::glob::fits;
use super::money::{Atto, nano};
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
    /// Price of a decimal gigabyte in nano-dollars, and up to how many bytes of the month.
    tiers: Vec<(i128, Option<i128>)>,
}

/// Bytes of a decimal gigabyte.
pub(super) const GB: i128 = 1_000_000_000;

impl Tariff {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let text = row.text("tiers");
        let tiers = text.split_whitespace().map(tier).collect::<Option<_>>();
        Ok(Self {
            provider: row.text("provider"),
            source: row.text("source"),
            scope: row.text("scope"),
            to: row.text("to"),
            meter: row.text("meter"),
            tiers: tiers.with_context(|| format!("`{text}` are no tiers"))?,
        })
    }

    fn holds(&self, from: &Place, to: &Place, tables: &Tables) -> bool {
        fits(&self.provider, &from.provider)
            && self.scope == scope(from, to)
            && from.listed(&self.source, tables)
            && to.listed(&self.to, tables)
    }

    /// What the month's first so many bytes cost: each tier's price for its own slice.
    pub(super) fn charge(&self, bytes: i128) -> Atto {
        let mut below = 0;
        let mut sum = 0;
        for (price, upto) in &self.tiers {
            let end = upto.map_or(bytes, |upto| upto.min(bytes));
            sum += price * (end - below).max(0);
            below = end.max(below);
        }
        sum
    }
}

/// `0.09<=10240`: a price and the bound in GB up to which it holds.
fn tier(text: &str) -> Option<(i128, Option<i128>)> {
    let Some((price, upto)) = text.split_once("<=") else { return Some((nano(text)?, None)) };
    Some((nano(price)?, Some(nano(upto)? * GB / super::money::NANO)))
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
