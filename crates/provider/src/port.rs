//! The trait a provider implements.

use crate::clock::UnixMillis;
use crate::error::{ErrorKind, ProviderError};
use crate::inventory::Inventory;
use crate::lease::{Lease, LeaseId, LeaseRequest, Owner, Tier, Usage};
use crate::node::Node;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
pub(crate) use welkin_name::{Place as Location, ProviderId};
use welkin_store::StoreAccess;
use welkin_units::Span;

/// What stands behind a provider's answers. Shown wherever a user sees the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// A real cloud, cluster or host.
    Real,
    /// This machine pretending to be a cloud.
    Emulated,
    /// This machine as itself.
    Local,
}

/// What a provider says about free capacity; never trusted, only used to order attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// Nothing is known; asking is the only way.
    Unknown,
    /// Believed to be there.
    Likely,
    /// Known to be gone.
    Exhausted,
}

/// How long after a lost answer a lease may still turn up at a provider that does not say: requests are cut
/// off after 60 s by every front end, lists lag by some 15 s; together, with as much again for safety.
pub const DOUBT: Span = Span::from_secs(150);

/// One cloud, cluster or machine.
///
/// Every call may fail with any [`crate::ErrorKind`]; a [`crate::ErrorKind::Transient`] failure says
/// nothing about whether the call took effect.
#[async_trait]
pub trait Provider: Send + Sync + fmt::Debug {
    /// Short name, as in [`Location::provider`].
    fn name(&self) -> &ProviderId;

    /// What stands behind it.
    fn nature(&self) -> Nature;

    /// What it has, where that is in no price list.
    fn inventory(&self) -> Option<&dyn Inventory> {
        None
    }

    /// What is known about capacity for `instance_type` at `location`.
    async fn capacity(
        &self,
        location: &Location,
        instance_type: &str,
        tier: Tier,
    ) -> Result<Capacity, ProviderError>;

    /// Asks for a gang. Returns as soon as the provider has accepted, usually in state `Pending`.
    /// The same token with the same request returns the same lease, also after it ended; with
    /// another request it is a conflict.
    async fn acquire(&self, request: &LeaseRequest) -> Result<Lease, ProviderError>;

    /// The present state of a lease.
    async fn observe(&self, lease: &LeaseId) -> Result<Lease, ProviderError>;

    /// Gives a lease back. Idempotent; releasing what is already over is a success.
    async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError>;

    /// Whether machines here can be stopped and started.
    fn stops(&self) -> bool {
        false
    }

    /// Stops the machines of a lease and keeps their disks: what runs there ends at once, and they cost nothing from
    /// [`Lease::ended`] of the answer on. Idempotent; a lease that is over stays over.
    async fn stop(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        Err(self.cannot(format!("stop {lease}")))
    }

    /// Starts machines that were stopped, with their disks as they were left: `Pending`, as after
    /// [`Provider::acquire`], and refused in the same ways, in which case they stay stopped. Idempotent; what is not
    /// stopped stays as it is.
    async fn start(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        Err(self.cannot(format!("start {lease}")))
    }

    /// The answer of a provider that does not stop machines.
    fn cannot(&self, operation: String) -> ProviderError {
        ProviderError::new(self.name(), operation, ErrorKind::NotSupported, "machines are not stopped here")
    }

    /// Every lease of `owner` that is not over. May lag behind by a few seconds.
    async fn list(&self, owner: &Owner) -> Result<Vec<Lease>, ProviderError>;

    /// Every owner with leases here that are not over; `None` where that cannot be told.
    async fn owners(&self) -> Result<Option<Vec<Owner>>, ProviderError> {
        Ok(None)
    }

    /// How long after a call whose answer was lost it may still take effect and show in
    /// [`Provider::list`].
    fn doubt(&self) -> Span {
        DOUBT
    }

    /// Drops what the provider keeps of a lease that is over, where it lets anybody do so. Idempotent; a
    /// lease that is not over stays as it is. Its token must never be asked for again.
    async fn forget(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        let _ = lease;
        Ok(())
    }

    /// A node of a lease that is ready.
    async fn node(&self, lease: &LeaseId, rank: u32) -> Result<Arc<dyn Node>, ProviderError>;

    /// Where the owner's object store in a region is, and how a node there, or whoever drives the run, reaches it:
    /// made on first use, one for each region.
    async fn store(&self, location: &Location, owner: &Owner) -> Result<StoreAccess, ProviderError>;

    /// The usage feed of `owner` from `since`, whole intervals only; may lag.
    async fn usage(&self, owner: &Owner, since: UnixMillis) -> Result<Vec<Usage>, ProviderError>;
}
