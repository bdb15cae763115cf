//! Offers by their names.

use crate::tables::Tables;
use crate::{Catalog, Kind, Offer};
use std::collections::BTreeSet;
use welkin_name::{Name, Place, ProviderId};

impl Catalog<'_> {
    /// The providers of all places.
    #[must_use]
    pub fn providers(&self) -> BTreeSet<ProviderId> {
        let names: BTreeSet<&str> = self.places().map(|(_, place)| place.provider).collect();
        names.into_iter().map(opened).collect()
    }
}

/// A provider as a catalog has it.
fn opened(name: &str) -> ProviderId {
    name.parse().expect("no catalog is opened that calls a provider what none can be called")
}

impl Offer<'_> {
    /// Where it is, as names, plans and providers have it.
    #[must_use]
    pub fn named_place(&self) -> Place {
        let zone = self.zone.map(str::to_owned);
        Place { provider: opened(self.place.provider), region: self.place.region.to_owned(), zone }
    }

    /// The name of this offer on demand; `None` where the provider's own words cannot stand in one (marketplaces
    /// call their regions `Denmark, DK, EU`).
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        let kind = match self.kind {
            Kind::Vm => "vm",
            Kind::Tpu => "tpu",
        };
        let mut builder = self.named_place().offers(kind, self.instance_type);
        if let Some(device) = self.accelerator {
            builder = builder.qualifier("hw", &hardware(device.name, device.count_milli));
        }
        let tee = self.tee.names().collect::<Vec<_>>().join(",");
        if !tee.is_empty() {
            builder = builder.qualifier("tee", &tee);
        }
        builder.build().ok()
    }

    /// The names under which it can be had: on demand, and on the spot market where it is sold there.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        let plain = self.name();
        let spot = plain.as_ref().filter(|_| self.spot.is_some());
        let spot = spot.and_then(|name| name.to_builder().qualifier("tier", "spot").build().ok());
        plain.into_iter().chain(spot)
    }
}

/// Accelerators as names have them: vendor, model and count, as in `nvidia-h100:8`.
#[must_use]
pub fn hardware(accelerator: &str, count_milli: u32) -> String {
    let model = accelerator.to_lowercase().replace([' ', '_'], "-");
    let (whole, rest) = (count_milli / 1000, count_milli % 1000);
    let count = match rest {
        0 => whole.to_string(),
        _ => format!("{whole}.{rest:03}").trim_end_matches('0').to_owned(),
    };
    let vendor = Tables::embedded().accelerators.get(accelerator).map(|known| known.vendor.clone());
    match vendor.filter(|vendor| !vendor.is_empty() && !model.starts_with(&**vendor)) {
        Some(vendor) => format!("{vendor}-{model}:{count}"),
        None => format!("{model}:{count}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlignedBytes, Catalog, starter};

    #[test]
    fn every_starter_offer_has_a_name_of_its_own_that_it_parses_back_to() {
        let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for offer in catalog.offers() {
            let name = offer.name().unwrap_or_else(|| panic!("{offer:?} has no name"));
            assert_eq!(Name::parse(name.as_str()).unwrap(), name);
            assert!(names.insert(name.to_string()), "{name} names two offers");
        }
        assert!(names.iter().any(|name| name.contains("hw=nvidia-h100:8")), "{:?}", names.first());
    }
}
