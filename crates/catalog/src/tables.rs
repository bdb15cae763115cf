//! Facts that price lists leave out: where regions are, which machine types have a trusted
//! execution environment, what accelerators are called.
//!
//! The tables are the crate's own, in `data/`, with their sources; they apply to imported rows and
//! to the starter catalog alike. A line that does not parse is a [`TableProblem`] and is left out:
//! the crate's tests hold the embedded tables free of them.

mod accelerators;
mod embedded;
mod reader;
mod regions;
mod tee;
mod tee_fees;

pub use accelerators::{Accelerators, ByMemory, Device, Resolved};
pub use reader::TableProblem;
pub(crate) use reader::read;
pub use regions::{RegionFacts, Regions};
pub use tee::TeeRules;
pub use tee_fees::TeeFees;

/// CSV texts of the tables.
#[derive(Debug, Clone, Copy)]
pub struct TableTexts<'a> {
    /// Columns provider, region, country, jurisdiction, continent, certs.
    pub regions: &'a str,
    /// Columns provider, `type_glob`, `regions_glob`, tee.
    pub tee: &'a str,
    /// Columns provider, `type_glob`, tee, percent, `usd_per_vcpu_hour`, `usd_per_gib_hour`.
    pub tee_fees: &'a str,
    /// Columns name, aliases, `memory_gib`, vendor.
    pub accelerators: &'a str,
}

/// All tables.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Regions of providers.
    pub regions: Regions,
    /// Trusted execution environments by machine type.
    pub tee: TeeRules,
    /// Fees for trusted execution environments.
    pub tee_fees: TeeFees,
    /// Accelerators and their other names.
    pub accelerators: Accelerators,
}

impl Tables {
    /// Reads the tables from their CSV texts. What does not parse is told in the second part.
    #[must_use]
    pub fn parse(texts: &TableTexts<'_>) -> (Self, Vec<TableProblem>) {
        let mut problems = Vec::new();
        let tables = Self {
            regions: Regions::parse(texts.regions, &mut problems),
            tee: TeeRules::parse(texts.tee, &mut problems),
            tee_fees: TeeFees::parse(texts.tee_fees, &mut problems),
            accelerators: Accelerators::parse(texts.accelerators, &mut problems),
        };
        (tables, problems)
    }
}
