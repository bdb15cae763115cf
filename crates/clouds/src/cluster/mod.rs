//! Machines that a run holds, given out in parts to others: what makes a cluster of a lease.
//!
//! ```text
//! lease with label `holds` ──▶ the provider's own lease, and a cluster of its machines
//! lease of type `cluster/…` ─▶ waits for its turn ─▶ a part of the machines ─▶ its steps ended, the part free
//! ```
//!
//! [`WithClusters`] stands in front of any provider: every call that has nothing to do with a cluster goes through.
//! A part is a lease as others are, so that whatever can run can run on a cluster, with the same records, bills and
//! recovery. It costs nothing: whoever holds the machines pays for them.
//!
//! *Guarantee.* Parts of a cluster never take more than it has. Those that wait are served by priority, then in the order
//! in which they came, and nobody is overtaken by somebody who needs less. A part is on record before its first step,
//! and is free only after every step of it has ended, whoever was killed meanwhile.
//!
//! *Rejected.* A queue of jobs on the cluster itself, as SkyPilot has one: a second place that runs work, with records
//! and recovery of its own. A provider of its own: data would be priced between places that are none.

mod desk;
mod node;
mod provider;
mod record;
mod room;

pub use provider::{Clusters, WithClusters};
pub use record::{cluster_type, is_cluster_type};
