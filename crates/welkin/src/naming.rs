//! Offers by their names.

use crate::output::thousandths;
use welkin_catalog::tables::Tables;
use welkin_catalog::{Kind, Offer, OfferAccelerator};
use welkin_name::Name;

/// The name of an offer; `None` where the provider's own words cannot stand in one (marketplaces call
/// their regions `Denmark, DK, EU`).
pub(crate) fn offer_name(offer: &Offer<'_>) -> Option<Name> {
    let kind = match offer.kind {
        Kind::Vm => "vm",
        Kind::Tpu => "tpu",
    };
    let location = match offer.zone {
        Some(zone) => format!("{}:{zone}", offer.place.region),
        None => offer.place.region.to_owned(),
    };
    let mut builder = Name::builder(offer.place.provider, kind, offer.instance_type).location(&location);
    if let Some(device) = offer.accelerator {
        builder = builder.qualifier("hw", &hardware(&device));
    }
    let tee = offer.tee.names().collect::<Vec<_>>().join(",");
    if !tee.is_empty() {
        builder = builder.qualifier("tee", &tee);
    }
    builder.build().ok()
}

/// The names under which an offer can be had: on demand, and on the spot market where it is sold there.
pub(crate) fn offer_names(offer: &Offer<'_>) -> impl Iterator<Item = Name> {
    let plain = offer_name(offer);
    let spot = plain.as_ref().filter(|_| offer.spot.is_some());
    let spot = spot.and_then(|name| name.to_builder().qualifier("tier", "spot").build().ok());
    plain.into_iter().chain(spot)
}

/// Vendor, model and count, as in `nvidia-h100:8`.
fn hardware(device: &OfferAccelerator<'_>) -> String {
    let model = device.name.to_lowercase().replace([' ', '_'], "-");
    let count = thousandths(u64::from(device.count_milli));
    let vendor = Tables::embedded().accelerators.get(device.name).map(|known| known.vendor.clone());
    match vendor.filter(|vendor| !vendor.is_empty() && !model.starts_with(&**vendor)) {
        Some(vendor) => format!("{vendor}-{model}:{count}"),
        None => format!("{model}:{count}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_catalog::{AlignedBytes, Catalog, starter};

    #[test]
    fn every_starter_offer_has_a_name_of_its_own_that_it_parses_back_to() {
        let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        let mut names = std::collections::BTreeSet::new();
        for offer in catalog.offers() {
            let name = offer_name(&offer).unwrap_or_else(|| panic!("{offer:?} has no name"));
            assert_eq!(Name::parse(name.as_str()).unwrap(), name);
            assert!(names.insert(name.to_string()), "{name} names two offers");
        }
        assert!(names.iter().any(|name| name.contains("hw=nvidia-h100:8")), "{:?}", names.first());
    }
}
