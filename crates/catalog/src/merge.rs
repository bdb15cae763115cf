//! Which source speaks for a provider.
//!
//! A provider's offers come from one date, or two prices of one machine would stand side by side:
//! imported rows replace the starter catalog's, and of several imports the newest date wins. A
//! provider for which an import brought no offer (its file was broken or empty) keeps what it had.

use crate::{Row, Text};
use std::collections::HashMap;

/// Puts starter and imported rows together. Imports of the same provider and the same date are
/// parts of one list and are kept side by side.
#[must_use]
pub fn merge(starter: Vec<Row>, imported: Vec<Row>) -> Vec<Row> {
    let mut newest: HashMap<Text, Text> = HashMap::new();
    for row in &imported {
        let date = newest.entry(row.place.provider.clone()).or_insert_with(|| row.source.as_of.clone());
        if row.source.as_of > *date {
            *date = row.source.as_of.clone();
        }
    }
    let mut rows = imported;
    rows.retain(|row| newest.get(&row.place.provider) == Some(&row.source.as_of));
    rows.extend(starter.into_iter().filter(|row| !newest.contains_key(&row.place.provider)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Origin, import};
    use crate::tables::Tables;

    fn list(provider: &str, as_of: &str, price: &str) -> Vec<Row> {
        let text = format!("InstanceType,Region,Price\nm1,r1,{price}\n");
        let origin = Origin { provider, file: "f", as_of };
        import(text.as_bytes(), &origin, &Tables::default()).unwrap().rows
    }

    #[test]
    fn imported_beats_starter_and_new_beats_old() {
        let starter = [list("a", "2026-09-01", "1"), list("b", "2026-09-01", "2")].concat();
        let old = list("a", "2026-01-01", "3");
        let new = list("a", "2026-02-01", "4");
        for imported in [[old.clone(), new.clone()].concat(), [new, old].concat()] {
            let mut prices: Vec<_> = merge(starter.clone(), imported)
                .iter()
                .map(|row| (row.place.provider.to_string(), row.on_demand.unwrap().dollars()))
                .collect();
            prices.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(prices, [("a".to_owned(), 4.0), ("b".to_owned(), 2.0)]);
        }
        assert_eq!(merge(starter.clone(), Vec::new()), starter);
    }
}
