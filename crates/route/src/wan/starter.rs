//! The graph to start with, when nobody has measured anything.
//!
//! Sites are the regions of the catalog's table, at providers whose relay machines are known, public
//! partitions only. A link's rate is that of the table of rates by distance ([`Rates`], the same that
//! placement plans with), within what the machines may send and take; its round trip is typical for the
//! two continents. Everything is marked [`Knowledge::Estimated`], and whoever prints it has to say so.
//!
//! *Rejected:* shipping a published grid. It is one day in 2022, somebody else's, and would be taken for
//! more than it is.

use super::gateways::Gateways;
use super::graph::{Knowledge, Link, LinkPrice, Wan};
use super::site::{Site, SiteName};
use crate::rates::Rates;
use crate::table::{TableError, rows};
use crate::tariffs::Tariffs;
use welkin_catalog::Continent;
use welkin_catalog::tables::Tables;

const TABLE: &str = "typical round trips";
const BUILTIN: &str = include_str!("../../data/rtt.csv");

impl Wan {
    /// The estimated graph.
    ///
    /// # Panics
    /// Never: a test reads the table of round trips.
    #[must_use]
    pub fn starter(rates: &Rates, tariffs: &Tariffs, gateways: &Gateways, tables: &Tables) -> Self {
        let round_trips = RoundTrips::parse(BUILTIN).expect("the table is read by a test of this crate");
        let regions = tables.regions.names().into_iter();
        let sites = regions
            .filter(|(provider, _)| gateways.knows(provider))
            .map(|(provider, region)| SiteName { provider: provider.to_owned(), place: region.to_owned() })
            .map(|name| Site::known(name, tables))
            .filter(|site| !site.restricted)
            .collect();
        let mut wan = Self::without_links(sites, tariffs, gateways);
        let matrix = wan.tariff_matrix();
        let count = wan.sites.len();
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                let (source, destination) = (&wan.sites[from], &wan.sites[to]);
                let Some(rate) = rates.between(&source.endpoint(), &destination.endpoint()) else { continue };
                let (egress, ingress) = (wan.gateways[from].egress, wan.gateways[to].ingress);
                wan.links[from * count + to] = Some(Link {
                    rate: rate.min(egress).min(ingress),
                    one_connection: None,
                    rtt_ms: Some(round_trips.between(source.continent, destination.continent)),
                    price: LinkPrice::Tariff(matrix.get(from, to)),
                    knowledge: Knowledge::Estimated,
                });
            }
        }
        wan
    }
}

/// Typical round trips by pair of continents; `None` stands for any.
struct RoundTrips(Vec<([Option<Continent>; 2], f64)>);

impl RoundTrips {
    fn parse(text: &str) -> Result<Self, TableError> {
        let read = rows::<3>(TABLE, text)?.into_iter().map(|(line, [a, b, rtt])| {
            let wrong = |message: String| TableError { table: TABLE, line, message };
            let continent = |name: &str| match name {
                "*" => Ok(None),
                name => match Continent::named(name) {
                    Some(continent) => Ok(Some(continent)),
                    None => Err(wrong(format!("`{name}` is not a continent"))),
                },
            };
            let rtt: f64 = rtt.parse().map_err(|_| wrong(format!("`{rtt}` is not a time in ms")))?;
            Ok(([continent(&a)?, continent(&b)?], rtt))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    fn between(&self, a: Continent, b: Continent) -> f64 {
        let fits = |side: Option<Continent>, at: Continent| side.is_none_or(|side| side == at);
        let row =
            self.0.iter().find(|([x, y], _)| (fits(*x, a) && fits(*y, b)) || (fits(*x, b) && fits(*y, a)));
        // The table ends with a row for any two.
        row.map_or(0.0, |(_, rtt)| *rtt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_units::BitsPerSecond;

    #[test]
    fn the_starter_joins_the_large_providers() {
        let (rates, tariffs, gateways) = (Rates::builtin(), Tariffs::builtin(), Gateways::builtin());
        let wan = Wan::starter(&rates, &tariffs, &gateways, Tables::embedded());
        let at = |name: &str| wan.find(&name.parse().unwrap()).unwrap();
        let (canada, tokyo) = (at("azure:canadacentral"), at("gcp:asia-northeast1"));
        let link = wan.link(canada, tokyo).unwrap();
        assert_eq!(link.rate, BitsPerSecond::from_gbit(2));
        assert_eq!((link.rtt_ms, link.knowledge), (Some(170.0), Knowledge::Estimated));
        assert!(wan.link(canada, canada).is_none());
        assert!(wan.sites().len() > 100);
        assert!(wan.sites().iter().all(|site| !site.restricted));
        assert!(wan.find(&"lambda:us-east-1".parse().unwrap()).is_none());
    }

    #[test]
    fn round_trips_are_alike_in_both_directions() {
        use Continent::{Africa, Asia, Unknown};
        let table = RoundTrips::parse(BUILTIN).unwrap();
        assert_eq!(table.between(Asia, Africa), table.between(Africa, Asia));
        assert_eq!(table.between(Unknown, Unknown), 200.0);
        assert!(RoundTrips::parse("h\natlantis,*,1\n").is_err());
    }
}
