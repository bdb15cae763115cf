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

pub(crate) use accelerators::fold;
pub use accelerators::{Accelerators, Device, Resolved};
pub use reader::TableProblem;
pub use regions::{RegionFacts, Regions};
pub use tee::TeeRules;

/// The three tables.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Regions of providers.
    pub regions: Regions,
    /// Trusted execution environments by machine type.
    pub tee: TeeRules,
    /// Accelerators and their other names.
    pub accelerators: Accelerators,
}

impl Tables {
    /// Reads the tables from their CSV texts. What does not parse is told in the second part.
    #[must_use]
    pub fn parse(regions: &str, tee: &str, accelerators: &str) -> (Self, Vec<TableProblem>) {
        let mut problems = Vec::new();
        let tables = Self {
            regions: Regions::parse(regions, &mut problems),
            tee: TeeRules::parse(tee, &mut problems),
            accelerators: Accelerators::parse(accelerators, &mut problems),
        };
        (tables, problems)
    }
}
