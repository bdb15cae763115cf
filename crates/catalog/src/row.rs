//! One offer on its way into a store: owned, decoded, shared text.
//!
//! Importers make rows, merging and checking look at them, [`crate::CatalogBuilder`] turns them
//! into columns. Text that repeats is behind an [`Arc`]: 91,000 rows name some 200 places and
//! 2,500 machine types, so a row costs about 150 bytes and no string of its own.

use crate::{Arch, Continent, Kind, TeeSet};
use std::sync::Arc;
use welkin_units::Usd;

/// Text shared between rows.
pub type Text = Arc<str>;

/// One offer, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Provider and region, with what is known about them.
    pub place: Arc<RowPlace>,
    /// Zone; empty where the provider sells by region.
    pub zone: Text,
    /// What is offered.
    pub kind: Kind,
    /// Provider's name of the machine type.
    pub instance_type: Text,
    /// Virtual CPUs in thousandths; 0 when unknown.
    pub vcpus_milli: u32,
    /// Memory in MiB; 0 when unknown.
    pub memory_mib: u32,
    /// Processor architecture.
    pub arch: Arch,
    /// Whether the vCPUs are shared or burstable.
    pub burstable: bool,
    /// Whether the host has less memory than its accelerators together: sold, but it starves them.
    pub undersized: bool,
    /// Accelerators of one machine.
    pub accelerator: Option<RowAccelerator>,
    /// Network rate in Mbit/s; 0 when unknown.
    pub network_mbps: u32,
    /// Trusted execution environments.
    pub tee: TeeSet,
    /// Price per hour on demand.
    pub on_demand: Option<Usd>,
    /// Price per hour on the spot market.
    pub spot: Option<Usd>,
    /// Smallest time that is billed, in seconds.
    pub min_billed_s: u16,
    /// Where the row comes from.
    pub source: Arc<RowSource>,
}

/// One region of one provider, owned; fields as in [`crate::Place`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowPlace {
    /// Provider's short name in lower case.
    pub provider: Text,
    /// Region as the provider spells it.
    pub region: Text,
    /// ISO 3166-1 alpha-2 country in lower case; empty when unknown.
    pub country: Text,
    /// Jurisdiction in lower case; empty when unknown.
    pub jurisdiction: Text,
    /// Continent.
    pub continent: Continent,
    /// Certificates of the region in lower case, joined by `;`.
    pub certs: Text,
    /// Whether an ordinary account cannot buy here (government and sovereign partitions).
    pub restricted: bool,
}

/// Accelerators of one machine, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowAccelerator {
    /// Which device.
    pub device: Arc<RowDevice>,
    /// Devices (chips, for a TPU) in thousandths.
    pub count_milli: u32,
}

/// An accelerator model, owned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowDevice {
    /// Normalised name.
    pub name: Text,
    /// Memory of one device in MiB; 0 when unknown.
    pub memory_mib: u32,
}

/// Where rows come from, owned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowSource {
    /// File or feed.
    pub name: Text,
    /// Date of the values, `YYYY-MM-DD`.
    pub as_of: Text,
}
