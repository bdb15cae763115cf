//! This machine as an offer.

use std::sync::Arc;
use welkin_catalog::{Arch, Continent, Kind, Row, RowPlace, RowSource, TeeSet};
use welkin_clouds::{Hardware, Local};
use welkin_units::Usd;

/// This machine as an offer: for tasks that ask for it by name.
pub(super) fn this_machine() -> Row {
    let hardware = Hardware::detect();
    let arch = match std::env::consts::ARCH {
        "x86_64" => Arch::X86_64,
        "aarch64" => Arch::Arm64,
        _ => Arch::Unknown,
    };
    Row {
        place: Arc::new(RowPlace {
            provider: Local::NAME.into(),
            region: Local::REGION.into(),
            country: "".into(),
            jurisdiction: "".into(),
            continent: Continent::Unknown,
            certs: "".into(),
            restricted: false,
        }),
        zone: "".into(),
        kind: Kind::Vm,
        instance_type: Local::INSTANCE_TYPE.into(),
        vcpus_milli: hardware.vcpus_milli,
        memory_mib: u32::try_from(hardware.memory.get() >> 20).unwrap_or(u32::MAX),
        arch,
        burstable: false,
        undersized: false,
        accelerator: None,
        network_mbps: 0,
        tee: TeeSet::default(),
        on_demand: Some(Usd::ZERO),
        spot: None,
        min_billed_s: 0,
        source: Arc::new(RowSource { name: "this machine".into(), as_of: "".into() }),
    }
}
