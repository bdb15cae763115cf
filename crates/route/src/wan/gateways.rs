//! What a relay machine can do and costs.

use crate::table::{TableError, rows};
use welkin_catalog::Glob;
use welkin_units::{BitsPerSecond, Usd};

const TABLE: &str = "gateway machines";
const BUILTIN: &str = include_str!("../../data/gateways.csv");
/// No machine has a thousand times the fastest port of today, 400 Gbit/s.
const MOST_GBIT: f64 = 400_000.0;

/// One relay machine of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// Most it may send to other regions.
    pub egress: BitsPerSecond,
    /// Most it may receive.
    pub ingress: BitsPerSecond,
    /// Connections at which the rates of the grid were taken, shared by all peers of a machine.
    pub connections: u32,
    /// Price of an hour.
    pub per_hour: Usd,
}

/// The relay machines of all providers, from a table with a date.
#[derive(Debug, Clone)]
pub struct Gateways {
    rules: Vec<(Glob, Gateway)>,
}

impl Gateways {
    /// The table this crate carries.
    ///
    /// # Panics
    /// Never: a test reads the table.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the table is read by a test of this crate")
    }

    /// Reads a table of the form of `data/gateways.csv`.
    ///
    /// # Errors
    /// The first line that cannot be read, or a table whose last rule does not hold for every provider.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut rules = Vec::new();
        for (line, [provider, egress, ingress, connections, price]) in rows::<5>(TABLE, text)? {
            let wrong = |message: String| TableError { table: TABLE, line, message };
            let connections: u32 = connections.parse().unwrap_or(0);
            if connections == 0 {
                return Err(wrong("connections must be a whole number above 0".to_owned()));
            }
            let per_hour: Usd = price.parse().map_err(|error| wrong(format!("{error}")))?;
            if per_hour < Usd::ZERO {
                return Err(wrong("a price is negative".to_owned()));
            }
            let gateway = Gateway {
                egress: gbit(&egress).map_err(wrong)?,
                ingress: gbit(&ingress).map_err(wrong)?,
                connections,
                per_hour,
            };
            rules.push((Glob::new(&provider), gateway));
        }
        if rules.last().is_none_or(|(provider, _)| provider.as_str() != "*") {
            let message = "the last rule must be for any provider (`*`)".to_owned();
            return Err(TableError { table: TABLE, line: 0, message });
        }
        Ok(Self { rules })
    }

    /// The lowest cap of any machine in either direction.
    pub(crate) fn lowest_cap(&self) -> BitsPerSecond {
        let caps = self.rules.iter().map(|(_, gateway)| gateway.egress.min(gateway.ingress));
        caps.min().unwrap_or(BitsPerSecond::new(u64::MAX))
    }

    /// Whether a provider has a row of its own.
    #[must_use]
    pub fn knows(&self, provider: &str) -> bool {
        self.rules.iter().any(|(glob, _)| glob.as_str() != "*" && glob.matches(provider))
    }

    /// The machine of a provider.
    #[must_use]
    pub fn of(&self, provider: &str) -> Gateway {
        // `parse` made sure that the last rule holds for every provider.
        let found = self.rules.iter().find(|(glob, _)| glob.matches(provider));
        found.unwrap_or(&self.rules[self.rules.len() - 1]).1
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0..4e14")]
fn gbit(text: &str) -> Result<BitsPerSecond, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= MOST_GBIT => Ok(BitsPerSecond::new((rate * 1e9).round() as u64)),
        _ => Err(format!("`{text}` is not a rate in Gbit/s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_match_wins_and_the_last_holds_for_all() {
        let table = Gateways::builtin();
        assert_eq!(table.of("aws").egress, BitsPerSecond::from_gbit(5));
        assert_eq!(table.of("nimbus").ingress, BitsPerSecond::from_gbit(5));
    }

    #[test]
    fn broken_tables_name_their_line() {
        for (row, line) in [("aws,-5,1,64,0.1\n*,5,5,64,1", 2), ("*,NaN,5,64,1", 2), ("aws,5,5,64,1", 0)] {
            assert_eq!(Gateways::parse(&format!("h\n{row}\n")).unwrap_err().line, line, "{row}");
        }
        assert!(Gateways::parse("h\n*,5,5,0,1\n").is_err());
        assert!(Gateways::parse("h\n*,5,5,1,-1\n").is_err());
    }
}
