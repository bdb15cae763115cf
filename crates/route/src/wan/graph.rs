//! Sites, links, and what both can do and cost, joined.

use super::gateways::{Gateway, Gateways};
use super::grid::Grid;
use super::import::PriceGrid;
use super::site::{Site, SiteId, SiteName};
use crate::matrix::TariffMatrix;
use crate::tariffs::{TariffId, Tariffs};
use std::collections::{BTreeMap, BTreeSet};
use welkin_catalog::tables::Tables;
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// Where a rate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Somebody measured it.
    Measured,
    /// Derived from public figures by distance.
    Estimated,
}

/// What a gigabyte costs on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPrice {
    /// By the month's volume on a meter.
    Tariff(TariffId),
    /// The same at every volume.
    PerGb(Usd),
}

/// The way from a site to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Rate between one machine at each end over the gateway's connections.
    pub rate: BitsPerSecond,
    /// Rate of a single connection, where known.
    pub one_connection: Option<BitsPerSecond>,
    /// Round trip in milliseconds, where known.
    pub rtt_ms: Option<f64>,
    /// What a gigabyte costs.
    pub price: LinkPrice,
    /// Where the rate comes from.
    pub knowledge: Knowledge,
}

/// The graph of sites.
#[derive(Debug, Clone)]
pub struct Wan {
    pub(super) sites: Vec<Site>,
    pub(super) gateways: Vec<Gateway>,
    /// By source, then destination.
    pub(super) links: Vec<Option<Link>>,
    pub(super) tariffs: Tariffs,
}

impl Wan {
    /// The graph of what was measured. Prices come from `prices`, and from the tariffs where those say
    /// nothing. At most 65,535 sites count, the first by name.
    #[must_use]
    pub fn measured(
        grid: &Grid,
        prices: &PriceGrid,
        tariffs: &Tariffs,
        gateways: &Gateways,
        tables: &Tables,
    ) -> Self {
        let names: BTreeSet<&SiteName> = grid.pairs.keys().flat_map(|(from, to)| [from, to]).collect();
        let names: Vec<&SiteName> = names.into_iter().take(usize::from(u16::MAX)).collect();
        let sites = names.iter().map(|name| Site::known((*name).clone(), tables)).collect();
        let mut wan = Self::without_links(sites, tariffs, gateways);
        let places: BTreeMap<&SiteName, usize> =
            names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let matrix = wan.tariff_matrix();
        for ((from, to), measured) in &grid.pairs {
            let (Some(a), Some(b)) = (places.get(from), places.get(to)) else { continue };
            if a == b {
                continue;
            }
            let listed = prices.per_gb.get(&(from.clone(), to.clone())).copied();
            wan.links[a * names.len() + b] = Some(Link {
                rate: measured.rate,
                one_connection: measured.one_connection,
                rtt_ms: measured.rtt_ms,
                price: listed.map_or_else(|| LinkPrice::Tariff(matrix.get(*a, *b)), LinkPrice::PerGb),
                knowledge: Knowledge::Measured,
            });
        }
        wan
    }

    pub(super) fn without_links(sites: Vec<Site>, tariffs: &Tariffs, gateways: &Gateways) -> Self {
        let links = vec![None; sites.len() * sites.len()];
        let gateways = sites.iter().map(|site| gateways.of(&site.name.provider)).collect();
        Self { sites, gateways, links, tariffs: tariffs.clone() }
    }

    pub(super) fn tariff_matrix(&self) -> TariffMatrix {
        let ends: Vec<_> = self.sites.iter().map(Site::endpoint).collect();
        TariffMatrix::new(&self.tariffs, &ends, &ends)
    }

    /// All sites, in the order of their ids.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = SiteId> + use<> {
        (0..u16::try_from(self.sites.len()).unwrap_or(u16::MAX)).map(SiteId)
    }

    /// A site.
    #[must_use]
    pub fn site(&self, id: SiteId) -> &Site {
        &self.sites[usize::from(id.0)]
    }

    /// The relay machine at a site.
    #[must_use]
    pub fn gateway(&self, id: SiteId) -> Gateway {
        self.gateways[usize::from(id.0)]
    }

    /// The link from a site to another, if there is one.
    #[must_use]
    pub fn link(&self, from: SiteId, to: SiteId) -> Option<&Link> {
        self.links[usize::from(from.0) * self.sites.len() + usize::from(to.0)].as_ref()
    }

    /// The tariffs that [`LinkPrice::Tariff`] refers to.
    #[must_use]
    pub fn tariffs(&self) -> &Tariffs {
        &self.tariffs
    }

    /// The site of a name; a region also finds the first of its zones.
    #[must_use]
    pub fn find(&self, name: &SiteName) -> Option<SiteId> {
        let exact = self.ids().find(|id| self.site(*id).name == *name);
        exact.or_else(|| {
            self.ids().find(|id| {
                let site = self.site(*id);
                site.name.provider == name.provider && site.region == name.place
            })
        })
    }

    /// Rate of the best single pair of machines: the link's, within what both machines may send and take.
    #[must_use]
    pub fn direct_rate(&self, from: SiteId, to: SiteId) -> Option<BitsPerSecond> {
        let link = self.link(from, to)?;
        Some(link.rate.min(self.gateway(from).egress).min(self.gateway(to).ingress))
    }

    /// Price of a volume on a link after `already` this month on its meter; the largest amount when it is beyond
    /// that.
    #[must_use]
    pub fn price(&self, price: LinkPrice, already: Bytes, bytes: Bytes) -> Usd {
        self.nanos(price, already, bytes).and_then(Usd::checked_from_nanos).unwrap_or(Usd::MAX)
    }

    /// The same in nano-dollars; `None` when no volume is as large as both together.
    pub(crate) fn nanos(&self, price: LinkPrice, already: Bytes, bytes: Bytes) -> Option<i128> {
        match price {
            LinkPrice::Tariff(id) => self.tariffs.get(id).marginal_nanos(already, bytes),
            LinkPrice::PerGb(per_gb) => Some(per_gb.nanos_over(bytes)),
        }
    }
}
