//! What an offer says: the decoded view of one row, and the dictionaries rows refer to.
//!
//! The store is columnar ([`crate::Catalog`]); these are the types its accessors hand out. Text is
//! borrowed from the store, so looking at an offer allocates nothing.

use serde::{Deserialize, Serialize};
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// Row number of an offer in one catalog; stable for the digest of that catalog only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfferId(pub u32);

/// Index of a place (provider and region) in one catalog's table of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlaceId(pub u16);

/// Where an offer is: one region of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Provider's short name in lower case: `aws`, `gcp`, `azure`, `lambda`, `local`.
    pub provider: &'a str,
    /// Region as the provider spells it.
    pub region: &'a str,
    /// ISO 3166-1 alpha-2 country in lower case; empty when unknown.
    pub country: &'a str,
    /// Jurisdiction for residency: `eu`, `us`, `uk`, `ca`, … in lower case; empty when unknown.
    pub jurisdiction: &'a str,
    /// Continent for tariffs and distances; `Unknown` when the region is not in the table.
    pub continent: Continent,
}

/// Continents as egress tariffs see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continent {
    /// United States, Canada, Mexico.
    NorthAmerica,
    /// South America.
    SouthAmerica,
    /// Europe, the United Kingdom and Switzerland included.
    Europe,
    /// Middle East.
    MiddleEast,
    /// Africa.
    Africa,
    /// Asia, India included.
    Asia,
    /// Australia and New Zealand.
    Oceania,
    /// Not known.
    Unknown,
}

impl Continent {
    /// The continent with this name, as the tables of this workspace spell it; an empty name is unknown.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "north_america" => Self::NorthAmerica,
            "south_america" => Self::SouthAmerica,
            "europe" => Self::Europe,
            "middle_east" => Self::MiddleEast,
            "africa" => Self::Africa,
            "asia" => Self::Asia,
            "oceania" => Self::Oceania,
            "" | "unknown" => Self::Unknown,
            _ => return None,
        })
    }
}

/// One offer: so much hardware, in one zone or anywhere in one region, at these prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer<'a> {
    /// Row.
    pub id: OfferId,
    /// Provider and region.
    pub place: Place<'a>,
    /// Place's index, for grouping.
    pub place_id: PlaceId,
    /// Zone, where the provider sells by zone.
    pub zone: Option<&'a str>,
    /// What kind of thing is offered.
    pub kind: Kind,
    /// Provider's name of the machine type (`p5.48xlarge`, `Standard_DC8as_v5`, `v5litepod-8`).
    pub instance_type: &'a str,
    /// Virtual CPUs in thousandths; 0 when unknown.
    pub vcpus_milli: u32,
    /// Memory; 0 when unknown.
    pub memory: Bytes,
    /// Processor architecture.
    pub arch: Arch,
    /// Whether the vCPUs are shared or burstable.
    pub burstable: bool,
    /// Accelerators of one machine.
    pub accelerator: Option<OfferAccelerator<'a>>,
    /// Network rate of one machine; 0 when unknown.
    pub network: BitsPerSecond,
    /// Trusted execution environments it can run.
    pub tee: TeeSet,
    /// Price per hour on demand.
    pub on_demand: Option<Usd>,
    /// Price per hour on the spot market.
    pub spot: Option<Usd>,
    /// Smallest time that is billed, in seconds.
    pub min_billed_s: u32,
    /// Where the row comes from.
    pub source: Source<'a>,
}

/// Accelerators of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferAccelerator<'a> {
    /// Normalised name (`A100-80GB`, `H100`, `tpu-v5e`, `Inferentia2`): SkyPilot's spelling, the convention of
    /// the field, compared without regard to case.
    pub name: &'a str,
    /// Devices (chips, for a TPU) in thousandths.
    pub count_milli: u32,
    /// Memory of one device; 0 when unknown.
    pub memory: Bytes,
}

/// Kinds of offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// A virtual machine.
    Vm = 0,
    /// A TPU slice with its host.
    Tpu = 1,
}

/// Processor architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Arch {
    /// Not stated.
    Unknown = 0,
    /// x86-64.
    X86_64 = 1,
    /// 64-bit ARM.
    Arm64 = 2,
}

/// A set of trusted execution environments as bits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TeeSet(pub u8);

impl TeeSet {
    /// AMD SEV-SNP.
    pub const SEV_SNP: Self = Self(1);
    /// AMD SEV.
    pub const SEV: Self = Self(2);
    /// Intel TDX.
    pub const TDX: Self = Self(4);
    /// Intel SGX.
    pub const SGX: Self = Self(8);
    /// AWS Nitro Enclaves.
    pub const NITRO: Self = Self(16);
    /// NVIDIA confidential computing.
    pub const GPU_CC: Self = Self(32);

    /// Whether the two sets share a member.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is no member.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Names of the members, as job files spell them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (Self::SEV_SNP, "sev-snp"),
            (Self::SEV, "sev"),
            (Self::TDX, "tdx"),
            (Self::SGX, "sgx"),
            (Self::NITRO, "nitro"),
            (Self::GPU_CC, "gpu-cc"),
        ]
        .into_iter()
        .filter(move |(member, _)| self.intersects(*member))
        .map(|(_, name)| name)
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// File or feed.
    pub name: &'a str,
    /// Date of the values, `YYYY-MM-DD`.
    pub as_of: &'a str,
}
