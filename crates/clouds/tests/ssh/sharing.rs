//! Several who share hosts: never more than there is, and in turn where somebody waits.

use crate::bed::{Bed, ready, request, run, smallest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_clouds::Ssh;
use welkin_provider::{
    Accelerators, Clock, ErrorKind, LeaseId, LeaseRequest, LeaseState, MachineSpec, Provider, UnixMillis,
};
use welkin_units::Bytes;

/// All CPUs of a host.
async fn whole(provider: &Ssh, token: &str, nodes: u32) -> LeaseRequest {
    use welkin_provider::Inventory as _;
    let stock = provider.stock().await.unwrap();
    let machine =
        stock.into_iter().map(|stock| stock.machine).max_by_key(|machine| machine.vcpus_milli).unwrap();
    let mut request = request(&machine, token, nodes);
    request.machine = MachineSpec { memory: Bytes::new(64 << 20), ..machine };
    request
}

#[tokio::test]
async fn hosts_are_given_out_once_whoever_asks() {
    let bed = Bed::folders();
    let (one, other) = (bed.provider_of("one"), bed.provider_of("other"));
    let all = ready(&one, &whole(&one, "all", 3).await).await;
    let refused = other.acquire(&whole(&other, "more", 1).await).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NoCapacity, "{refused}");
    one.release(&all.id).await.unwrap();
    let lease = ready(&other, &whole(&other, "more", 1).await).await;
    other.release(&lease.id).await.unwrap();
    assert!(bed.left_over().is_empty());
}

#[tokio::test]
async fn who_waits_is_served_when_there_is_room() {
    let bed = Bed::folders();
    let provider = bed.provider();
    let first = ready(&provider, &whole(&provider, "first", 3).await).await;
    let waits = LeaseRequest { waits: true, ..whole(&provider, "second", 2).await };
    let waiting = {
        let provider = bed.provider();
        tokio::spawn(async move { provider.acquire(&waits).await })
    };
    provider.release(&first.id).await.unwrap();
    let second = tokio::time::timeout(crate::bed::PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    provider.release(&second.id).await.unwrap();
    assert!(bed.left_over().is_empty());
}

/// Stands until it is moved.
#[derive(Debug)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn who_waits_and_gives_up_has_nothing_to_pay() {
    let bed = Bed::folders();
    let clock = Arc::new(Hand(AtomicU64::new(1_000_000)));
    let mut config = bed.config("here", 0..3);
    config.clock = clock.clone();
    let provider = Arc::new(Ssh::new(config).unwrap());
    let first = ready(&provider, &whole(&provider, "first", 3).await).await;
    let waits = LeaseRequest { waits: true, ..whole(&provider, "second", 1).await };
    let waiting = {
        let provider = Arc::clone(&provider);
        tokio::spawn(async move { provider.acquire(&waits).await })
    };
    let wished = async {
        loop {
            let listed = provider.list(&first.owner).await.unwrap();
            if let Some(wish) = listed.into_iter().find(|lease| lease.id != first.id) {
                return wish;
            }
            tokio::task::yield_now().await;
        }
    };
    let wish = tokio::time::timeout(crate::bed::PATIENCE, wished).await.unwrap();
    assert_eq!(wish.state, LeaseState::Pending);
    clock.0.fetch_add(10_000, Ordering::Relaxed);
    // Whoever waited goes away, and then says so.
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    provider.release(&wish.id).await.unwrap();
    provider.release(&first.id).await.unwrap();
    let usage = provider.usage(&first.owner, UnixMillis(0)).await.unwrap();
    let billed = |id: &LeaseId| -> u64 {
        usage.iter().filter(|usage| usage.lease == *id).map(|usage| usage.quantity_milli).sum()
    };
    assert_eq!((billed(&first.id), billed(&wish.id)), (30_000, 1), "{usage:?}");
    assert!(bed.left_over().is_empty());
}

#[tokio::test]
async fn what_no_host_holds_is_refused_at_once_also_to_who_waits() {
    let bed = Bed::folders();
    let provider = bed.provider();
    let large = LeaseRequest { waits: true, ..whole(&provider, "large", 4).await };
    let refused = provider.acquire(&large).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NoCapacity);
    assert!(refused.message.contains("no hosts for 4"), "{refused}");
    assert!(bed.left_over().is_empty(), "a refusal leaves no record");
}

#[tokio::test]
async fn each_task_sees_the_accelerators_it_was_given_and_no_others() {
    let bed = Bed::folders();
    // What the tool of the maker says of two devices, on hosts that have none.
    bed.program("nvidia-smi", "#!/bin/sh\necho '0, Tesla T4, 15360'\necho '1, Tesla T4, 15360'\n");
    let provider = bed.provider();
    let machine = smallest(&provider).await;
    let gpus = |token: &str, devices: u32| {
        let mut request = request(&machine, token, 1);
        request.location.zone = Some("h1".into());
        let accelerator = Accelerators { name: "T4".into(), count_milli: devices * 1_000 };
        request.machine.accelerator = (devices > 0).then_some(accelerator);
        request
    };
    let mut seen = Vec::new();
    for (token, devices) in [("one", 1), ("two", 1), ("none", 0)] {
        let lease = ready(&provider, &gpus(token, devices)).await;
        let node = provider.node(&lease.id, 0).await.unwrap();
        seen.extend(run(&*node, token, "echo \"[$CUDA_VISIBLE_DEVICES]\"").await);
    }
    assert_eq!(seen, ["[0]", "[1]", "[]"]);
    let refused = provider.acquire(&gpus("three", 1)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NoCapacity, "{refused}");
}
