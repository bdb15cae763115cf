//! The tables that ship with the crate.

use super::{TableTexts, Tables};
use std::sync::LazyLock;

const TEXTS: TableTexts<'static> = TableTexts {
    regions: include_str!("../../data/regions.csv"),
    tee: include_str!("../../data/tee.csv"),
    tee_fees: include_str!("../../data/tee_fees.csv"),
    accelerators: include_str!("../../data/accelerators.csv"),
};

impl Tables {
    /// The embedded tables, read on first use.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::parse(&TEXTS).0);
        &TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Continent;

    #[test]
    fn every_line_parses() {
        let (tables, problems) = Tables::parse(&TEXTS);
        assert_eq!(problems, []);
        assert!(tables.accelerators.iter().count() >= 40);
    }

    #[test]
    fn the_founding_example_is_known() {
        let tables = Tables::embedded();
        for (written, name) in [
            ("tpu-v5litepod-8", "tpu-v5e"),
            ("A100-40GB", "A100"),
            ("inferentia2", "Inferentia2"),
            ("l4", "L4"),
        ] {
            let resolved = tables.accelerators.resolve(written);
            assert!(resolved.known && &*resolved.name == name, "{written}: {resolved:?}");
        }
        for (provider, region, country) in
            [("aws", "us-east-1", "us"), ("azure", "westeurope", "nl"), ("gcp", "europe-west4", "nl")]
        {
            let facts = tables.regions.get(provider, region).expect(region);
            assert_eq!(&*facts.country, country);
            assert_ne!(facts.continent, Continent::Unknown);
        }
        assert!(
            tables.tee.tee("azure", "Standard_DC8as_v5", "westeurope").intersects(crate::TeeSet::SEV_SNP)
        );
    }
}
