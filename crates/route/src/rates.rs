//! How fast one transfer runs.

use crate::endpoint::Endpoint;
use crate::table::{TableError, rows};
use crate::tariffs::Scope;
use crate::wan::Gateways;
use welkin_catalog::Continent;
use welkin_units::{BitsPerSecond, Bytes, Span};

const TABLE: &str = "transfer rates";
const BUILTIN: &str = include_str!("../data/rates.csv");

/// Sustained rates by distance, from a table with a date, within what one machine at each end may send and
/// take. They are the rates of the estimated graph ([`Wan::starter`](crate::Wan::starter)), so placement and
/// routes reckon with the same figures.
#[derive(Debug, Clone)]
pub struct Rates {
    rules: Vec<(Scope, bool, Option<BitsPerSecond>)>,
    gateways: Option<Gateways>,
    /// A rate up to this is within every cap: the usual case, settled without a look-up.
    lowest_cap: BitsPerSecond,
}

impl Rates {
    /// The rates this crate carries.
    ///
    /// # Panics
    /// Never: a test reads the table.
    #[must_use]
    pub fn builtin() -> Self {
        let rates = Self::parse(BUILTIN).expect("the table is read by a test of this crate");
        rates.within(Gateways::builtin())
    }

    /// The same rates within what these machines may send and take.
    #[must_use]
    pub fn within(self, gateways: Gateways) -> Self {
        Self { lowest_cap: gateways.lowest_cap(), gateways: Some(gateways), ..self }
    }

    /// Reads a table of the form of `data/rates.csv`.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let rules = rows::<4>(TABLE, text)?.into_iter().map(|(line, [scope, source, _, gbit])| {
            let wrong = |message: String| TableError { table: TABLE, line, message };
            let rate = gbit
                .parse::<u64>()
                .map_err(|_| wrong(format!("`{gbit}` is not a whole number of Gbit/s")))?;
            let rate = (rate > 0).then(|| BitsPerSecond::from_gbit(rate));
            Ok((Scope::parse(&scope).map_err(wrong)?, source == "same-continent", rate))
        });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok(Self { rules, gateways: None, lowest_cap: BitsPerSecond::new(u64::MAX) })
    }

    /// The rate between two endpoints; `None` where data is read in place and takes no time of its own.
    #[must_use]
    pub fn between(&self, from: &Endpoint<'_>, to: &Endpoint<'_>) -> Option<BitsPerSecond> {
        let scope = Scope::between(from, to);
        let same_continent = from.continent == to.continent && from.continent != Continent::Unknown;
        let rule = self.rules.iter().find(|(s, near, _)| *s == scope && (!near || same_continent));
        let rate = rule.and_then(|(_, _, rate)| *rate)?;
        match &self.gateways {
            Some(gateways) if rate > self.lowest_cap => {
                Some(rate.min(gateways.of(from.provider).egress).min(gateways.of(to.provider).ingress))
            }
            _ => Some(rate),
        }
    }

    /// The time `bytes` take.
    #[must_use]
    pub fn time(&self, from: &Endpoint<'_>, to: &Endpoint<'_>, bytes: Bytes) -> Span {
        self.between(from, to).map_or(Span::ZERO, |rate| rate.time_for(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_is_faster() {
        let rates = Rates::builtin();
        let at = |provider, region, continent| Endpoint { provider, region: Some(region), continent };
        let iowa = at("gcp", "us-central1", Continent::NorthAmerica);
        let times = [
            iowa,
            at("gcp", "us-west1", Continent::NorthAmerica),
            at("gcp", "europe-west4", Continent::Europe),
            at("aws", "eu-west-1", Continent::Europe),
        ]
        .map(|to| rates.time(&iowa, &to, Bytes::from_gb(100)));
        assert_eq!(times[0], Span::ZERO);
        assert!(times.is_sorted());
        assert_eq!(times[1], Span::from_secs(160));
    }

    #[test]
    fn no_machine_sends_more_than_it_may() {
        let at = |provider| Endpoint { provider, region: Some("x"), continent: Continent::Europe };
        let table = "scope,source,to,gbit\nsame-region,,,0\nprovider,,,100\ninternet,,,100\n";
        let rates = Rates::parse(table).unwrap().within(Gateways::builtin());
        let between = |from, to| rates.between(&at(from), &at(to)).unwrap();
        assert_eq!(between("aws", "azure"), BitsPerSecond::from_gbit(5));
        assert_eq!(between("azure", "aws"), BitsPerSecond::from_gbit(10));
        assert_eq!(between("azure", "nimbus"), BitsPerSecond::from_gbit(5));
        assert_eq!(rates.between(&at("aws"), &at("aws")), None);
    }
}
