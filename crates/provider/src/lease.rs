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

/// Label of a lease whose machines are a cluster: its name.
pub const HOLDS: &str = "holds";

/// Label of a lease that is to be a part of a cluster: the run that holds the cluster.
pub const ON: &str = "on";

/// Label of a lease that waits for its turn: those with more come first.
pub const PRIORITY: &str = "priority";

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
    /// What one node has.
    #[serde(flatten)]
    pub machine: MachineSpec,
    /// On demand or spot.
    pub tier: Tier,
    /// Nodes in the gang; at least 1.
    pub nodes: u32,
    /// Whether a place that is full for the moment takes the request into its queue: nobody else is asked.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waits: bool,
    /// List price per node and hour, for the usage feed of providers that have no bill of their own.
    pub hourly: Usd,
    /// A node without a broker for this long releases itself.
    pub abandon_after: Span,
    /// Labels for the provider's console (`run`, `task`, …).
    pub labels: BTreeMap<String, String>,
}

impl LeaseRequest {
    /// The lease that answers it: so far along, since then, until then.
    #[must_use]
    pub fn answered(
        &self,
        id: &LeaseId,
        state: LeaseState,
        nodes: Vec<NodeAddress>,
        started: UnixMillis,
        ended: Option<UnixMillis>,
    ) -> Lease {
        let (id, token, owner) = (id.clone(), self.token.clone(), self.owner.clone());
        Lease { id, token, owner, location: self.location.clone(), state, nodes, started, ended }
    }
}

/// Left out, so that the record of a lease says the same as one of an earlier version.
fn is_false(value: &bool) -> bool {
    !value
}

/// One machine, as a task needs it. Providers with machine types sell the type; those without, such as hosts
/// that several runs share, give the part that it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// The provider's name of the machine type.
    pub instance_type: String,
    /// Virtual CPUs in thousandths, for providers that enforce limits; 0 = no limit.
    pub vcpus_milli: u32,
    /// Memory, for providers that enforce limits; 0 = no limit.
    pub memory: Bytes,
    /// Accelerators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerators>,
    /// Trusted execution environments that will do, as job files spell them; none = none needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tee: Vec<String>,
    /// Machine or container image, as the job file spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Boot disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
    /// Ports to open, as the job file spells them (`8080`, `8000-8010`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// Speed class of the network, as the job file spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_tier: Option<String>,
}

impl MachineSpec {
    /// A machine of this type, as large as the type is.
    #[must_use]
    pub fn of_type(instance_type: impl Into<String>) -> Self {
        Self { instance_type: instance_type.into(), ..Self::default() }
    }
}

/// Accelerators of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accelerators {
    /// Their name, as the catalog spells it (`A100-80GB`).
    pub name: String,
    /// How many, in thousandths of a device.
    pub count_milli: u32,
}

impl Accelerators {
    /// Whole devices that hold as many.
    #[must_use]
    pub const fn devices(&self) -> u32 {
        self.count_milli.div_ceil(1_000)
    }
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
    /// When it began to cost, for the last time where it was stopped and started.
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
    /// The machines are stopped: nothing runs, what is on their disks stays, and only the disks may cost.
    Stopped,
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
