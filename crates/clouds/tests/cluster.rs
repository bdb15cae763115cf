//! Parts of a cluster, with real agents: what runs where, who is next, and what is left when anybody dies.

#![expect(clippy::unwrap_used, reason = "a bed that cannot be made fails its test")]

mod bed;

use bed::{Bed, PATIENCE, is_finished, is_line, read, request, step, until};
use std::sync::Arc;
use std::time::Duration;
use welkin_clouds::{Clusters, WithClusters, cluster_type};
use welkin_provider::{
    Accelerators, ErrorKind, Exit, Lease, LeaseRequest, LeaseState, MachineSpec, Node, Provider, StepId,
    SystemClock,
};
use welkin_units::{Bytes, Span};

/// A cloud with clusters in front of it, as a process that begins now sees them.
fn fronted(bed: &Bed) -> WithClusters {
    let clusters = Clusters::new(bed.root().join("clusters"), Arc::new(SystemClock));
    WithClusters::new(Arc::clone(&bed.aws) as Arc<dyn Provider>, clusters)
}

fn labelled(mut request: LeaseRequest, labels: &[(&str, &str)]) -> LeaseRequest {
    request.labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    request
}

/// Two machines of 4 vCPUs and 2 accelerators.
fn holder(token: &str) -> LeaseRequest {
    let mut request = labelled(request(token, 2), &[("run", "dev-1"), ("holds", "dev")]);
    request.machine = MachineSpec {
        vcpus_milli: 4_000,
        memory: Bytes::from_gib(8),
        accelerator: Some(Accelerators { name: "T4".into(), count_milli: 2_000 }),
        ..request.machine
    };
    request
}

fn part(token: &str, nodes: u32, gpus: u32) -> LeaseRequest {
    let mut request = labelled(request(token, nodes), &[("run", token), ("on", "dev-1")]);
    request.waits = true;
    request.machine = MachineSpec {
        vcpus_milli: 1_000,
        accelerator: (gpus > 0).then(|| Accelerators { name: "T4".into(), count_milli: gpus * 1_000 }),
        ..MachineSpec::of_type(cluster_type("dev", "x"))
    };
    request
}

async fn held(cloud: &WithClusters, request: &LeaseRequest) -> Lease {
    let lease = tokio::time::timeout(PATIENCE, cloud.acquire(request)).await.expect("its turn").unwrap();
    until(cloud, &lease.id, |lease| lease.state != LeaseState::Pending).await
}

async fn start(cloud: &WithClusters, lease: &Lease, id: &str, script: &str) -> Arc<dyn Node> {
    let node = cloud.node(&lease.id, 0).await.unwrap();
    node.start(&step(id, script)).await.unwrap();
    node
}

/// Whether a request is still waiting after everybody else had every chance to serve it.
async fn waits(
    asked: &mut (impl Future<Output = Result<Lease, welkin_provider::ProviderError>> + Unpin),
) -> bool {
    tokio::time::timeout(Duration::from_millis(50), asked).await.is_err()
}

#[tokio::test]
async fn parts_are_on_the_machines_of_the_holder_and_see_their_own_devices() {
    let bed = Bed::new();
    let cloud = fronted(&bed);
    let machines = held(&cloud, &holder("h")).await;
    let gang = held(&cloud, &part("gang", 2, 1)).await;
    let addresses = |lease: &Lease| lease.nodes.iter().map(|node| node.address.clone()).collect::<Vec<_>>();
    assert_eq!(addresses(&gang), addresses(&machines));
    let other = held(&cloud, &part("other", 1, 1)).await;
    let script = "echo $CUDA_VISIBLE_DEVICES; echo mark >> shared; cat shared";
    let node = start(&cloud, &gang, "s1", script).await;
    assert_eq!(read(&*node, &StepId("s1".into()), is_finished).await, ["0", "mark"]);
    let node = start(&cloud, &other, "s2", script).await;
    assert_eq!(read(&*node, &StepId("s2".into()), is_finished).await, ["1", "mark", "mark"], "one home");
    for lease in [&gang, &other, &machines] {
        cloud.release(&lease.id).await.unwrap();
        cloud.release(&lease.id).await.unwrap();
    }
    assert!(cloud.list(&machines.owner).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_given_back_ends_before_the_next_begins() {
    let bed = Bed::new();
    let cloud = fronted(&bed);
    let machines = held(&cloud, &holder("h")).await;
    let first = held(&cloud, &part("first", 2, 2)).await;
    let node = start(&cloud, &first, "long", "trap '' TERM; echo begun; sleep 1000 & wait; wait").await;
    read(&*node, &StepId("long".into()), is_line).await;
    let wish = part("second", 1, 1);
    let mut asked = Box::pin(cloud.acquire(&wish));
    assert!(waits(&mut asked).await, "every device is taken");
    cloud.release(&first.id).await.unwrap();
    let lease = tokio::time::timeout(PATIENCE, asked).await.expect("its turn").unwrap();
    let events = node.events(&StepId("long".into()), 0, Span::ZERO).await.unwrap();
    assert!(events.iter().any(is_finished), "{events:?}");
    assert_eq!(cloud.observe(&first.id).await.unwrap().state, LeaseState::Released);
    let gone = cloud.node(&first.id, 0).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::LeaseLost);
    cloud.release(&lease.id).await.unwrap();
    cloud.release(&machines.id).await.unwrap();
}

#[tokio::test]
async fn another_process_goes_on_with_parts_and_with_the_queue() {
    let bed = Bed::new();
    let before = fronted(&bed);
    let machines = held(&before, &holder("h")).await;
    let running = held(&before, &part("running", 2, 2)).await;
    let node = start(&before, &running, "s", "until [ -e go ]; do sleep 0.01; done; echo done").await;
    let wish = part("next", 1, 1);
    let mut asked = Box::pin(before.acquire(&wish));
    assert!(waits(&mut asked).await);
    drop((asked, node));
    drop(before);

    let after = fronted(&bed);
    assert_eq!(after.acquire(&part("running", 2, 2)).await.unwrap().id, running.id, "the same token");
    let conflict = after.acquire(&part("running", 1, 2)).await.unwrap_err();
    assert_eq!(conflict.kind, ErrorKind::Conflict);
    // The one that waited comes first, though nobody has asked for it again.
    let late = part("late", 2, 2);
    let mut asked = Box::pin(after.acquire(&late));
    assert!(waits(&mut asked).await);
    let waiting = after.list(&machines.owner).await.unwrap();
    assert_eq!(waiting.iter().filter(|lease| lease.state == LeaseState::Pending).count(), 3);
    let other = held(&after, &holder("h")).await;
    assert_eq!(other.id, machines.id);
    let node = after.node(&running.id, 0).await.unwrap();
    node.start(&step("go", "touch go")).await.unwrap();
    assert_eq!(read(&*node, &StepId("s".into()), is_finished).await, ["done"]);
    after.release(&running.id).await.unwrap();
    let next = held(&after, &wish).await;
    assert_eq!(next.state, LeaseState::Ready);
    assert!(waits(&mut asked).await);
    // Nobody wants it any more: the last one's turn.
    after.release(&next.id).await.unwrap();
    let late = tokio::time::timeout(PATIENCE, asked).await.expect("its turn").unwrap();
    after.release(&late.id).await.unwrap();
    after.release(&machines.id).await.unwrap();
}

#[tokio::test]
async fn machines_that_are_lost_take_their_parts_along_and_new_ones_serve_those_who_wait() {
    let bed = Bed::new();
    let cloud = fronted(&bed);
    let machines = held(&cloud, &holder("h")).await;
    let first = held(&cloud, &part("first", 2, 2)).await;
    let node = start(&cloud, &first, "s", "sleep 1000").await;
    let wish = part("second", 1, 2);
    let mut asked = Box::pin(cloud.acquire(&wish));
    assert!(waits(&mut asked).await);
    bed.aws.preempt(&machines.id, Span::ZERO).await.unwrap();
    let lost = until(&cloud, &first.id, |lease| lease.state.is_over()).await;
    assert!(matches!(lost.state, LeaseState::Lost { preempted: true, .. }), "{lost:?}");
    drop(node);
    assert!(waits(&mut asked).await, "there are no machines");
    // In another zone, as the next place of a plan mostly is.
    let mut near = holder("h2");
    near.location.zone = Some("us-east-1b".into());
    let again = held(&cloud, &near).await;
    let second = tokio::time::timeout(PATIENCE, asked).await.expect("its turn").unwrap();
    let node = start(&cloud, &second, "s2", "echo here").await;
    assert_eq!(read(&*node, &StepId("s2".into()), is_finished).await, ["here"]);
    // The whole cluster goes, with whatever runs on it.
    cloud.release(&again.id).await.unwrap();
    let over = until(&cloud, &second.id, |lease| lease.state.is_over()).await;
    assert!(matches!(over.state, LeaseState::Lost { preempted: false, .. }), "{over:?}");
    cloud.release(&second.id).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_keeps_nothing_on_record() {
    let bed = Bed::new();
    let cloud = fronted(&bed);
    let machines = held(&cloud, &holder("h")).await;
    let refused = |request: LeaseRequest| {
        let cloud = &cloud;
        async move { cloud.acquire(&request).await.unwrap_err().kind }
    };
    assert_eq!(refused(part("gpus", 1, 3)).await, ErrorKind::NoCapacity);
    assert_eq!(refused(part("nodes", 3, 0)).await, ErrorKind::NoCapacity);
    let mut elsewhere = part("elsewhere", 1, 0);
    elsewhere.location.region = "eu-west-1".into();
    assert_eq!(refused(elsewhere).await, ErrorKind::NotFound);
    let full = held(&cloud, &part("full", 2, 2)).await;
    assert_eq!(refused(LeaseRequest { waits: false, ..part("now", 1, 1) }).await, ErrorKind::NoCapacity);
    assert_eq!(cloud.list(&machines.owner).await.unwrap().len(), 2);
    cloud.forget(&full.id).await.unwrap();
    assert_eq!(cloud.observe(&full.id).await.unwrap().state, LeaseState::Ready, "it is not over");
    cloud.release(&full.id).await.unwrap();
    cloud.forget(&full.id).await.unwrap();
    assert_eq!(cloud.observe(&full.id).await.unwrap_err().kind, ErrorKind::NotFound);
    cloud.release(&machines.id).await.unwrap();
}

#[tokio::test]
async fn a_step_is_stopped_that_nobody_was_told_of() {
    let bed = Bed::new();
    let cloud = fronted(&bed);
    let machines = held(&cloud, &holder("h")).await;
    let lease = held(&cloud, &part("p", 1, 0)).await;
    // On record, but never started: its broker died in between, and the start may still be on its way.
    let node = start(&cloud, &lease, "one", "echo one").await;
    read(&*node, &StepId("one".into()), is_finished).await;
    cloud.release(&lease.id).await.unwrap();
    let late = node.start(&step("two", "echo two")).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::LeaseLost, "what was given back starts nothing");
    let events = node.events(&StepId("one".into()), 0, Span::ZERO).await.unwrap();
    let last = events.last().map(|event| event.kind.clone());
    assert!(
        matches!(last, Some(welkin_provider::EventKind::Finished { exit: Exit::Success })),
        "what was over stays as it was: {last:?}"
    );
    cloud.release(&machines.id).await.unwrap();
}
