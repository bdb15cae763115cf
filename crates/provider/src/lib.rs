//! The port between the broker and whatever rents machines: the compatibility layer of the Sky.
//!
//! * [`Provider`]: capacity, leases, nodes, stores and the usage feed of one cloud, cluster or machine;
//! * [`Inventory`]: what a provider has that no price list tells;
//! * [`Node`]: one machine of a lease, running [`Step`]s and telling what happens as [`Event`]s, and taking [`Login`]s;
//! * [`Said`] and [`Told`]: how scripts that work together are made known to each other;
//! * [`ProviderError`]: one vocabulary of failures by meaning, each with its [`Retry`];
//! * [`exact`]: bytes of output as text, and back;
//! * [`Clock`]: time as a parameter, so that everything above runs under virtual time;
//! * [`memory`]: a cloud in memory, nastier than real ones;
//! * `conformance` (feature): the suite that every provider passes.
//!
//! *Guarantee asked of every provider:* acquiring is idempotent by token, releasing is idempotent,
//! and whatever costs money can be found again by its owner tag.

mod acquaint;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod exact;
mod inventory;
mod lease;
pub mod memory;
mod node;
mod port;

pub use acquaint::{Presented, Said, Told};
pub use clock::{Clock, SystemClock, UnixMillis};
pub use error::{ErrorKind, ProviderError, Retry};
pub use inventory::{Inventory, Stock};
pub use lease::{
    Accelerators, HOLDS, Lease, LeaseId, LeaseRequest, LeaseState, MachineSpec, NodeAddress, ON, Owner,
    PRIORITY, Tier, Token, Usage,
};
pub use node::{Door, Duplex, Event, EventKind, Exit, Fetch, Login, Node, Publish, Step, StepId, Stream};
pub use port::{Capacity, DOUBT, Nature, Provider};
pub use welkin_name::{Place as Location, ProviderId};
pub use welkin_store::{Access, StoreAccess, StoreAddress};
