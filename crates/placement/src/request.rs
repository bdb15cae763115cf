//! What a plan is asked for.

use std::collections::BTreeMap;
use welkin_catalog::Catalog;
use welkin_catalog::tables::Tables;
use welkin_job::Job;
use welkin_name::Place;
use welkin_route::{Rates, Tariffs};
use welkin_units::Bytes;

/// Everything a plan depends on. Planning reads nothing else: equal requests give equal plans.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The job.
    pub job: &'a Job,
    /// What can be had.
    pub catalog: &'a Catalog<'a>,
    /// Facts about regions, accelerators and trusted execution environments.
    pub tables: &'a Tables,
    /// What moving data costs.
    pub tariffs: &'a Tariffs,
    /// How long moving data takes.
    pub rates: &'a Rates,
    /// Providers in reach; empty means every provider of the catalog.
    pub providers: &'a [String],
    /// Volume already sent this month, by meter.
    pub month_to_date: &'a BTreeMap<String, Bytes>,
    /// Places that refused lately, left out.
    pub blocked: &'a [Blocked],
    /// How many times the usual work a search may do before it is cut short; 1 is usual.
    pub effort: u32,
}

/// A place that refused lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Where; without a zone, all of the region.
    pub place: Place,
    /// Machine type; `None` blocks all.
    pub instance_type: Option<String>,
}

impl Blocked {
    pub(crate) fn covers(&self, offer: &welkin_catalog::Offer<'_>) -> bool {
        self.place.provider == offer.place.provider
            && self.place.region == offer.place.region
            && self.place.zone.as_deref().is_none_or(|zone| offer.zone == Some(zone))
            && self.instance_type.as_deref().is_none_or(|name| offer.instance_type == name)
    }
}
