use super::*;
use welkin_provider::{LeaseRequest, LeaseState, Location, MachineSpec, Owner, Tier, Token};
use welkin_units::Usd;

fn request() -> LeaseRequest {
    LeaseRequest {
        token: Token("late".to_owned()),
        owner: Owner("tests".to_owned()),
        location: Location {
            provider: ProviderId::from_static(PROVIDER),
            region: "lab".to_owned(),
            zone: None,
        },
        machine: MachineSpec { vcpus_milli: 100, ..MachineSpec::of_type("t") },
        tier: Tier::OnDemand,
        nodes: 1,
        waits: false,
        hourly: Usd::ZERO,
        abandon_after: Span::from_secs(60),
        labels: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_question_that_arrives_after_its_lease_was_given_back_makes_none() {
    let root = tempfile::tempdir().unwrap();
    let early = Host::with_agents(root.path(), "exit 1");
    let lease = early.machine.layout.lease_id(&request().token);
    let unknown = early.answer(Ask::Release { lease: lease.clone() }, Vec::new()).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    // By another login, which may have begun before.
    let late = Host::with_agents(root.path(), "exit 1");
    let asked = late.answer(Ask::Acquire { request: Box::new(request()) }, Vec::new()).await.unwrap_err();
    assert_eq!(asked.kind, ErrorKind::Conflict, "{asked}");
    assert_eq!(late.answer(Ask::Observe { lease }, Vec::new()).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_question_that_is_asked_twice_is_not_answered_after_the_end() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::with_agents(root.path(), "exit 1");
    let lease = host.machine.layout.lease_id(&request().token);
    let ask = || Ask::Acquire { request: Box::new(request()) };
    host.answer(ask(), Vec::new()).await.unwrap();
    host.answer(Ask::Release { lease: lease.clone() }, Vec::new()).await.unwrap();
    host.answer(Ask::Forget { lease }, Vec::new()).await.unwrap();
    assert_eq!(host.answer(ask(), Vec::new()).await.unwrap_err().kind, ErrorKind::Conflict);
}

/// Makes a lease whose agent runs and answers nobody, and does `change` to its record, as time would.
async fn left(host: &Arc<Host>, change: impl FnOnce(&mut serde_json::Value)) -> LeaseId {
    let ask = Ask::Acquire { request: Box::new(request()) };
    host.answer(ask, Vec::new()).await.unwrap();
    let lease = host.machine.layout.lease_id(&request().token);
    changed(host, &lease, change);
    lease
}

/// The record of a lease whose agent answered, and is gone: its number is another process's.
fn ready_and_gone(record: &mut serde_json::Value) {
    record["phase"] = "ready".into();
    record["nodes"][0]["agent"]["started"] = 1.into();
}

/// Changes what is on record of a lease.
fn changed(host: &Host, lease: &LeaseId, change: impl FnOnce(&mut serde_json::Value)) {
    let path = host.machine.layout.lease(lease).join("lease.json");
    let mut record = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    std::fs::write(path, serde_json::to_vec(&record).unwrap()).unwrap();
}

/// What is taken, in thousandths of a CPU.
async fn taken(host: &Arc<Host>) -> u64 {
    let (Answer::Free(free), _) = host.answer(Ask::Free, Vec::new()).await.unwrap() else { panic!() };
    u64::from(host.info.vcpus_milli) - free.vcpus_milli
}

async fn state(host: &Arc<Host>, lease: LeaseId) -> Result<LeaseState, ErrorKind> {
    match host.answer(Ask::Observe { lease }, Vec::new()).await {
        Ok((Answer::Lease(lease), _)) => Ok(lease.state),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.kind),
    }
}

#[tokio::test]
async fn a_lease_whose_agents_are_gone_holds_nothing_though_its_broker_never_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::with_agents(root.path(), "exec sleep 600");
    let lease = left(&host, ready_and_gone).await;
    // Another broker's login, which knows of no lease.
    assert_eq!(taken(&Host::with_agents(root.path(), "exec sleep 600")).await, 0);
    assert!(!host.machine.layout.lease(&lease).exists(), "what its agent left stays");
    let lost = state(&host, lease).await;
    assert!(matches!(&lost, Ok(LeaseState::Lost { reason, .. }) if reason.contains("agent")), "{lost:?}");
}

#[tokio::test]
async fn a_lease_that_nobody_asked_for_again_holds_nothing() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::with_agents(root.path(), "exec sleep 600");
    // Whoever asked may be about to ask again.
    let lease = left(&host, |record| record["deadline"] = (host.machine.now().0 - 30_000).into()).await;
    assert_eq!(taken(&host).await, 100);
    changed(&host, &lease, |record| record["deadline"] = (host.machine.now().0 - 61_000).into());
    assert_eq!(taken(&host).await, 0);
    assert!(matches!(state(&host, lease).await, Ok(LeaseState::Lost { .. })));
}

/// Homes on a network disk are one folder for many computers.
#[tokio::test]
async fn a_lease_of_another_computer_is_neither_seen_nor_ended() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::with_agents(root.path(), "exec sleep 600");
    let mut here = serde_json::Value::Null;
    let lease = left(&host, |record| {
        ready_and_gone(record);
        here = std::mem::replace(&mut record["on"], serde_json::json!({"boot": "b", "name": "other 00"}));
    })
    .await;
    assert_eq!(taken(&host).await, 0);
    for ask in [Ask::Observe { lease: lease.clone() }, Ask::Release { lease: lease.clone() }] {
        assert_eq!(host.answer(ask, Vec::new()).await.unwrap_err().kind, ErrorKind::NotFound);
    }
    let owner = Owner("tests".to_owned());
    let (listed, _) = host.answer(Ask::List { owner }, Vec::new()).await.unwrap();
    assert!(matches!(&listed, Answer::Leases(leases) if leases.is_empty()), "{listed:?}");
    sweep(root.path()).unwrap();
    // Its own computer ends it, whatever it is called since.
    here["name"] = "renamed 00".into();
    changed(&host, &lease, |record| {
        assert_eq!(record["phase"], "ready");
        record["on"] = here;
    });
    assert_eq!(taken(&host).await, 0);
    assert!(!host.machine.layout.lease(&lease).exists());
}
