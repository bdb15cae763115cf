//! The facts that Welkin carries as tables, read anew: regions, tariffs, rates, trusted execution.
//!
//! The tables are data with a source for each row, and the brute force must agree with the product on
//! facts; how they are used is written here a second time, from the comments at their heads and the
//! README beside them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::glob::fits;
use super::money::nano;
use super::tariff::Tariff;

/// A region of a provider.
#[derive(Debug, Clone)]
pub(super) struct Region {
    pub(super) country: String,
    pub(super) jurisdiction: String,
    pub(super) continent: String,
    pub(super) certs: Vec<String>,
}

/// A trusted execution environment that machines of a type have in regions.
#[derive(Debug, Clone)]
struct Trusted {
    provider: String,
    kind: String,
    regions: String,
    tee: String,
}

/// What a provider adds to the hourly price while the environment is on.
#[derive(Debug, Clone)]
pub(super) struct Fee {
    provider: String,
    kind: String,
    tee: String,
    /// Of the price on demand.
    pub(super) percent: i128,
    pub(super) nano_per_vcpu: i128,
    pub(super) nano_per_gib: i128,
}

/// A row of the table of rates.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    pub(super) scope: String,
    /// Whether it holds within a continent only.
    pub(super) near: bool,
    /// 0: read in place.
    pub(super) bits_per_s: i128,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) regions: BTreeMap<(String, String), Region>,
    pub(super) tariffs: Vec<Tariff>,
    pub(super) rates: Vec<Rate>,
    trusted: Vec<Trusted>,
    fees: Vec<Fee>,
}

impl Tables {
    /// Reads them from the repository.
    pub(super) fn read() -> Result<Self> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        let (catalog, route) = (crates.join("catalog/data"), crates.join("route/data"));
        let mut tables = Self::default();
        for row in rows(&catalog.join("regions.csv"))? {
            let region = Region {
                country: row.text("country"),
                jurisdiction: row.text("jurisdiction"),
                continent: row.text("continent"),
                certs: row.text("certs").split(';').map(str::to_owned).collect(),
            };
            tables.regions.insert((row.text("provider"), row.text("region")), region);
        }
        for row in rows(&route.join("egress.csv"))? {
            tables.tariffs.push(Tariff::read(&row)?);
        }
        for row in rows(&route.join("rates.csv"))? {
            let bits_per_s = row.amount("gbit_per_s")?;
            tables.rates.push(Rate {
                scope: row.text("scope"),
                near: row.text("source") == "same-continent",
                bits_per_s,
            });
        }
        for row in rows(&catalog.join("tee.csv"))? {
            tables.trusted.push(Trusted {
                provider: row.text("provider"),
                kind: row.text("type_glob"),
                regions: row.text("regions_glob"),
                tee: row.text("tee"),
            });
        }
        for row in rows(&catalog.join("tee_fees.csv"))? {
            tables.fees.push(Fee {
                provider: row.text("provider"),
                kind: row.text("type_glob"),
                tee: row.text("tee"),
                percent: row.amount("percent")?,
                nano_per_vcpu: row.amount("usd_per_vcpu_hour")?,
                nano_per_gib: row.amount("usd_per_gib_hour")?,
            });
        }
        Ok(tables)
    }

    pub(super) fn region(&self, provider: &str, region: &str) -> Option<&Region> {
        self.regions.get(&(provider.to_owned(), region.to_owned()))
    }

    /// The environments that a machine type has in a region.
    pub(super) fn tees(&self, provider: &str, kind: &str, region: &str) -> Vec<&str> {
        let has = |row: &&Trusted| {
            row.provider == provider
                && fits(&row.kind, kind)
                && row.regions.split(';').any(|glob| fits(glob, region))
        };
        self.trusted.iter().filter(has).map(|row| row.tee.as_str()).collect()
    }

    /// What using an environment costs; `None` where no row says.
    pub(super) fn fee(&self, provider: &str, kind: &str, tee: &str) -> Option<&Fee> {
        self.fees.iter().find(|fee| fee.provider == provider && fee.tee == tee && fits(&fee.kind, kind))
    }
}

/// A line of a table, by its header.
#[derive(Debug)]
pub(super) struct Row {
    columns: HashMap<String, String>,
    place: String,
}

impl Row {
    /// The cell, empty where the table has no such column.
    pub(super) fn text(&self, column: &str) -> String {
        self.columns.get(column).cloned().unwrap_or_default()
    }

    /// A number with up to nine decimals, times 1e9; 0 where nothing stands.
    pub(super) fn amount(&self, column: &str) -> Result<i128> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(0);
        }
        nano(&text).with_context(|| format!("{}: `{text}` is no amount", self.place))
    }
}

fn rows(path: &PathBuf) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let row = |line: &str| {
        let cells = line.split(',').map(str::to_owned);
        let columns = header.iter().map(|&name| name.to_owned()).zip(cells).collect();
        Row { columns, place: format!("{}: {line}", path.display()) }
    };
    Ok(lines.map(row).collect())
}
