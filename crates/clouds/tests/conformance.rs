//! Both adapters keep every promise of the port, with real agents and no fault of their own.

#![expect(clippy::unwrap_used, reason = "a bed that cannot be made fails its test")]

mod bed;

use async_trait::async_trait;
use bed::{agent, config, location, processes_of};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use welkin_clouds::{Clusters, Emulated, EmulatedCloud, Local, LocalConfig, WithClusters, sweep};
use welkin_provider::conformance::{Capabilities, Harness, Patience, Target, run};
use welkin_provider::{
    Clock, LeaseId, Location, Provider, ProviderError, ProviderId, StoreAccess, SystemClock, Tier,
};
use welkin_store::Endpoint;
use welkin_units::{Bytes, Span, Usd};

/// What differs between the adapters.
struct Bench {
    folder: TempDir,
    provider: Arc<dyn Provider>,
    /// Takes leases back, where the adapter can.
    cloud: Option<Arc<EmulatedCloud>>,
    target: Target,
}

#[async_trait]
impl Harness for Bench {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider)
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
            ready: Span::from_secs(20),
            lag: Span::from_millis(20),
            step: Span::from_secs(20),
            metered: Span::from_millis(50),
            usage: Span::from_millis(20),
            check: Span::from_secs(60),
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
            preempt: self.cloud.is_some(),
        }
    }

    async fn open(&self, store: &StoreAccess) -> Option<Arc<dyn Endpoint>> {
        welkin_stores::open(store).ok()
    }

    async fn preempt(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        let cloud = self.cloud.as_ref().expect("only asked of clouds that can");
        cloud.preempt(lease, Span::ZERO).await.map(drop)
    }

    /// By the process table: a lease that is over has no process of any of its nodes.
    fn left_over(&self) -> Option<Vec<LeaseId>> {
        let folder = |state: &str| self.folder.path().join(self.provider.name().as_str()).join(state);
        let left = |id: &String| {
            let record = std::fs::read(folder("ended").join(id).join("lease.json")).unwrap();
            let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
            let nodes = record["nodes"].as_array().unwrap();
            nodes.iter().any(|node| !processes_of(node["id"].as_str().unwrap()).is_empty())
        };
        let mut ids: Vec<String> = names(&folder("ended"));
        ids.retain(left);
        ids.extend(names(&folder("leases")));
        Some(ids.into_iter().map(LeaseId).collect())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join(self.provider.name().as_str()));
        let _ = sweep(self.folder.path());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn target(location: Location, instance_type: &str) -> Target {
    Target {
        location,
        elsewhere: None,
        instance_type: instance_type.to_owned(),
        tier: Tier::OnDemand,
        vcpus_milli: 100,
        memory: Bytes::new(256 << 20),
        hourly: Usd::ZERO,
    }
}

#[tokio::test]
async fn an_emulated_cloud_conforms() {
    conforms(|cloud, _| cloud).await;
}

#[tokio::test]
async fn a_cloud_with_clusters_in_front_conforms_like_the_cloud() {
    conforms(|cloud, root| {
        let clusters = Clusters::new(root.join("clusters"), Arc::new(SystemClock));
        Arc::new(WithClusters::new(cloud, clusters))
    })
    .await;
}

async fn conforms(front: impl FnOnce(Arc<dyn Provider>, &Path) -> Arc<dyn Provider>) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.known = Arc::new(|_, instance_type| instance_type == "m7i.large");
    // The suite compares what is metered with what was used; the minimum has a test of its own.
    config.min_billing = Span::ZERO;
    let cloud = Emulated::new(&config).unwrap().cloud("aws").unwrap();
    let mut target = target(location(), "m7i.large");
    target.elsewhere = Some(Location { region: "eu-west-1".into(), ..location() });
    let provider = front(Arc::<EmulatedCloud>::clone(&cloud), folder.path());
    let bench = Bench { folder, provider, cloud: Some(cloud), target };
    let report = run(&bench).await;
    assert!(report.is_sound() && report.not_tested().is_empty(), "{report}");
}

#[tokio::test]
async fn the_local_machine_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::new(LocalConfig::new(folder.path().to_owned(), agent())).unwrap();
    let here =
        Location { provider: ProviderId::from_static(Local::NAME), region: Local::REGION.into(), zone: None };
    let target = target(here, Local::INSTANCE_TYPE);
    let bench = Bench { folder, provider: Arc::new(local), cloud: None, target };
    let report = run(&bench).await;
    assert!(report.is_sound(), "{report}");
}
