//! Kinds of machines with accelerators, each where it is cheapest.

use std::collections::BTreeMap;
use welkin_catalog::{Catalog, Filter, Kind, Offer};
use welkin_clouds::Local;
use welkin_units::Usd;

/// Numbers of machines that are tried for a step that is split over several.
pub const HOSTS_TRIED: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Machines with whole accelerators on demand, each type of a provider where it is cheapest.
#[must_use]
pub fn cheapest_machines<'a>(catalog: &Catalog<'a>, providers: &[String]) -> Vec<(Offer<'a>, Usd)> {
    let deny_providers = vec![Local::NAME.to_owned()];
    let filter = Filter { providers: providers.to_vec(), deny_providers, ..Filter::default() };
    let mut best: BTreeMap<(&str, &str, u32), (Offer<'a>, Usd)> = BTreeMap::new();
    for id in catalog.select(&filter).ids {
        let offer = catalog.offer(id);
        let (Some(accelerator), Some(price), Kind::Vm) = (offer.accelerator, offer.on_demand, offer.kind)
        else {
            continue;
        };
        if accelerator.count_milli == 0 || !accelerator.count_milli.is_multiple_of(1000) || price <= Usd::ZERO
        {
            continue;
        }
        let key = (offer.place.provider, offer.instance_type, accelerator.count_milli);
        let known = best.entry(key).or_insert((offer, price));
        if price < known.1 {
            *known = (offer, price);
        }
    }
    best.into_values().collect()
}
