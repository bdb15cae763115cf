//! From rows to bytes.
//!
//! 1. Every row is reduced to numbers on arrival; its text goes into dictionaries.
//! 2. `finish` sorts each dictionary, renumbers, and sorts the rows by all their fields, so that
//!    neither the order of rows nor that of dictionaries depends on the input. Identical rows
//!    become one.
//! 3. Columns are written side by side, some thousand rows at a time; digest and checksum close the
//!    header.
//!
//! A million rows are 56 MB on their way, and 51 MB when they are written: at no time is there more of
//! them than both.

use super::checksum::checksum;
use super::columns::{NOT_OFFERED, flags};
use super::layout::{
    CHECKSUM_AT, DIGEST_AT, HEADER_LEN, LENGTH_AT, MAGIC, ROWS_AT, SCHEMA_VERSION, SUMMED_FROM, Section,
};
use crate::{Kind, Row, RowDevice, RowPlace, RowSource, Text};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use thiserror::Error;

/// Most offers in one catalog: four times the design's target of a million; the ids are 32 bits.
pub(crate) const MAX_ROWS: usize = 4_000_000;
/// Most entries of a dictionary with 16-bit indices (places, accelerators, sources); one is kept
/// for "none".
const MAX_SMALL: usize = u16::MAX as usize - 1;

/// Why a row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There are as many offers as a catalog can hold.
    #[error("a catalog holds at most {limit} offers")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
    /// There are as many different places, accelerators or sources as a catalog can hold.
    #[error("a catalog holds at most {limit} different {what}")]
    TooManyNames {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// Rows that are written together: 230 KB of them, which stay in the processor's cache.
const BLOCK: usize = 4_096;

/// The columns in the order of the file, each with the bytes of one entry.
const COLUMNS: [(Section, usize); 15] = [
    (Section::OnDemand, 8),
    (Section::Spot, 8),
    (Section::Zone, 4),
    (Section::InstanceType, 4),
    (Section::Vcpus, 4),
    (Section::Memory, 4),
    (Section::AcceleratorCount, 4),
    (Section::Network, 4),
    (Section::Place, 2),
    (Section::Accelerator, 2),
    (Section::Source, 2),
    (Section::MinBilled, 2),
    (Section::Arch, 1),
    (Section::Tee, 1),
    (Section::Flags, 1),
];

/// Collects rows and writes the store.
#[derive(Debug, Default)]
pub struct CatalogBuilder {
    places: Dictionary<Arc<RowPlace>>,
    devices: Dictionary<Arc<RowDevice>>,
    sources: Dictionary<Arc<RowSource>>,
    zones: Dictionary<Text>,
    types: Dictionary<Text>,
    rows: Vec<Packed>,
}

/// A row as numbers. The order of the fields is the order of offers in a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Packed {
    place: u16,
    zone: u32,
    instance_type: u32,
    /// 0 when there is none, else one more than the device's index.
    accelerator: u16,
    accelerator_count_milli: u32,
    on_demand: i64,
    spot: i64,
    vcpus_milli: u32,
    memory_mib: u32,
    network_mbps: u32,
    source: u16,
    min_billed_s: u16,
    arch: u8,
    tee: u8,
    flags: u8,
}

impl Packed {
    /// The first fields of the order as one number, which is compared in two steps instead of five.
    fn rank(&self) -> u128 {
        u128::from(self.place) << 112
            | u128::from(self.zone) << 80
            | u128::from(self.instance_type) << 48
            | u128::from(self.accelerator) << 32
            | u128::from(self.accelerator_count_milli)
    }
}

impl CatalogBuilder {
    /// An empty catalog.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds one offer.
    ///
    /// # Errors
    /// [`BuildError`] when the catalog is full; the row is left out and the builder stays usable.
    pub fn push(&mut self, row: &Row) -> Result<(), BuildError> {
        if self.rows.len() >= MAX_ROWS {
            return Err(BuildError::TooManyRows { limit: MAX_ROWS });
        }
        let too_many = |what| BuildError::TooManyNames { what, limit: MAX_SMALL };
        let place = self.places.intern(&row.place, MAX_SMALL).ok_or(too_many("places"))?;
        let source = self.sources.intern(&row.source, MAX_SMALL).ok_or(too_many("sources"))?;
        let (accelerator, accelerator_count_milli) = match &row.accelerator {
            Some(accelerator) => {
                let device = self.devices.intern(&accelerator.device, MAX_SMALL);
                (small(device.ok_or(too_many("accelerators"))? + 1), accelerator.count_milli)
            }
            None => (0, 0),
        };
        // Zones and types cannot outnumber rows, whose limit was checked above.
        let zone = self.zones.intern(&row.zone, usize::MAX).unwrap_or_default();
        let instance_type = self.types.intern(&row.instance_type, usize::MAX).unwrap_or_default();
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        self.rows.push(Packed {
            place: small(place),
            zone,
            instance_type,
            accelerator,
            accelerator_count_milli,
            on_demand: row.on_demand.map_or(NOT_OFFERED, welkin_units::Usd::nanos),
            spot: row.spot.map_or(NOT_OFFERED, welkin_units::Usd::nanos),
            vcpus_milli: row.vcpus_milli,
            memory_mib: row.memory_mib,
            network_mbps: row.network_mbps,
            source: small(source),
            min_billed_s: row.min_billed_s,
            arch: row.arch as u8,
            tee: row.tee.0,
            flags: flag(row.burstable, flags::BURSTABLE)
                | flag(row.kind == Kind::Tpu, flags::TPU)
                | flag(row.undersized, flags::UNDERSIZED),
        });
        Ok(())
    }

    /// The finished store. Equal sets of rows give equal bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        // "No zone" must be entry 0, which the empty string is once the names are sorted.
        let _ = self.zones.intern(&Text::from(""), usize::MAX);
        let (places, place_at) = self.places.sorted();
        let (devices, device_at) = self.devices.sorted();
        let (sources, source_at) = self.sources.sorted();
        let (zones, zone_at) = self.zones.sorted();
        let (types, type_at) = self.types.sorted();
        for row in &mut self.rows {
            row.place = small(place_at[usize::from(row.place)]);
            row.source = small(source_at[usize::from(row.source)]);
            row.zone = zone_at[row.zone as usize];
            row.instance_type = type_at[row.instance_type as usize];
            if row.accelerator > 0 {
                row.accelerator = small(device_at[usize::from(row.accelerator) - 1] + 1);
            }
        }
        self.rows.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()).then_with(|| one.cmp(other)));
        self.rows.dedup();

        let mut texts = Texts::default();
        let mut file = Writer::new(self.rows.len());
        file.u32s(
            Section::Places,
            places.iter().flat_map(|place| {
                [
                    texts.id(&place.provider),
                    texts.id(&place.region),
                    texts.id(&place.country),
                    texts.id(&place.jurisdiction),
                    texts.id(&place.certs),
                    place.continent as u32,
                    u32::from(place.restricted),
                ]
            }),
        );
        // Entry 0 stands for "no accelerator" and is never shown.
        file.u32s(
            Section::Accelerators,
            [texts.id(""), 0]
                .into_iter()
                .chain(devices.iter().flat_map(|device| [texts.id(&device.name), device.memory_mib])),
        );
        file.u32s(
            Section::Sources,
            sources.iter().flat_map(|source| [texts.id(&source.name), texts.id(&source.as_of)]),
        );
        file.strings(Section::TextOffsets, Section::TextBytes, texts.entries.iter().map(|text| &**text));
        file.strings(Section::ZoneOffsets, Section::ZoneBytes, zones.iter().map(|text| &**text));
        file.strings(Section::TypeOffsets, Section::TypeBytes, types.iter().map(|text| &**text));
        file.columns(&self.rows);
        drop(self.rows);
        file.finish()
    }
}

/// An index into a dictionary that was filled under [`MAX_SMALL`].
#[expect(clippy::cast_possible_truncation, reason = "interning stops below 65,535 entries")]
fn small(index: u32) -> u16 {
    debug_assert!(index <= u32::from(u16::MAX));
    index as u16
}

/// Values numbered in order of arrival.
#[derive(Debug)]
struct Dictionary<T> {
    index: HashMap<T, u32>,
    values: Vec<T>,
    /// By number: the number that came next the last time. Rows come grouped and in the same order of places and
    /// zones over and over, so that most values are found without a hash.
    next: Vec<u32>,
    latest: u32,
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self { index: HashMap::new(), values: Vec::new(), next: Vec::new(), latest: 0 }
    }
}

impl<T: Clone + Eq + Hash + Ord> Dictionary<T> {
    /// The number of `value`; `None` when it is new and the dictionary is full.
    fn intern(&mut self, value: &T, limit: usize) -> Option<u32> {
        let latest = self.latest as usize;
        for guess in [Some(self.latest), self.next.get(latest).copied()].into_iter().flatten() {
            if self.values.get(guess as usize) == Some(value) {
                self.latest = guess;
                return Some(guess);
            }
        }
        let index = self.find_or_add(value, limit)?;
        if let Some(next) = self.next.get_mut(latest) {
            *next = index;
        }
        self.latest = index;
        Some(index)
    }

    fn find_or_add(&mut self, value: &T, limit: usize) -> Option<u32> {
        if let Some(&index) = self.index.get(value) {
            return Some(index);
        }
        let next = self.index.len();
        if next >= limit {
            return None;
        }
        let next = u32::try_from(next).ok()?;
        self.index.insert(value.clone(), next);
        self.values.push(value.clone());
        self.next.push(next);
        Some(next)
    }

    /// The values in order, and for each number of arrival its new number.
    fn sorted(self) -> (Vec<T>, Vec<u32>) {
        let mut entries: Vec<(T, u32)> = self.index.into_iter().collect();
        entries.sort_unstable();
        let mut renumbered = vec![0; entries.len()];
        for (new, (_, old)) in (0_u32..).zip(&entries) {
            renumbered[*old as usize] = new;
        }
        (entries.into_iter().map(|(value, _)| value).collect(), renumbered)
    }
}

/// Text of the small tables, in the order in which the sorted tables mention it.
#[derive(Default)]
struct Texts {
    index: HashMap<Box<str>, u32>,
    entries: Vec<Box<str>>,
}

impl Texts {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.index.get(text) {
            return id;
        }
        // At most five texts for each of 65,534 places: far below 2³².
        let id = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.index.insert(text.into(), id);
        self.entries.push(text.into());
        id
    }
}

/// Appends sections and fills in their header entries.
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn new(rows: usize) -> Self {
        // Columns take 51 bytes a row; the tables rarely more than 100 KiB.
        let mut bytes = Vec::with_capacity(HEADER_LEN + rows * 51 + (100 << 10));
        bytes.resize(HEADER_LEN, 0);
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&SCHEMA_VERSION.to_le_bytes());
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        bytes[ROWS_AT..ROWS_AT + 4].copy_from_slice(&rows.to_le_bytes());
        Self { bytes }
    }

    fn section(&mut self, section: Section, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len();
        write(&mut self.bytes);
        let len = self.bytes.len() - offset;
        let at = section.entry_at();
        self.bytes[at..at + 8].copy_from_slice(&(offset as u64).to_le_bytes());
        self.bytes[at + 8..at + 16].copy_from_slice(&(len as u64).to_le_bytes());
    }

    fn u32s(&mut self, section: Section, values: impl Iterator<Item = u32>) {
        self.section(section, |bytes| values.for_each(|value| bytes.extend_from_slice(&value.to_le_bytes())));
    }

    fn strings<'a>(
        &mut self,
        offsets: Section,
        bytes: Section,
        entries: impl Iterator<Item = &'a str> + Clone,
    ) {
        let mut end = 0_u32;
        let ends = entries.clone().map(|entry| {
            end = end.saturating_add(u32::try_from(entry.len()).unwrap_or(u32::MAX));
            end
        });
        self.u32s(offsets, std::iter::once(0).chain(ends));
        self.section(bytes, |bytes| entries.for_each(|entry| bytes.extend_from_slice(entry.as_bytes())));
    }

    /// Writes every column. Rows are taken [`BLOCK`] at a time and written to one column after the other, so
    /// that they are fetched from memory once.
    fn columns(&mut self, rows: &[Packed]) {
        let widths = COLUMNS.map(|(section, width)| (self.reserve(section, rows.len() * width), width));
        let mut done = 0;
        for block in rows.chunks(BLOCK) {
            let mut columns = widths.iter().map(|(at, width)| at + done * width);
            let mut next = || columns.next().unwrap_or(usize::MAX);
            self.column(next(), block, |row| row.on_demand.to_le_bytes());
            self.column(next(), block, |row| row.spot.to_le_bytes());
            self.column(next(), block, |row| row.zone.to_le_bytes());
            self.column(next(), block, |row| row.instance_type.to_le_bytes());
            self.column(next(), block, |row| row.vcpus_milli.to_le_bytes());
            self.column(next(), block, |row| row.memory_mib.to_le_bytes());
            self.column(next(), block, |row| row.accelerator_count_milli.to_le_bytes());
            self.column(next(), block, |row| row.network_mbps.to_le_bytes());
            self.column(next(), block, |row| row.place.to_le_bytes());
            self.column(next(), block, |row| row.accelerator.to_le_bytes());
            self.column(next(), block, |row| row.source.to_le_bytes());
            self.column(next(), block, |row| row.min_billed_s.to_le_bytes());
            self.column(next(), block, |row| [row.arch]);
            self.column(next(), block, |row| [row.tee]);
            self.column(next(), block, |row| [row.flags]);
            done += block.len();
        }
    }

    /// Makes room for a section and gives its offset.
    fn reserve(&mut self, section: Section, len: usize) -> usize {
        let mut offset = 0;
        self.section(section, |bytes| {
            offset = bytes.len();
            bytes.resize(offset + len, 0);
        });
        offset
    }

    fn column<const N: usize>(&mut self, at: usize, rows: &[Packed], field: impl Fn(&Packed) -> [u8; N]) {
        let cells = self.bytes[at..at + rows.len() * N].chunks_exact_mut(N);
        cells.zip(rows).for_each(|(cell, row)| cell.copy_from_slice(&field(row)));
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let length = self.bytes.len() as u64;
        self.bytes[LENGTH_AT..LENGTH_AT + 8].copy_from_slice(&length.to_le_bytes());
        let digest = blake3::hash(&self.bytes[HEADER_LEN..]).to_hex();
        self.bytes[DIGEST_AT..DIGEST_AT + digest.len()].copy_from_slice(digest.as_bytes());
        let sum = checksum(&self.bytes[SUMMED_FROM..]);
        self.bytes[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&sum.to_le_bytes());
        self.bytes
    }
}
