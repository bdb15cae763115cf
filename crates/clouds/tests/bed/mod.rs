//! A root on disk with emulated clouds whose nodes are real processes.

#![expect(dead_code, reason = "each test binary uses its own part of the bed")]
#![expect(clippy::unwrap_used, reason = "a bed that cannot be made fails its test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use welkin_clouds::{AgentCommand, Emulated, EmulatedCloud, EmulatedConfig, sweep};
use welkin_provider::{
    Event, EventKind, Lease, LeaseId, LeaseRequest, LeaseState, Location, Node, Owner, Provider, ProviderId,
    Step, StepId, Stream, Tier, Token,
};
use welkin_units::{Span, Usd};

/// The program that serves nodes.
pub(crate) const NODE: &str = env!("CARGO_BIN_EXE_welkin-test-node");

/// The most any wait in these tests may take: a hundred times what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn agent() -> AgentCommand {
    AgentCommand { program: NODE.into(), args: vec!["agent".to_owned()] }
}

pub(crate) fn config(root: &Path) -> EmulatedConfig {
    let clouds = ["aws", "gcp"].map(ProviderId::from_static).to_vec();
    let known = Arc::new(|_: &Location, instance_type: &str| instance_type != "unknown");
    let mut config = EmulatedConfig::new(root.to_owned(), clouds, agent(), known);
    config.boot_delay = Span::ZERO;
    config
}

pub(crate) fn location() -> Location {
    Location { provider: ProviderId::from_static("aws"), region: "us-east-1".into(), zone: None }
}

pub(crate) fn request(token: &str, nodes: u32) -> LeaseRequest {
    LeaseRequest {
        token: Token(token.into()),
        owner: Owner("tests".into()),
        location: location(),
        machine: welkin_provider::MachineSpec::of_type("m7i.large"),
        tier: Tier::Spot,
        nodes,
        waits: false,
        hourly: Usd::ZERO,
        abandon_after: Span::from_secs(60),
        labels: BTreeMap::new(),
    }
}

/// One root. Dropping it ends whatever a failed test left running.
pub(crate) struct Bed {
    folder: TempDir,
    emulated: Emulated,
    pub(crate) aws: Arc<EmulatedCloud>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut EmulatedConfig)) -> Self {
        Self::on(tempfile::tempdir().unwrap(), change)
    }

    pub(crate) fn on(folder: TempDir, change: impl FnOnce(&mut EmulatedConfig)) -> Self {
        let mut config = config(folder.path());
        change(&mut config);
        let emulated = Emulated::new(&config).unwrap();
        let aws = emulated.cloud("aws").unwrap();
        Self { folder, emulated, aws }
    }

    pub(crate) fn cloud(&self, name: &str) -> Arc<EmulatedCloud> {
        self.emulated.cloud(name).unwrap()
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of a lease that is live.
    pub(crate) fn lease_folder(&self, id: &LeaseId) -> PathBuf {
        self.root().join("aws/leases").join(&id.0)
    }

    /// The record of a lease as it is on disk.
    pub(crate) fn record(&self, id: &LeaseId) -> serde_json::Value {
        let folders = [self.lease_folder(id), self.root().join("aws/ended").join(&id.0)];
        let text = folders.iter().find_map(|folder| std::fs::read(folder.join("lease.json")).ok()).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Ids of the nodes of a lease.
    pub(crate) fn node_ids(&self, id: &LeaseId) -> Vec<String> {
        let record = self.record(id);
        let nodes = record["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Pids of the agents of a lease, by rank.
    pub(crate) fn agents(&self, id: &LeaseId) -> Vec<i32> {
        let record = self.record(id);
        let nodes = record["nodes"].as_array().unwrap();
        nodes.iter().map(|node| i32::try_from(node["agent"]["pid"].as_i64().unwrap()).unwrap()).collect()
    }

    pub(crate) async fn ready(&self, token: &str, nodes: u32) -> Lease {
        let lease = self.aws.acquire(&request(token, nodes)).await.unwrap();
        until(&*self.aws, &lease.id, |lease| lease.state != LeaseState::Pending).await
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Without its records everything below the root is an orphan.
        for cloud in ["aws", "gcp", "local"] {
            let _ = std::fs::remove_dir_all(self.root().join(cloud));
        }
        let _ = sweep(self.root());
    }
}

/// Looks at a lease until it is as wanted.
pub(crate) async fn until(cloud: &dyn Provider, id: &LeaseId, wanted: impl Fn(&Lease) -> bool) -> Lease {
    let look = async {
        loop {
            let lease = cloud.observe(id).await.unwrap();
            if wanted(&lease) {
                return lease;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("the lease never became as wanted")
}

pub(crate) fn step(id: &str, script: &str) -> Step {
    Step {
        id: StepId(id.into()),
        fetch: Vec::new(),
        script: Some(script.into()),
        workdir: ".".into(),
        env: BTreeMap::new(),
        secret_env: Vec::new(),
        publish: Vec::new(),
        listens: false,
    }
}

/// Reads a step until `enough` says so; gives its lines on standard output.
pub(crate) async fn read(node: &dyn Node, id: &StepId, enough: impl Fn(&Event) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut from = 0;
    let reading = async {
        loop {
            for event in node.events(id, from, Span::from_secs(5)).await.unwrap() {
                from = event.seq + 1;
                let last = enough(&event);
                if let EventKind::Log { stream: Stream::Stdout, line } = event.kind {
                    lines.push(line);
                }
                if last {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the step never came so far");
    lines
}

pub(crate) fn is_finished(event: &Event) -> bool {
    matches!(event.kind, EventKind::Finished { .. })
}

pub(crate) fn is_line(event: &Event) -> bool {
    matches!(event.kind, EventKind::Log { stream: Stream::Stdout, .. })
}

/// Runs a script to its end; gives its lines on standard output.
pub(crate) async fn run(node: &dyn Node, id: &str, script: &str) -> Vec<String> {
    let step = step(id, script);
    node.start(&step).await.unwrap();
    read(node, &step.id, is_finished).await
}

/// Pids of the living processes whose environment names a folder.
pub(crate) fn below(folder: &Path) -> Vec<i32> {
    let mark = folder.as_os_str().as_encoded_bytes();
    let names = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|part| part == mark)
    };
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(names).collect()
}

/// Pids of the living processes that carry `node` in their environment.
pub(crate) fn processes_of(node: &str) -> Vec<i32> {
    let marker = format!("WELKIN_NODE_ID={node}");
    let carries = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes())
    };
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(carries).collect()
}

/// Kills one process outright.
pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
