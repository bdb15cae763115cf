//! Offers as rows and as JSON.

use super::table::{Align, Table};
use super::words::{accelerator, thousandths};
use serde::Serialize;
use welkin_catalog::{Catalog, Offer, OfferId};
use welkin_units::{Bytes, Usd};

/// An offer as JSON; money in nano-dollars, memory in bytes.
#[derive(Serialize)]
pub(crate) struct OfferWire<'a> {
    /// Its name, where it has one.
    name: Option<String>,
    provider: &'a str,
    region: &'a str,
    zone: Option<&'a str>,
    country: &'a str,
    jurisdiction: &'a str,
    kind: welkin_catalog::Kind,
    instance_type: &'a str,
    vcpus_milli: u32,
    memory_bytes: Bytes,
    accelerator: Option<AcceleratorWire<'a>>,
    network_bits_per_s: u64,
    tee: Vec<&'static str>,
    on_demand_nano_usd: Option<Usd>,
    spot_nano_usd: Option<Usd>,
    source: &'a str,
    as_of: &'a str,
}

#[derive(Serialize)]
struct AcceleratorWire<'a> {
    name: &'a str,
    count_milli: u32,
    memory_bytes: Bytes,
}

impl<'a> OfferWire<'a> {
    pub(crate) fn new(catalog: &Catalog<'a>, id: OfferId) -> Self {
        let offer = catalog.offer(id);
        Self {
            name: offer.name().map(|name| name.to_string()),
            provider: offer.place.provider,
            region: offer.place.region,
            zone: offer.zone,
            country: offer.place.country,
            jurisdiction: offer.place.jurisdiction,
            kind: offer.kind,
            instance_type: offer.instance_type,
            vcpus_milli: offer.vcpus_milli,
            memory_bytes: offer.memory,
            accelerator: offer.accelerator.map(|device| AcceleratorWire {
                name: device.name,
                count_milli: device.count_milli,
                memory_bytes: device.memory,
            }),
            network_bits_per_s: offer.network.get(),
            tee: offer.tee.names().collect(),
            on_demand_nano_usd: offer.on_demand,
            spot_nano_usd: offer.spot,
            source: offer.source.name,
            as_of: offer.source.as_of,
        }
    }
}

/// Offers as a table.
pub(crate) fn offer_table(catalog: &Catalog<'_>, ids: &[OfferId]) -> Table {
    let mut table = Table::new([
        ("PROVIDER", Align::Left),
        ("REGION", Align::Left),
        ("ZONE", Align::Left),
        ("INSTANCE", Align::Left),
        ("VCPU", Align::Right),
        ("MEMORY", Align::Right),
        ("ACCELERATOR", Align::Left),
        ("TEE", Align::Left),
        ("ON DEMAND/H", Align::Right),
        ("SPOT/H", Align::Right),
        ("PRICES OF", Align::Left),
    ]);
    for id in ids {
        table.row(cells(&catalog.offer(*id)));
    }
    table
}

fn cells(offer: &Offer<'_>) -> [String; 11] {
    let price = |price: Option<Usd>| price.map_or(String::new(), |price| price.to_string());
    [
        offer.place.provider.to_owned(),
        offer.place.region.to_owned(),
        offer.zone.unwrap_or_default().to_owned(),
        offer.instance_type.to_owned(),
        if offer.vcpus_milli == 0 { String::new() } else { thousandths(u64::from(offer.vcpus_milli)) },
        gib(offer.memory),
        offer.accelerator.map_or(String::new(), |device| accelerator(device.name, device.count_milli)),
        offer.tee.names().collect::<Vec<_>>().join(","),
        price(offer.on_demand),
        price(offer.spot),
        offer.source.as_of.to_owned(),
    ]
}

/// Memory is sold in binary units.
fn gib(memory: Bytes) -> String {
    match memory.get() {
        0 => String::new(),
        bytes => format!("{} GiB", thousandths(bytes.saturating_mul(1000) >> 30)),
    }
}
