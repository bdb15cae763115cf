//! Conditions on offers.

use crate::{Arch, TeeSet};
use serde::{Deserialize, Serialize};
use std::fmt;
use welkin_units::Usd;

/// Conditions that all must hold. The default has none and selects every offer that an ordinary
/// account can buy on either market.
///
/// A value that the catalog does not know (0 vCPUs of a marketplace's machine, an empty country)
/// satisfies no condition on it.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Filter {
    /// Acceptable providers; empty accepts all. Compared without regard to case.
    pub providers: Vec<String>,
    /// Providers to leave out.
    pub deny_providers: Vec<String>,
    /// Region pattern with `*` and `?`.
    pub region: Option<String>,
    /// Zone pattern. An offer sold by region can be had in any of its zones: it matches when another offer
    /// of that region is in such a zone, or when the pattern, such as `us-east-1*`, takes all of the region.
    pub zone: Option<String>,
    /// Acceptable jurisdictions (`eu`, `us`); empty accepts all.
    pub jurisdictions: Vec<String>,
    /// Acceptable countries as ISO codes; empty accepts all.
    pub countries: Vec<String>,
    /// Certificates the region must have, all of them.
    pub certs: Vec<String>,
    /// Also offers in government and sovereign partitions, which need an account of their own. A
    /// region named without wildcards is included in any case.
    pub include_restricted: bool,
    /// Machine type, exact or as a pattern.
    pub instance_type: Option<String>,
    /// Accelerator.
    pub accelerator: Option<AcceleratorFilter>,
    /// vCPUs.
    pub cpus: Option<Amount>,
    /// Memory in GiB.
    pub memory_gib: Option<Amount>,
    /// Least memory for each vCPU of the machine, in thousandths of a GiB.
    pub memory_per_cpu_milli: Option<u64>,
    /// Also hosts with less memory than their accelerators together. Without effect when a machine
    /// type, or vCPUs or memory of exactly one size, are asked for: then they say what is wanted. A lower
    /// bound (`2+`) does not, so that one more condition never leaves more offers.
    pub include_undersized: bool,
    /// Architecture.
    pub arch: Option<Arch>,
    /// An architecture to leave out; what is not known stays.
    pub exclude_arch: Option<Arch>,
    /// Trusted execution environments, any of which will do; empty asks for none.
    pub tee: TeeSet,
    /// Leave out shared and burstable vCPUs.
    pub exclude_burstable: bool,
    /// Market.
    pub market: Market,
    /// Most that one machine may cost per hour, on the market asked for.
    pub max_hourly: Option<Usd>,
}

impl Filter {
    /// Whether it asks for one shape of machine by its name or size.
    pub(super) fn names_a_shape(&self) -> bool {
        let exact = |amount: Option<Amount>| amount.is_some_and(|amount| !amount.or_more);
        let named = self.instance_type.as_deref().is_some_and(|name| !name.contains(['*', '?']));
        named || exact(self.cpus) || exact(self.memory_gib)
    }
}

/// Which accelerator, and how many in one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceleratorFilter {
    /// Any of its names, the name of a TPU slice included (`tpu-v5litepod-8`).
    pub name: String,
    /// How many, of what the name says; `None` accepts any number.
    pub count: Option<Amount>,
}

/// An exact amount or a lower bound: `8` means 8, `8+` at least 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Thousandths of the unit.
    pub milli: u64,
    /// Whether more will do too.
    pub or_more: bool,
}

impl Amount {
    /// Exactly so many thousandths.
    #[must_use]
    pub const fn exactly(milli: u64) -> Self {
        Self { milli, or_more: false }
    }

    /// At least so many thousandths.
    #[must_use]
    pub const fn at_least(milli: u64) -> Self {
        Self { milli, or_more: true }
    }

    /// Whether `milli` thousandths satisfy it; 0 is "unknown" and does not.
    #[must_use]
    pub const fn accepts(self, milli: u64) -> bool {
        milli > 0 && (milli == self.milli || (self.or_more && milli > self.milli))
    }
}

/// Markets.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Market {
    /// Either; the cheaper price counts.
    #[default]
    Any,
    /// On demand.
    OnDemand,
    /// Spot.
    Spot,
}

/// The conditions in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// [`Filter::providers`] and [`Filter::deny_providers`].
    Provider,
    /// [`Filter::region`].
    Region,
    /// Government and sovereign partitions, unless [`Filter::include_restricted`].
    RestrictedPlace,
    /// [`Filter::jurisdictions`].
    Jurisdiction,
    /// [`Filter::countries`].
    Country,
    /// [`Filter::certs`].
    Certs,
    /// [`Filter::zone`].
    Zone,
    /// [`Filter::instance_type`].
    InstanceType,
    /// [`AcceleratorFilter::name`].
    Accelerator,
    /// [`AcceleratorFilter::count`].
    AcceleratorCount,
    /// [`Filter::cpus`].
    Cpus,
    /// [`Filter::memory_gib`] and [`Filter::memory_per_cpu_milli`].
    Memory,
    /// Hosts too small for their accelerators, unless [`Filter::include_undersized`].
    UndersizedHost,
    /// [`Filter::arch`] and [`Filter::exclude_arch`].
    Arch,
    /// [`Filter::tee`].
    Tee,
    /// [`Filter::exclude_burstable`].
    Burstable,
    /// [`Filter::market`].
    Market,
    /// [`Filter::max_hourly`].
    MaxHourly,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Provider => "provider",
            Self::Region => "region",
            Self::RestrictedPlace => "restricted place",
            Self::Jurisdiction => "jurisdiction",
            Self::Country => "country",
            Self::Certs => "certificates",
            Self::Zone => "zone",
            Self::InstanceType => "instance type",
            Self::Accelerator => "accelerator",
            Self::AcceleratorCount => "accelerator count",
            Self::Cpus => "cpus",
            Self::Memory => "memory",
            Self::UndersizedHost => "host too small for its accelerators",
            Self::Arch => "architecture",
            Self::Tee => "trusted execution environment",
            Self::Burstable => "burstable",
            Self::Market => "market",
            Self::MaxHourly => "maximum hourly price",
        })
    }
}
