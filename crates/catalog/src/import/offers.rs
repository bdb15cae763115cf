//! The parsed offers of a file and the names they refer to by number.

use super::intern::Interner;
use crate::{Arch, Kind, Row, RowAccelerator, RowDevice, RowPlace, RowSource, TeeSet};
use std::collections::HashMap;
use std::sync::Arc;
use welkin_units::Usd;

/// What makes two rows the same offer: numbers of the interners of [`Offers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) instance_type: u32,
    /// One more than the device's number; 0 for none.
    pub(super) device: u32,
    pub(super) count_milli: u32,
    pub(super) place: u32,
    pub(super) zone: u32,
}

impl Key {
    /// The order of the fields as one number. Devices and places of a list are bounded below 2¹⁶.
    pub(super) fn rank(&self) -> u128 {
        u128::from(self.instance_type) << 96
            | u128::from(self.device & 0xffff) << 80
            | u128::from(self.count_milli) << 48
            | u128::from(self.place & 0xffff) << 32
            | u128::from(self.zone)
    }
}

/// One row, parsed. A row without machine type is an accelerator to be put on a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parsed {
    pub(super) key: Key,
    pub(super) line: u32,
    pub(super) kind: Kind,
    pub(super) vcpus_milli: u32,
    pub(super) memory_mib: u32,
    pub(super) arch: Arch,
    pub(super) network_mbps: u32,
    pub(super) enclaves: bool,
    pub(super) undersized: bool,
    pub(super) on_demand: Option<Usd>,
    pub(super) spot: Option<Usd>,
}

/// The offers of a file and the names they refer to.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub(super) rows: Vec<Parsed>,
    pub(super) types: Interner,
    pub(super) type_facts: Vec<TypeFacts>,
    pub(super) regions: Interner,
    pub(super) places: Vec<Arc<RowPlace>>,
    pub(super) zones: Interner,
    pub(super) devices: Vec<Arc<RowDevice>>,
    pub(super) tee: HashMap<(u32, u32), TeeSet>,
}

/// What a machine type's name says.
#[derive(Debug)]
pub(super) struct TypeFacts {
    pub(super) arch: Arch,
    pub(super) burstable: bool,
    pub(super) for_sale: bool,
    /// Most vCPUs that its name allows for, in thousandths.
    pub(super) most_vcpus_milli: u32,
    /// Rules of the TEE table.
    pub(super) tee_rules: Vec<u32>,
}

impl Offers {
    /// Name of the place with this number, for messages.
    pub(super) fn region(&self, place: u32) -> &str {
        self.regions.text(place)
    }

    /// The offers as rows of a catalog.
    pub(super) fn into_rows(self, source: &Arc<RowSource>, min_billed_s: u16) -> Vec<Row> {
        let Self { rows, types, type_facts, places, zones, devices, tee, .. } = self;
        let row = |parsed: Parsed| {
            let Key { instance_type, device, count_milli, place, zone } = parsed.key;
            let nitro = if parsed.enclaves { TeeSet::NITRO } else { TeeSet::default() };
            let accelerator = device
                .checked_sub(1)
                .map(|device| RowAccelerator { device: devices[device as usize].clone(), count_milli });
            Row {
                place: places[place as usize].clone(),
                zone: zones.text(zone).clone(),
                kind: parsed.kind,
                instance_type: types.text(instance_type).clone(),
                vcpus_milli: parsed.vcpus_milli,
                memory_mib: parsed.memory_mib,
                arch: parsed.arch,
                burstable: type_facts[instance_type as usize].burstable,
                undersized: parsed.undersized,
                accelerator,
                network_mbps: parsed.network_mbps,
                tee: tee.get(&(instance_type, place)).map_or(nitro, |tee| tee.union(nitro)),
                on_demand: parsed.on_demand,
                spot: parsed.spot,
                min_billed_s,
                source: source.clone(),
            }
        };
        rows.into_iter().map(row).collect()
    }
}
