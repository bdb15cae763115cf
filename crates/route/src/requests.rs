//! What requests to object stores cost.

use crate::table::{TableError, rows};
use welkin_units::Usd;

const TABLE: &str = "request prices";
const BUILTIN: &str = include_str!("../data/requests.csv");

/// Requests of a transfer at one of its ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Writes: objects, parts, and what begins and ends a write in parts.
    pub puts: u64,
    /// Reads, and looks at objects.
    pub gets: u64,
    /// Pages of listings; priced as writes are.
    pub lists: u64,
}

/// List prices of requests, with a date.
#[derive(Debug, Clone)]
pub struct RequestPrices {
    rows: Vec<(String, Usd, Usd)>,
}

impl RequestPrices {
    /// The prices this crate carries.
    ///
    /// # Panics
    /// Never: a test reads the table.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the table is read by a test of this crate")
    }

    /// Reads a table of the form of `data/requests.csv`.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let read = rows::<3>(TABLE, text)?.into_iter().map(|(line, [provider, put, get])| {
            let price = |text: String| {
                let wrong = |message: String| TableError { table: TABLE, line, message };
                let price: Usd = text.parse().map_err(|error| wrong(format!("{error}")))?;
                (price >= Usd::ZERO).then_some(price).ok_or_else(|| wrong("a price is negative".to_owned()))
            };
            Ok((provider, price(put)?, price(get)?))
        });
        Ok(Self { rows: read.collect::<Result<_, _>>()? })
    }

    /// What requests to a provider's store cost; `None` where that is not known.
    #[must_use]
    pub fn of(&self, provider: &str, counts: RequestCounts) -> Option<Usd> {
        let (_, put, get) = self.rows.iter().find(|(known, ..)| known == provider)?;
        let (puts, gets) = (i128::from(counts.puts) + i128::from(counts.lists), i128::from(counts.gets));
        // In nano-dollars and per thousand: 128 bits hold any count at any price. Rounded up.
        let thousandths = puts * i128::from(put.nanos()) + gets * i128::from(get.nanos());
        Some(Usd::from_nanos(i64::try_from((thousandths + 999) / 1000).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_prices() {
        let prices = RequestPrices::builtin();
        let counts = RequestCounts { puts: 9_000, gets: 100_000, lists: 1_000 };
        for (provider, dollars) in [("aws", "0.09"), ("gcp", "0.09"), ("azure", "0.115"), ("local", "0")] {
            assert_eq!(prices.of(provider, counts), Some(dollars.parse().unwrap()), "{provider}");
        }
        assert_eq!(prices.of("nimbus", counts), None);
        let one = RequestCounts { gets: 1, ..RequestCounts::default() };
        assert_eq!(prices.of("aws", one), Some(Usd::from_nanos(400)));
        assert!(prices.of("aws", RequestCounts { puts: u64::MAX, gets: u64::MAX, lists: 1 }).is_some());
    }

    #[test]
    fn a_broken_table_names_its_line() {
        assert_eq!(RequestPrices::parse("h\na,1,2\nb,1,-2\n").unwrap_err().line, 3);
        assert_eq!(RequestPrices::parse("h\na,1\n").unwrap_err().line, 2);
    }
}
