//! Raw columns, for code that scans.

/// Price of a market on which the offer is not sold: greater than any real one, so that a minimum
/// over a price column needs no special case.
pub const NOT_OFFERED: i64 = i64::MAX;

/// Bits of the `flags` column.
pub mod flags {
    /// The vCPUs are shared or burstable.
    pub const BURSTABLE: u8 = 1;
    /// A TPU slice rather than a virtual machine.
    pub const TPU: u8 = 2;
    /// The host has less memory than its accelerators together.
    pub const UNDERSIZED: u8 = 4;
    /// All bits in use.
    pub(crate) const ALL: u8 = BURSTABLE | TPU | UNDERSIZED;
}

/// One slice per field, all of the length of the catalog; entry *i* belongs to
/// [`crate::OfferId`]`(i)`. Indices are valid for the catalog they come from.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Index of the place ([`crate::PlaceId`]).
    pub place: &'a [u16],
    /// Index of the zone's name; 0 when sold by region.
    pub zone: &'a [u32],
    /// Index of the machine type's name.
    pub instance_type: &'a [u32],
    /// Virtual CPUs in thousandths; 0 when unknown.
    pub vcpus_milli: &'a [u32],
    /// Memory in MiB; 0 when unknown.
    pub memory_mib: &'a [u32],
    /// Index of the accelerator; 0 when there is none.
    pub accelerator: &'a [u16],
    /// Accelerators in thousandths; 0 when there is none.
    pub accelerator_count_milli: &'a [u32],
    /// [`crate::Arch`] as a number.
    pub arch: &'a [u8],
    /// [`crate::TeeSet`] as bits.
    pub tee: &'a [u8],
    /// Bits of [`flags`].
    pub flags: &'a [u8],
    /// Nano-dollars per hour on demand; [`NOT_OFFERED`] when not sold.
    pub on_demand_nanos: &'a [i64],
    /// Nano-dollars per hour on the spot market; [`NOT_OFFERED`] when not sold.
    pub spot_nanos: &'a [i64],
    /// Network rate in Mbit/s; 0 when unknown.
    pub network_mbps: &'a [u32],
    /// Smallest time that is billed, in seconds.
    pub min_billed_s: &'a [u16],
    /// Index of the source.
    pub source: &'a [u16],
}
