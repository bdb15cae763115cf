//! The harness of a cloud in memory.

use crate::broken::Undeletable;
use async_trait::async_trait;
use std::sync::Arc;
use welkin_provider::conformance::{Capabilities, Harness, Patience, Target, simulated};
use welkin_provider::memory::{MemoryCloud, Nastiness, Outcome, SimClock, Work};
use welkin_provider::{
    Clock, LeaseId, Location, Provider, ProviderError, ProviderId, StoreAccess, Tier, UnixMillis,
};
use welkin_store::Endpoint;
use welkin_units::{Bytes, Span, Usd};

pub(crate) struct MemoryHarness {
    pub(crate) cloud: MemoryCloud,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) capabilities: Capabilities,
    pub(crate) clock: SimClock,
    /// Whether what is deleted in its stores stays.
    pub(crate) keeps_deleted: bool,
}

pub(crate) const EVERYTHING: Capabilities = Capabilities {
    gang: 16,
    own_addresses: true,
    knows_types: true,
    scripts: true,
    data: true,
    stores: true,
    usage: true,
    preempt: true,
};

impl MemoryHarness {
    pub(crate) fn new(seed: u64, nastiness: Nastiness) -> Self {
        let clock = SimClock::starting_at(UnixMillis(1_750_000_000_000));
        let cloud = MemoryCloud::builder("aws", seed, clock)
            .nastiness(nastiness)
            .regions(["us-east-1", "eu-west-1"])
            .types(["m5.large"])
            .workload(|work: &Work<'_>| simulated(work).unwrap_or_else(|| Outcome::code(Span::ZERO, 127)))
            .build();
        Self {
            provider: Arc::new(cloud.clone()),
            cloud,
            capabilities: EVERYTHING,
            clock,
            keeps_deleted: false,
        }
    }
}

fn place(region: &str) -> Location {
    Location { provider: ProviderId::from_static("aws"), region: region.to_owned(), zone: None }
}

#[async_trait]
impl Harness for MemoryHarness {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock)
    }

    fn run_id(&self) -> String {
        "run".to_owned()
    }

    fn target(&self) -> Target {
        Target {
            location: place("us-east-1"),
            elsewhere: Some(place("eu-west-1")),
            instance_type: "m5.large".to_owned(),
            tier: Tier::Spot,
            vcpus_milli: 0,
            memory: Bytes::ZERO,
            hourly: Usd::from_cents(10),
        }
    }

    fn patience(&self) -> Patience {
        Patience {
            // Above the bounds of `Nastiness::flaky`, retries included.
            ready: Span::from_secs(600),
            lag: Span::from_secs(60),
            step: Span::from_secs(300),
            metered: Span::from_secs(150),
            usage: Span::from_secs(600),
            check: Span::from_hours(4),
            tries: 40,
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn open(&self, store: &StoreAccess) -> Option<Arc<dyn Endpoint>> {
        let opened = self.cloud.stores().at(store)?;
        Some(if self.keeps_deleted { Arc::new(Undeletable(opened)) } else { opened })
    }

    async fn preempt(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.cloud.preempt(lease, Span::from_secs(5));
        Ok(())
    }

    fn left_over(&self) -> Option<Vec<LeaseId>> {
        Some(self.cloud.billable().into_iter().map(|lease| lease.id).collect())
    }
}
