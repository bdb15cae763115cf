//! What a cloud sells, and how much of it there is.

use crate::lease::Tier;
use std::collections::{BTreeMap, BTreeSet};

/// What can be asked for at all. An empty set stands for "anything goes".
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Regions of the cloud.
    pub regions: BTreeSet<String>,
    /// Machine types of the cloud.
    pub types: BTreeSet<String>,
    /// Limits, by what is limited.
    pub stock: BTreeMap<StockKey, Stock>,
}

/// What a [`Stock`] counts: machines of one type and tier in one region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StockKey {
    /// Region.
    pub region: String,
    /// Machine type.
    pub instance_type: String,
    /// Whether spot machines are meant.
    pub spot: bool,
}

impl StockKey {
    /// The stock of `instance_type` on `tier` in `region`.
    #[must_use]
    pub fn new(region: &str, instance_type: &str, tier: Tier) -> Self {
        Self { region: region.to_owned(), instance_type: instance_type.to_owned(), spot: tier == Tier::Spot }
    }
}

/// Limits in nodes; `None` = no limit.
///
/// The capacity answer knows of `capacity` and `quota_shown` alone: a `quota` below `quota_shown` is
/// the quota that reads as enough and is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stock {
    /// Machines that there are.
    pub capacity: Option<u32>,
    /// Machines that the account may have.
    pub quota: Option<u32>,
    /// Machines that the account is told it may have.
    pub quota_shown: Option<u32>,
}
