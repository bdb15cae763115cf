//! What an adapter tells the suite about itself.

use crate::clock::Clock;
use crate::error::ProviderError;
use crate::lease::{LeaseId, Tier};
use crate::port::{Location, Provider};
use async_trait::async_trait;
use std::sync::Arc;
use welkin_store::{Endpoint, StoreAccess};
use welkin_units::{Bytes, Span, Usd};

/// A provider and what the suite must know to try it.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The provider.
    fn provider(&self) -> Arc<dyn Provider>;

    /// The clock that the provider's timestamps follow.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Goes into every token, owner and path of the run. On a cloud that remembers, another one for
    /// each run.
    fn run_id(&self) -> String;

    /// Something that can be had.
    fn target(&self) -> Target;

    /// How long the suite waits before it calls a promise broken.
    fn patience(&self) -> Patience;

    /// What the provider can do at all.
    fn capabilities(&self) -> Capabilities;

    /// Opens a store as a node would; `None` when that cannot be done from here.
    async fn open(&self, store: &StoreAccess) -> Option<Arc<dyn Endpoint>>;

    /// Has the provider take a lease back. Called only with [`Capabilities::preempt`].
    async fn preempt(&self, lease: &LeaseId) -> Result<(), ProviderError>;

    /// What still costs by a look that does not go through the provider; `None` without such a look.
    fn left_over(&self) -> Option<Vec<LeaseId>> {
        None
    }
}

/// A kind of machine that the suite can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where.
    pub location: Location,
    /// Another region of the same provider, to see that stores are apart; `None` = it has only one.
    pub elsewhere: Option<Location>,
    /// The provider's name of the machine type.
    pub instance_type: String,
    /// On demand or spot.
    pub tier: Tier,
    /// Virtual CPUs to ask for, in thousandths; 0 = no limit.
    pub vcpus_milli: u32,
    /// Memory to ask for; 0 = no limit.
    pub memory: Bytes,
    /// List price per node and hour.
    pub hourly: Usd,
}

/// Bounds of the suite's waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From acceptance to ready.
    pub ready: Span,
    /// How far lists and observations may lag behind.
    pub lag: Span,
    /// From the start of a short script to its last event, and from a stop to its effect.
    pub step: Span,
    /// How long the lease of the usage checks is kept.
    pub metered: Span,
    /// How far the usage feed may lag behind.
    pub usage: Span,
    /// A whole check with its cleaning up, so that a provider that never answers fails.
    pub check: Span,
    /// How often one call is tried when its failure may pass.
    pub tries: u32,
}

/// What a provider can do. What it cannot is reported as not tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent abilities, each named where it is set")]
pub struct Capabilities {
    /// Most nodes in a gang; 1 = no gangs.
    pub gang: u32,
    /// Each node has an address of its own.
    pub own_addresses: bool,
    /// It refuses machine types that it does not know.
    pub knows_types: bool,
    /// Its nodes run [`super::Probe`]s.
    pub scripts: bool,
    /// Its nodes fetch and publish.
    pub data: bool,
    /// It has object stores.
    pub stores: bool,
    /// It has a usage feed.
    pub usage: bool,
    /// [`Harness::preempt`] works.
    pub preempt: bool,
}
