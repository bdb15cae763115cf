//! Which source speaks for a provider.
//!
//! A provider's offers come from one date, or two prices of one machine would stand side by side:
//! imported rows replace the starter catalog's, and of several imports the first that is added, which is
//! to be the newest. A provider for which an import brought no offer (its file was broken or empty) keeps
//! what it had.
//!
//! Lists are taken one after the other and need not be in memory together.

use crate::{BuildError, CatalogBuilder, Row, Text};
use std::collections::HashMap;

/// A catalog in the making, list after list.
#[derive(Debug, Default)]
pub struct Merge {
    builder: CatalogBuilder,
    /// The date of the list that speaks for each provider.
    spoken_for: HashMap<Text, Text>,
}

impl Merge {
    /// Adds the rows of an imported list. Lists of one provider are added newest first: those of one date are
    /// parts of one list and are kept side by side, older ones are left out.
    ///
    /// # Errors
    /// [`BuildError`] when the catalog is full.
    pub fn add(&mut self, rows: &[Row]) -> Result<(), BuildError> {
        for row in rows {
            let provider = &row.place.provider;
            let date = match self.spoken_for.get(provider) {
                Some(date) => date,
                None => self.spoken_for.entry(provider.clone()).or_insert_with(|| row.source.as_of.clone()),
            };
            if *date == row.source.as_of {
                self.builder.push(row)?;
            }
        }
        Ok(())
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }

    /// Whether a list of this provider was added.
    #[must_use]
    pub fn has(&self, provider: &str) -> bool {
        self.spoken_for.contains_key(provider)
    }

    /// The finished store, with those rows of the starter catalog for whose provider no list was added, and
    /// with `own`, whatever was added.
    ///
    /// # Errors
    /// [`BuildError`] when the catalog is full.
    pub fn finish(mut self, starter: &[Row], own: &[Row]) -> Result<Vec<u8>, BuildError> {
        for row in starter.iter().filter(|row| !self.spoken_for.contains_key(&row.place.provider)) {
            self.builder.push(row)?;
        }
        own.iter().try_for_each(|row| self.builder.push(row))?;
        Ok(self.builder.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Origin, import};
    use crate::tables::Tables;
    use crate::{AlignedBytes, Catalog};

    fn list(provider: &str, as_of: &str, price: &str) -> Vec<Row> {
        let text = format!("InstanceType,Region,Price\nm1,r1,{price}\n");
        let origin = Origin { provider, file: "f", as_of };
        import(text.as_bytes(), &origin, &Tables::default()).unwrap().rows
    }

    fn prices(lists: &[Vec<Row>], starter: &[Row]) -> Vec<(String, f64)> {
        let mut merge = Merge::default();
        lists.iter().for_each(|list| merge.add(list).unwrap());
        let bytes = AlignedBytes::copy_from(&merge.finish(starter, &[]).unwrap());
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        let price =
            |offer: crate::Offer<'_>| (offer.place.provider.to_owned(), offer.on_demand.unwrap().dollars());
        catalog.offers().map(price).collect()
    }

    #[test]
    fn imported_beats_starter_and_new_beats_old() {
        let starter = [list("a", "2026-09-01", "1"), list("b", "2026-09-01", "2")].concat();
        let new = list("a", "2026-02-01", "4");
        let old = list("a", "2026-01-01", "3");
        let own = |name: &str, price| (name.to_owned(), price);
        assert_eq!(prices(&[new, old], &starter), [own("a", 4.0), own("b", 2.0)]);
        assert_eq!(prices(&[], &starter), [own("a", 1.0), own("b", 2.0)]);
        assert_eq!(prices(&[Vec::new()], &starter), [own("a", 1.0), own("b", 2.0)]);
    }

    #[test]
    fn parts_of_one_date_stand_side_by_side() {
        let parts = [list("a", "2026-02-01", "4"), list("a", "2026-02-01", "5")];
        assert_eq!(prices(&parts, &[]), [("a".to_owned(), 4.0), ("a".to_owned(), 5.0)]);
    }
}
