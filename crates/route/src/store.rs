//! Object stores that stand in for a relay: no machine, and nothing to pay for what leaves them.
//!
//! A part that is written can be read at once, so a store forwards like a relay does; what it can take and
//! give is a property of the account, from data with a date.

use crate::table::{TableError, rows};
use welkin_units::{BitsPerSecond, Usd};

const TABLE: &str = "relay stores";
const BUILTIN: &str = include_str!("../data/stores.csv");

/// A store that charges nothing for egress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its short name.
    pub name: String,
    /// Most it takes in and, separately, gives out.
    pub capacity: BitsPerSecond,
    /// Requests and storage for one gigabyte passed through once.
    pub per_gb: Usd,
    /// Jurisdiction it keeps data in, empty when that is not fixed.
    pub jurisdiction: String,
}

impl Store {
    /// The stores this crate knows.
    ///
    /// # Panics
    /// Never: a test reads the table.
    #[must_use]
    pub fn builtin() -> Vec<Self> {
        Self::parse(BUILTIN).expect("the table is read by a test of this crate")
    }

    /// Reads a table of the form of `data/stores.csv`.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str) -> Result<Vec<Self>, TableError> {
        let read = rows::<4>(TABLE, text)?.into_iter().map(|(line, [name, gbit, per_gb, jurisdiction])| {
            let wrong = |message: String| TableError { table: TABLE, line, message };
            let gbit = gbit.parse().ok().filter(|gbit| (1..=10_000).contains(gbit));
            let gbit = gbit.ok_or_else(|| wrong("capacity is not within 1 to 10000 Gbit/s".to_owned()))?;
            let per_gb: Usd = per_gb.parse().map_err(|error| wrong(format!("{error}")))?;
            if per_gb < Usd::ZERO {
                return Err(wrong("a price is negative".to_owned()));
            }
            Ok(Self { name, capacity: BitsPerSecond::from_gbit(gbit), per_gb, jurisdiction })
        });
        read.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_stores_are_read() {
        assert!(Store::builtin().iter().any(|store| store.name == "r2"));
        assert!(Store::parse("h\nx,0,0,\n").is_err());
        assert!(Store::parse("h\nx,1,-1,\n").is_err());
    }
}
