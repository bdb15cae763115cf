//! Leases: the things that cost money.

use crate::clock::UnixMillis;
use crate::port::Location;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use welkin_units::{Bytes, Span, Usd};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id! {
    /// The provider's own id of a lease.
    LeaseId
}
text_id! {
    /// Chosen by the broker before it asks: the same token never makes two leases.
    Token
}
text_id! {
    /// Tag on everything a broker's state directory owns, by which the orphan sweep finds it.
    Owner
}

/// The market a lease is bought on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Full price, kept until released.
    OnDemand,
    /// May be taken away.
    Spot,
}

/// What to acquire: a gang of equal nodes, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Idempotency token.
    pub token: Token,
    /// Tag of the owner.
    pub owner: Owner,
    /// Where.
    pub location: Location,
    /// The provider's name of the machine type.
    pub instance_type: String,
    /// On demand or spot.
    pub tier: Tier,
    /// Nodes in the gang; at least 1.
    pub nodes: u32,
    /// Virtual CPUs of one node in thousandths, for providers that enforce limits; 0 = no limit.
    pub vcpus_milli: u32,
    /// Memory of one node, for providers that enforce limits; 0 = no limit.
    pub memory: Bytes,
    /// List price per node and hour, for the usage feed of providers that have no bill of their own.
    pub hourly: Usd,
    /// A node without a broker for this long releases itself.
    pub abandon_after: Span,
    /// Labels for the provider's console (`run`, `task`, …).
    pub labels: BTreeMap<String, String>,
}

/// A gang of nodes that exists, existed, or is being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The provider's id.
    pub id: LeaseId,
    /// The token it was asked for with.
    pub token: Token,
    /// The owner it was asked for by.
    pub owner: Owner,
    /// Where it is.
    pub location: Location,
    /// State at the time of the call.
    pub state: LeaseState,
    /// One entry a node, by rank; empty until ready.
    pub nodes: Vec<NodeAddress>,
    /// When it began to cost.
    pub started: UnixMillis,
    /// When it ceased to cost.
    pub ended: Option<UnixMillis>,
}

/// Life of a lease. `Ended` states never change again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Being made; may already cost.
    Pending,
    /// Every node answers.
    Ready,
    /// Will be taken away at this time.
    Preempting {
        /// When.
        at: UnixMillis,
    },
    /// Taken away, failed or crashed; costs nothing any more.
    Lost {
        /// Why, in the provider's words.
        reason: String,
        /// Whether the provider took it back rather than a fault.
        preempted: bool,
    },
    /// Given back; costs nothing any more.
    Released,
}

impl LeaseState {
    /// Whether nothing will change any more and nothing is billed.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Released)
    }
}

/// How the other nodes of a gang reach one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAddress {
    /// Position in the gang, from 0.
    pub rank: u32,
    /// IP address or host name.
    pub address: String,
}

/// One metered interval of one lease, as the provider will bill it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Which lease.
    pub lease: LeaseId,
    /// Its token.
    pub token: Token,
    /// Meter: `vm.seconds` for nodes × seconds.
    pub meter: String,
    /// Start of the interval.
    pub from: UnixMillis,
    /// End of the interval.
    pub to: UnixMillis,
    /// Quantity in the meter's unit, in thousandths.
    pub quantity_milli: u64,
}
