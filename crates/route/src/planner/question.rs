//! What a plan is asked for.

use crate::agreement::Terms;
use crate::store::Store;
use crate::wan::{Site, SiteId, Wan};
use std::collections::BTreeMap;
use thiserror::Error;
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// Everything a plan depends on: equal questions give equal plans.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The graph.
    pub wan: &'a Wan,
    /// Where the data is.
    pub from: SiteId,
    /// Where all of it goes; several make a distribution tree.
    pub to: &'a [SiteId],
    /// How much data.
    pub size: Bytes,
    /// What matters.
    pub objective: Objective,
    /// Most machines in a region.
    pub max_vms: u32,
    /// Sites where data may be on its way; the ends need no leave.
    pub relays: &'a dyn Relays,
    /// Volume already sent this month, by meter.
    pub month_to_date: &'a BTreeMap<String, Bytes>,
    /// Agreements in force.
    pub terms: &'a [Terms],
    /// Object stores that may stand in for a relay.
    pub stores: &'a [Store],
}

/// Which sites may relay.
pub trait Relays: std::fmt::Debug {
    /// Whether data may pass through `site`.
    fn allows(&self, site: &Site) -> bool;

    /// Whether data may pass through `store`.
    fn allows_store(&self, store: &Store) -> bool;
}

/// Any site may relay.
#[derive(Debug, Clone, Copy)]
pub struct Anywhere;

impl Relays for Anywhere {
    fn allows(&self, _: &Site) -> bool {
        true
    }

    fn allows_store(&self, _: &Store) -> bool {
        true
    }
}

/// What matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// The highest rate, at most at this cost.
    Fastest(Option<Ceiling>),
    /// The least cost for a gigabyte, at this rate or faster.
    Cheapest(Option<BitsPerSecond>),
    /// The least cost that is done in time.
    By(Span),
}

/// Most that a transfer may cost, machines included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ceiling {
    /// Times the cost of the direct path.
    TimesDirect(f64),
    /// For each gigabyte.
    PerGb(Usd),
    /// In all.
    Total(Usd),
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Source and destination are the same, or a destination is named twice.
    #[error("{0} is named twice; there is nothing to move")]
    SamePlace(String),
    /// More destinations than the solver takes.
    #[error("{given} destinations; at most {most} are planned at once")]
    TooManyDestinations {
        /// How many were given.
        given: usize,
        /// How many are possible.
        most: usize,
    },
    /// No data, no machines, or a ceiling that is no number.
    #[error("{0}")]
    Senseless(String),
    /// Nothing joins the ends.
    #[error("no link and no allowed relay joins {from} and {to}")]
    Unreachable {
        /// Source.
        from: String,
        /// Destinations.
        to: String,
    },
    /// A multiple of a direct path that does not exist.
    #[error("{from} and {to} have no direct link to take a multiple of")]
    NoDirect {
        /// Source.
        from: String,
        /// Destination.
        to: String,
    },
    /// The conditions leave nothing.
    #[error("{condition} cannot be met: {best}")]
    Infeasible {
        /// The condition.
        condition: String,
        /// What can be had instead, in words.
        best: String,
    },
    /// A sum is beyond what an amount of money or of data can be.
    #[error(
        "moving {size} from {from} costs more than {}, or meters count more bytes for it than they can",
        Usd::MAX
    )]
    OutOfRange {
        /// Source.
        from: String,
        /// How much data.
        size: Bytes,
    },
    /// The solver's limit of work came first.
    #[error("no plan was found within the limit of work")]
    Exhausted,
}
