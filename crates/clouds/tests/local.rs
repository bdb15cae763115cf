//! The local machine: what is taken is not given twice.

#![expect(clippy::unwrap_used, reason = "a bed that cannot be made fails its test")]

mod bed;

use bed::{run, until};
use welkin_clouds::{Local, LocalConfig, sweep};
use welkin_provider::{
    Capacity, ErrorKind, LeaseRequest, LeaseState, Location, MachineSpec, Nature, Provider, ProviderId, Tier,
    UnixMillis,
};
use welkin_units::Bytes;

struct Here {
    folder: tempfile::TempDir,
    local: Local,
}

impl Here {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let local = Local::new(LocalConfig::new(folder.path().to_owned(), bed::agent())).unwrap();
        Self { folder, local }
    }

    fn location() -> Location {
        Location { provider: ProviderId::from_static(Local::NAME), region: Local::REGION.into(), zone: None }
    }

    fn request(token: &str) -> LeaseRequest {
        let instance_type = Local::INSTANCE_TYPE.to_owned();
        LeaseRequest {
            location: Self::location(),
            machine: MachineSpec::of_type(instance_type),
            ..bed::request(token, 1)
        }
    }

    async fn capacity(&self) -> Capacity {
        self.local.capacity(&Self::location(), Local::INSTANCE_TYPE, Tier::OnDemand).await.unwrap()
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join(Local::NAME));
        let _ = sweep(self.folder.path());
    }
}

#[tokio::test]
async fn it_is_this_machine_and_says_so() {
    let here = Here::new();
    assert_eq!((here.local.name().as_str(), here.local.nature()), ("local", Nature::Local));
    let lease = here.local.acquire(&Here::request("one")).await.unwrap();
    until(&here.local, &lease.id, |lease| lease.state == LeaseState::Ready).await;
    let node = here.local.node(&lease.id, 0).await.unwrap();
    assert_eq!(run(&*node, "s", "echo $((6 * 7))").await, ["42"]);
    here.local.release(&lease.id).await.unwrap();
    let billed: u64 = here
        .local
        .usage(&lease.owner, UnixMillis(0))
        .await
        .unwrap()
        .iter()
        .map(|interval| interval.quantity_milli)
        .sum();
    let over = here.local.observe(&lease.id).await.unwrap();
    assert_eq!(billed, over.ended.unwrap().since(over.started).millis(), "no minimum on one's own machine");
}

fn with_memory(token: &str, memory: Bytes) -> LeaseRequest {
    let machine = MachineSpec { memory, ..MachineSpec::of_type(Local::INSTANCE_TYPE) };
    LeaseRequest { machine, ..Here::request(token) }
}

fn sized(token: &str, vcpus_milli: u32) -> LeaseRequest {
    let machine = MachineSpec { vcpus_milli, ..MachineSpec::of_type(Local::INSTANCE_TYPE) };
    LeaseRequest { machine, ..Here::request(token) }
}

#[tokio::test]
async fn the_machine_is_given_out_once() {
    let here = Here::new();
    let whole = here.local.hardware().clone();
    assert_eq!(here.capacity().await, Capacity::Likely);
    let all = sized("all", whole.vcpus_milli);
    let all = here.local.acquire(&all).await.unwrap();
    assert_eq!(here.capacity().await, Capacity::Exhausted);
    let one_more = sized("more", 1);
    let refused = here.local.acquire(&one_more).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NoCapacity);
    assert!(refused.message.contains("0.000 free"), "{refused}");
    here.local.release(&all.id).await.unwrap();
    let more = here.local.acquire(&one_more).await.unwrap();
    here.local.release(&more.id).await.unwrap();
}

#[tokio::test]
async fn memory_is_counted_over_the_gang() {
    let here = Here::new();
    let memory = here.local.hardware().memory;
    let gang = LeaseRequest { nodes: 2, ..with_memory("gang", memory) };
    assert_eq!(here.local.acquire(&gang).await.unwrap_err().kind, ErrorKind::NoCapacity);
    let single = here.local.acquire(&with_memory("single", memory)).await.unwrap();
    here.local.release(&single.id).await.unwrap();
}

#[tokio::test]
async fn there_is_no_other_place_or_type() {
    let here = Here::new();
    let mut elsewhere = Here::request("elsewhere");
    elsewhere.location.region = "mars".into();
    let other = LeaseRequest { machine: MachineSpec::of_type("m7i.large"), ..Here::request("other") };
    for request in [elsewhere, other, bed::request("aws", 1)] {
        assert_eq!(here.local.acquire(&request).await.unwrap_err().kind, ErrorKind::Invalid);
    }
}
