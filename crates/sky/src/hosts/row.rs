//! A host as an offer of the catalog.

use std::sync::Arc;
use welkin_catalog::{Arch, Continent, Kind, Row, RowAccelerator, RowDevice, RowPlace, RowSource, TeeSet};
use welkin_provider::Stock;

pub(super) fn row(stock: &Stock) -> Row {
    let machine = &stock.machine;
    Row {
        place: Arc::new(RowPlace {
            provider: stock.location.provider.as_str().into(),
            region: stock.location.region.as_str().into(),
            country: "".into(),
            jurisdiction: "".into(),
            continent: Continent::Unknown,
            certs: "".into(),
            restricted: false,
        }),
        zone: stock.location.zone.as_deref().unwrap_or_default().into(),
        kind: Kind::Vm,
        instance_type: machine.instance_type.as_str().into(),
        vcpus_milli: machine.vcpus_milli,
        memory_mib: u32::try_from(machine.memory.get() >> 20).unwrap_or(u32::MAX),
        arch: match stock.arch.as_str() {
            "x86_64" => Arch::X86_64,
            "aarch64" => Arch::Arm64,
            _ => Arch::Unknown,
        },
        burstable: false,
        undersized: false,
        accelerator: machine.accelerator.as_ref().map(|accelerator| RowAccelerator {
            device: Arc::new(RowDevice { name: accelerator.name.as_str().into(), memory_mib: 0 }),
            count_milli: accelerator.count_milli,
        }),
        network_mbps: 0,
        tee: TeeSet::default(),
        on_demand: Some(stock.hourly),
        spot: None,
        min_billed_s: 0,
        source: Arc::new(RowSource { name: "hosts.yaml".into(), as_of: "".into() }),
    }
}
