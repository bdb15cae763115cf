//! A plan of how data goes.

use serde::Serialize;
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// A plan of how data goes from a source to its destinations. Immutable; a transfer obeys it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoutePlan {
    /// Source.
    pub from: String,
    /// Destinations.
    pub to: Vec<String>,
    /// How much data.
    pub bytes: Bytes,
    /// Rate at which each destination receives.
    pub rate: BitsPerSecond,
    /// How long the transfer takes once machines run.
    pub time: Span,
    /// What all of it costs.
    pub cost: Usd,
    /// What data movement costs, by the tariffs' tiers.
    pub egress: Usd,
    /// What machines and leased capacity cost for that time.
    pub machines: Usd,
    /// Cost of a gigabyte.
    pub per_gb: Usd,
    /// Legs, from the source on.
    pub hops: Vec<Hop>,
    /// Machines by region.
    pub vms: Vec<Vms>,
    /// Ways through the hops, with what goes over each.
    pub paths: Vec<Path>,
    /// The direct path, where there is one and one destination.
    pub direct: Option<Direct>,
    /// Why the plan is what it is.
    pub verdict: Verdict,
    /// What agreements saved against list prices on the same hops.
    pub savings: Vec<Saving>,
    /// How far the plan may be from the best one, as a fraction; 0 is proven best.
    pub gap: f64,
    /// Whether any rate in it is an estimate and no measurement.
    pub estimated: bool,
}

/// A leg between two places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hop {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Over what.
    pub medium: Medium,
    /// What goes over it.
    pub rate: BitsPerSecond,
    /// Connections between all machines of both ends.
    pub connections: u32,
    /// What a gigabyte on it costs, at the volume it carries.
    pub per_gb: Usd,
    /// Volume it carries.
    pub bytes: Bytes,
    /// The meter that counts it, where its price depends on the month's volume.
    pub meter: Option<String>,
    /// The agreement it goes under.
    pub agreement: Option<String>,
    /// Whether its rate is an estimate.
    pub estimated: bool,
}

/// Over what data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// A provider's network or the internet.
    Network,
    /// Capacity leased between two providers.
    Leased,
    /// In or out of an object store.
    Store,
}

/// Machines of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vms {
    /// The region.
    pub at: String,
    /// How many.
    pub count: u32,
}

/// One way through the hops: a path, or a tree to several destinations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    /// Its hops, by index, in an order in which each follows what feeds it.
    pub hops: Vec<usize>,
    /// What goes over it.
    pub rate: BitsPerSecond,
}

/// The direct path with the same number of machines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Direct {
    /// Its rate.
    pub rate: BitsPerSecond,
    /// How long it takes.
    pub time: Span,
    /// What it costs.
    pub cost: Usd,
    /// Cost of a gigabyte.
    pub per_gb: Usd,
}

/// What an agreement saved, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saving {
    /// The agreement.
    pub agreement: String,
    /// Its version.
    pub version: u32,
    /// The providers that signed it.
    pub parties: [String; 2],
    /// First day on which it holds no longer.
    pub until: String,
    /// List price less what the agreement charges, for what the plan moves under it.
    pub saved: Usd,
}

/// Why a plan is what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Verdict {
    /// Relays pay.
    Relayed {
        /// Rate as a multiple of the direct path's, where there is one.
        times_direct: Option<f64>,
    },
    /// They do not.
    Direct {
        /// Why, in words.
        why: String,
    },
    /// One source, many destinations.
    Tree {
        /// What separate transfers at this rate would cost together, where they are possible.
        separate: Option<Usd>,
    },
}
