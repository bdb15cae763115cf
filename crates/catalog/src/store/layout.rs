//! Where each part of the file lies.
//!
//! ```text
//! 0    magic, 8 bytes
//! 8    schema version, u32
//! 12   rows, u32
//! 16   length of the whole file, u64
//! 24   checksum of everything from byte 32 on, u64
//! 32   digest of the content (everything after the header) as 64 hex digits
//! 96   one (offset u64, length u64) for each section, in the order of `Section`
//! …    sections, each on a multiple of 8, zero bytes between
//! ```
//! All numbers are little-endian. Tables are arrays of `u32` records; columns are arrays of one
//! integer per offer.

/// First bytes of a file.
pub(super) const MAGIC: [u8; 8] = *b"WELKCAT\n";

/// Version of the layout and of the meaning of its fields. Raised by every change to either; a file
/// of another version is refused and rebuilt, never migrated.
pub const SCHEMA_VERSION: u32 = 2;

pub(super) const ROWS_AT: usize = 12;
pub(super) const LENGTH_AT: usize = 16;
pub(super) const CHECKSUM_AT: usize = 24;
/// First byte under the checksum.
pub(super) const SUMMED_FROM: usize = 32;
pub(super) const DIGEST_AT: usize = 32;
pub(super) const DIGEST_LEN: usize = 64;
pub(super) const SECTIONS_AT: usize = DIGEST_AT + DIGEST_LEN;
pub(super) const HEADER_LEN: usize = SECTIONS_AT + 16 * Section::COUNT;

/// Fields of one place record: provider, region, country, jurisdiction, certificates (text ids),
/// continent, restricted.
pub(super) const PLACE_FIELDS: usize = 7;
/// Fields of one accelerator record: name (text id), memory in MiB.
pub(super) const ACCELERATOR_FIELDS: usize = 2;
/// Fields of one source record: name, date (text ids).
pub(super) const SOURCE_FIELDS: usize = 2;

/// Parts of the file in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Section {
    Places,
    Accelerators,
    Sources,
    TextOffsets,
    TextBytes,
    ZoneOffsets,
    ZoneBytes,
    TypeOffsets,
    TypeBytes,
    OnDemand,
    Spot,
    Zone,
    InstanceType,
    Vcpus,
    Memory,
    AcceleratorCount,
    Network,
    Place,
    Accelerator,
    Source,
    MinBilled,
    Arch,
    Tee,
    Flags,
}

impl Section {
    pub(super) const COUNT: usize = Self::Flags as usize + 1;

    /// Where the section's entry in the header lies.
    pub(super) const fn entry_at(self) -> usize {
        SECTIONS_AT + 16 * self as usize
    }
}
