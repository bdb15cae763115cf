//! Opening a store and looking at its offers.

use super::build::MAX_ROWS;
use super::checksum::checksum;
use super::columns::{Columns, NOT_OFFERED, flags};
use super::file::File;
use super::layout::{
    ACCELERATOR_FIELDS, CHECKSUM_AT, DIGEST_AT, DIGEST_LEN, HEADER_LEN, LENGTH_AT, MAGIC, PLACE_FIELDS,
    ROWS_AT, SCHEMA_VERSION, SOURCE_FIELDS, SUMMED_FROM, Section,
};
use super::strings::Strings;
use crate::{Arch, Continent, Kind, Offer, OfferAccelerator, OfferId, Place, PlaceId, Source, TeeSet};
use thiserror::Error;
use welkin_name::ProviderId;
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// Why a store was refused. In every case the answer is to build it again from its sources.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The buffer does not start on a multiple of eight bytes; [`super::AlignedBytes`] helps.
    #[error("the buffer is not aligned to eight bytes")]
    Misaligned,
    /// The numbers in the file are little-endian and this machine is not.
    #[error("the store is little-endian and cannot be read in place on this machine")]
    BigEndian,
    /// The file does not begin as a catalog does.
    #[error("not a catalog")]
    NotACatalog,
    /// The file was written by another version.
    #[error("schema version {found}, this program reads {expected}")]
    OtherVersion {
        /// Version of the file.
        found: u32,
        /// Version of this program.
        expected: u32,
    },
    /// The file is shorter or longer than it says.
    #[error("the file has {found} bytes and says {expected}: torn while written?")]
    Torn {
        /// Bytes there are.
        found: u64,
        /// Bytes the header states.
        expected: u64,
    },
    /// The content does not match the checksum.
    #[error("the checksum does not match: the file is damaged")]
    Damaged,
    /// The parts contradict each other, which no writer of this version does.
    #[error("inconsistent: {what}")]
    Inconsistent {
        /// Which part.
        what: &'static str,
    },
}

/// A catalog, read in place from a buffer.
#[derive(Debug, Clone, Copy)]
pub struct Catalog<'a> {
    digest: &'a str,
    columns: Columns<'a>,
    places: &'a [[u32; PLACE_FIELDS]],
    accelerators: &'a [[u32; ACCELERATOR_FIELDS]],
    sources: &'a [[u32; SOURCE_FIELDS]],
    texts: Strings<'a>,
    zones: Strings<'a>,
    types: Strings<'a>,
}

impl<'a> Catalog<'a> {
    /// Checks `bytes` and makes them readable: header, length, checksum, sections, and every index
    /// of every column. Allocates nothing.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong; no input makes this or any later access panic.
    pub fn open(bytes: &'a [u8]) -> Result<Self, OpenError> {
        if cfg!(target_endian = "big") {
            return Err(OpenError::BigEndian);
        }
        let file = File { bytes };
        if bytes.get(..8) != Some(&MAGIC[..]) {
            return Err(OpenError::NotACatalog);
        }
        let version = file.u32_at(8)?;
        if version != SCHEMA_VERSION {
            return Err(OpenError::OtherVersion { found: version, expected: SCHEMA_VERSION });
        }
        let (found, expected) = (bytes.len() as u64, file.u64_at(LENGTH_AT)?);
        if found != expected || bytes.len() < HEADER_LEN {
            return Err(OpenError::Torn { found, expected });
        }
        if !bytes.as_ptr().cast::<u64>().is_aligned() {
            return Err(OpenError::Misaligned);
        }
        if file.u64_at(CHECKSUM_AT)? != checksum(&bytes[SUMMED_FROM..]) {
            return Err(OpenError::Damaged);
        }
        let rows = file.u32_at(ROWS_AT)? as usize;
        if rows > MAX_ROWS {
            return Err(OpenError::Inconsistent { what: "number of offers" });
        }
        let catalog = Self {
            digest: std::str::from_utf8(&bytes[DIGEST_AT..DIGEST_AT + DIGEST_LEN])
                .map_err(|_| OpenError::Inconsistent { what: "digest" })?,
            columns: file.columns(rows)?,
            places: file.records(Section::Places, "places")?,
            accelerators: file.records(Section::Accelerators, "accelerators")?,
            sources: file.records(Section::Sources, "sources")?,
            texts: file.strings(Section::TextOffsets, Section::TextBytes, "texts")?,
            zones: file.strings(Section::ZoneOffsets, Section::ZoneBytes, "zones")?,
            types: file.strings(Section::TypeOffsets, Section::TypeBytes, "types")?,
        };
        catalog.check_indices()?;
        Ok(catalog)
    }

    /// Number of offers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.place.len()
    }

    /// Whether there is no offer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Digest of the content: 64 hex digits, equal for equal sets of offers. Stored when built.
    #[must_use]
    pub fn digest(&self) -> &'a str {
        self.digest
    }

    /// Raw columns.
    #[must_use]
    pub fn columns(&self) -> Columns<'a> {
        self.columns
    }

    /// Number of places.
    #[must_use]
    pub fn place_count(&self) -> usize {
        self.places.len()
    }

    /// One place, by an id of this catalog.
    ///
    /// # Panics
    /// When `id` is not below [`Self::place_count`].
    #[must_use]
    pub fn place(&self, id: PlaceId) -> Place<'a> {
        let [provider, region, country, jurisdiction, _, continent, _] = self.places[usize::from(id.0)];
        Place {
            provider: self.texts.get(provider),
            region: self.texts.get(region),
            country: self.texts.get(country),
            jurisdiction: self.texts.get(jurisdiction),
            continent: continent_of(continent).unwrap_or(Continent::Unknown),
        }
    }

    /// All places with their ids.
    pub fn places(&self) -> impl Iterator<Item = (PlaceId, Place<'a>)> {
        let catalog = *self;
        (0..self.place_count()).filter_map(move |index| {
            let id = PlaceId(u16::try_from(index).ok()?);
            Some((id, catalog.place(id)))
        })
    }

    /// Certificates of a place (`iso27001`, `fedramp`, …), lower case.
    ///
    /// # Panics
    /// When `id` is not below [`Self::place_count`].
    pub fn certs(&self, id: PlaceId) -> impl Iterator<Item = &'a str> {
        self.texts.get(self.places[usize::from(id.0)][4]).split(';').filter(|cert| !cert.is_empty())
    }

    /// Whether an ordinary account cannot buy at this place (government and sovereign partitions).
    ///
    /// # Panics
    /// When `id` is not below [`Self::place_count`].
    #[must_use]
    pub fn restricted(&self, id: PlaceId) -> bool {
        self.places[usize::from(id.0)][6] != 0
    }

    /// Names of zones, by the `zone` column; entry 0 is empty and means "sold by region".
    #[must_use]
    pub fn zones(&self) -> Strings<'a> {
        self.zones
    }

    /// Names of machine types, by the `instance_type` column.
    #[must_use]
    pub fn instance_types(&self) -> Strings<'a> {
        self.types
    }

    /// Number of accelerators, entry 0 ("none") included.
    #[must_use]
    pub fn accelerator_count(&self) -> usize {
        self.accelerators.len()
    }

    /// Name and memory of the accelerator with this index of the `accelerator` column; empty and
    /// zero for index 0 and for an index of another catalog.
    #[must_use]
    pub fn accelerator(&self, index: u16) -> (&'a str, Bytes) {
        match self.accelerators.get(usize::from(index)) {
            Some(&[name, mib]) if index > 0 => (self.texts.get(name), from_mib(mib)),
            _ => ("", Bytes::ZERO),
        }
    }

    /// One offer, decoded.
    ///
    /// # Panics
    /// When `id` is not below [`Self::len`].
    #[must_use]
    pub fn offer(&self, id: OfferId) -> Offer<'a> {
        let row = id.0 as usize;
        let columns = &self.columns;
        let place_id = PlaceId(columns.place[row]);
        let flag = columns.flags[row];
        let zone = columns.zone[row];
        let accelerator = columns.accelerator[row];
        let [source, as_of] = self.sources[usize::from(columns.source[row])];
        Offer {
            id,
            place: self.place(place_id),
            place_id,
            zone: (zone > 0).then(|| self.zones.get(zone)),
            kind: if flag & flags::TPU != 0 { Kind::Tpu } else { Kind::Vm },
            instance_type: self.types.get(columns.instance_type[row]),
            vcpus_milli: columns.vcpus_milli[row],
            memory: from_mib(columns.memory_mib[row]),
            arch: arch_of(columns.arch[row]).unwrap_or(Arch::Unknown),
            burstable: flag & flags::BURSTABLE != 0,
            accelerator: (accelerator > 0).then(|| {
                let (name, memory) = self.accelerator(accelerator);
                OfferAccelerator { name, count_milli: columns.accelerator_count_milli[row], memory }
            }),
            network: BitsPerSecond::new(u64::from(columns.network_mbps[row]) * 1_000_000),
            tee: TeeSet(columns.tee[row]),
            on_demand: price(columns.on_demand_nanos[row]),
            spot: price(columns.spot_nanos[row]),
            min_billed_s: u32::from(columns.min_billed_s[row]),
            source: Source { name: self.texts.get(source), as_of: self.texts.get(as_of) },
        }
    }

    /// All offers in order, decoded.
    pub fn offers(&self) -> impl Iterator<Item = Offer<'a>> {
        let catalog = *self;
        (0_u32..).take(self.len()).map(move |row| catalog.offer(OfferId(row)))
    }

    /// The checks that make every later access safe: each index is inside its table, each code is
    /// one that is defined.
    fn check_indices(&self) -> Result<(), OpenError> {
        let columns = &self.columns;
        let texts = self.texts.len();
        let below = |index: u32, len: usize| (index as usize) < len;
        let mut tables = [
            (self.zones.get(0).is_empty() && !self.zones.is_empty(), "zones"),
            (!self.accelerators.is_empty() && self.accelerators.len() <= 1 << 16, "accelerators"),
            (self.accelerators.iter().all(|&[name, _]| below(name, texts)), "accelerator names"),
            (self.sources.iter().flatten().all(|&text| below(text, texts)), "sources"),
            (
                self.places.iter().all(|place| {
                    place[..5].iter().all(|&text| below(text, texts)) && continent_of(place[5]).is_some()
                }),
                "places",
            ),
            (self.places.iter().all(|&[name, ..]| ProviderId::is_valid(self.texts.get(name))), "providers"),
            (all_below_u16(columns.place, self.places.len()), "place column"),
            (all_below_u16(columns.accelerator, self.accelerators.len()), "accelerator column"),
            (all_below_u16(columns.source, self.sources.len()), "source column"),
            (all_below_u32(columns.zone, self.zones.len()), "zone column"),
            (all_below_u32(columns.instance_type, self.types.len()), "instance type column"),
            (columns.arch.iter().fold(0, |most, &arch| most.max(arch)) <= 2, "architecture column"),
            (columns.flags.iter().fold(0, |seen, &flag| seen | flag) & !flags::ALL == 0, "flags column"),
        ]
        .into_iter();
        match tables.find(|(sound, _)| !sound) {
            None => Ok(()),
            Some((_, what)) => Err(OpenError::Inconsistent { what }),
        }
    }
}

/// Whether every index is below `len`. A fold over the whole slice runs in vector registers, which
/// `all` with its early exit does not.
fn all_below_u16(indices: &[u16], len: usize) -> bool {
    indices.is_empty() || usize::from(indices.iter().fold(0, |most, &index| most.max(index))) < len
}

fn all_below_u32(indices: &[u32], len: usize) -> bool {
    indices.is_empty() || (indices.iter().fold(0, |most, &index| most.max(index)) as usize) < len
}

fn from_mib(mib: u32) -> Bytes {
    Bytes::new(u64::from(mib) << 20)
}

fn price(nanos: i64) -> Option<Usd> {
    (nanos != NOT_OFFERED).then_some(Usd::from_nanos(nanos))
}

fn arch_of(code: u8) -> Option<Arch> {
    [Arch::Unknown, Arch::X86_64, Arch::Arm64].into_iter().find(|&arch| arch as u8 == code)
}

fn continent_of(code: u32) -> Option<Continent> {
    [
        Continent::NorthAmerica,
        Continent::SouthAmerica,
        Continent::Europe,
        Continent::MiddleEast,
        Continent::Africa,
        Continent::Asia,
        Continent::Oceania,
        Continent::Unknown,
    ]
    .into_iter()
    .find(|&continent| continent as u32 == code)
}
