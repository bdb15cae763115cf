//! Every promise of the port, kept over a login.

use crate::bed::{Bed, lab, smallest};
use async_trait::async_trait;
use std::sync::Arc;
use welkin_clouds::Ssh;
use welkin_provider::conformance::{Capabilities, Harness, Patience, Target, run};
use welkin_provider::{Clock, LeaseId, Location, Provider, ProviderError, StoreAccess, SystemClock, Tier};
use welkin_store::Endpoint;
use welkin_units::{Bytes, Span, Usd};

struct Bench {
    bed: Bed,
    provider: Arc<Ssh>,
    target: Target,
}

impl Bench {
    async fn new(bed: Bed) -> Self {
        let provider = bed.provider();
        let machine = smallest(&provider).await;
        let target = Target {
            location: lab(),
            elsewhere: Some(Location { region: "other".into(), ..lab() }),
            instance_type: machine.instance_type,
            tier: Tier::OnDemand,
            vcpus_milli: 100,
            memory: Bytes::new(64 << 20),
            hourly: Usd::ZERO,
        };
        Self { bed, provider, target }
    }
}

#[async_trait]
impl Harness for Bench {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::<Ssh>::clone(&self.provider)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn run_id(&self) -> String {
        "conformance".to_owned()
    }

    fn target(&self) -> Target {
        self.target.clone()
    }

    fn patience(&self) -> Patience {
        Patience {
            ready: Span::from_secs(60),
            lag: Span::from_millis(20),
            step: Span::from_secs(60),
            metered: Span::from_millis(50),
            usage: Span::from_millis(20),
            check: Span::from_secs(120),
            tries: 3,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            gang: 3,
            own_addresses: true,
            knows_types: true,
            scripts: true,
            data: true,
            stores: true,
            usage: true,
            preempt: false,
        }
    }

    async fn open(&self, store: &StoreAccess) -> Option<Arc<dyn Endpoint>> {
        welkin_stores::open(store).ok()
    }

    async fn preempt(&self, _lease: &LeaseId) -> Result<(), ProviderError> {
        unreachable!("nobody takes hosts back")
    }

    fn left_over(&self) -> Option<Vec<LeaseId>> {
        Some(self.bed.left_over())
    }
}

#[tokio::test]
async fn hosts_that_are_folders_conform() {
    let bench = Bench::new(Bed::folders()).await;
    let report = run(&bench).await;
    assert!(report.is_sound(), "{report}");
}

#[tokio::test]
async fn three_real_servers_conform() {
    let Some(bed) = Bed::real("three_real_servers_conform") else { return };
    let bench = Bench::new(bed).await;
    let report = run(&bench).await;
    assert!(report.is_sound(), "{report}");
    assert!((0..3).all(|number| bench.bed.agents(number) == 0), "agents are left on the hosts");
}
