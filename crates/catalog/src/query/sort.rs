//! Orders of offers.

use super::filter::Market;
use crate::{Catalog, NOT_OFFERED, OfferId};

impl Catalog<'_> {
    /// Sorts by price on `market`, cheapest first, offers not sold there last; ties by id, so that
    /// the order is the same on every run.
    pub fn sort_by_price(&self, ids: &mut [OfferId], market: Market) {
        ids.sort_unstable_by_key(|id| (self.price_nanos(id.0 as usize, market), *id));
    }

    /// Sorts by price per accelerator, cheapest first; offers without accelerators or not sold on
    /// `market` last; ties by id.
    pub fn sort_by_price_per_accelerator(&self, ids: &mut [OfferId], market: Market) {
        let counts = self.columns().accelerator_count_milli;
        ids.sort_unstable_by_key(|id| {
            let row = id.0 as usize;
            let price = self.price_nanos(row, market);
            let each = match counts[row] {
                count if count > 0 && price != NOT_OFFERED => i128::from(price) * 1000 / i128::from(count),
                _ => i128::MAX,
            };
            (each, *id)
        });
    }
}
