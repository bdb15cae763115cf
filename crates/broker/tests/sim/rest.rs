//! Clusters whose machines are stopped and started: what that costs, and brokers that die meanwhile.

use crate::accounts::bill;
use crate::world::{World, plan, task};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use welkin_broker::{
    Broker, ClusterRole, Idle, LeaseState, Manner, Reader, RunError, RunId, RunState, Submission,
    SubmitError, Wish, WishError,
};
use welkin_placement::Plan;
use welkin_provider::memory::{Fault, Op, Script};
use welkin_provider::{ErrorKind, Provider};
use welkin_units::{Span, Usd};

/// Between what a client asks.
const WHILE: Duration = Duration::from_secs(600);

fn script(script: &str) -> Plan {
    plan(vec![task("t", script).at(&["a/x"])])
}

/// Longer than any test.
fn holder() -> Plan {
    script("minutes=100000")
}

fn dev() -> ClusterRole {
    ClusterRole::Holds("dev".to_owned())
}

async fn submit(world: &World, broker: &Broker, manner: Manner) -> Result<RunId, SubmitError> {
    on(world, broker, &holder(), manner, dev()).await
}

async fn on(
    world: &World,
    broker: &Broker,
    plan: &Plan,
    manner: Manner,
    role: ClusterRole,
) -> Result<RunId, SubmitError> {
    let (base_dir, cluster) = (world.dir.path().to_owned(), Some(role));
    broker
        .submit(Submission {
            plan,
            job: &plan.job,
            base_dir,
            client_token: None,
            manner,
            cluster,
            project: None,
        })
        .await
}

fn lease(reader: &Reader, cluster: &RunId) -> LeaseState {
    reader.status(cluster).unwrap().attempts().last().map_or(LeaseState::Intended, |attempt| attempt.lease)
}

async fn until(reader: &Reader, cluster: &RunId, wanted: LeaseState) {
    until_any(reader, cluster, &[wanted]).await;
}

async fn until_any(reader: &Reader, cluster: &RunId, wanted: &[LeaseState]) {
    while !wanted.contains(&lease(reader, cluster)) {
        sleep(Duration::from_secs(5)).await;
    }
}

/// What the clouds charged is on the bill, one lease was enough, and nothing costs anything any more.
fn assert_settled(world: &World, broker: &Broker, cluster: &RunId, what: &str) {
    let charged: Usd = world.clouds.iter().map(|cloud| cloud.cost()).sum();
    assert_eq!(bill(world, broker, cluster).metered, charged, "{what}");
    let leases: usize = world.clouds.iter().map(|cloud| cloud.leases().len()).sum();
    assert_eq!(leases, 1, "{what}");
    for cloud in &world.clouds {
        assert_eq!((cloud.billable(), cloud.violations()), (vec![], vec![]), "{what}: {}", cloud.name());
    }
}

/// What a client asks of a cluster, one after the other; what was acknowledged is not asked again.
async fn client(broker: &Broker, cluster: &RunId, acknowledged: &Cell<u32>) {
    use LeaseState::{Active, Requested, Starting, Stopped, Stopping};
    let reader = broker.reader().unwrap();
    loop {
        let granted = match acknowledged.get() {
            0 => {
                // Or the answer of before was lost.
                until_any(&reader, cluster, &[Active, Stopping, Stopped]).await;
                sleep(WHILE).await;
                broker.wish(cluster, Wish::Stop).await
            }
            1 => {
                until_any(&reader, cluster, &[Stopped, Starting, Requested, Active]).await;
                sleep(WHILE).await;
                broker.wish(cluster, Wish::Start).await
            }
            2 => {
                until(&reader, cluster, LeaseState::Active).await;
                sleep(WHILE).await;
                broker.request_cancel(cluster).await.unwrap();
                Ok(())
            }
            _ => std::future::pending().await,
        };
        match granted {
            Ok(()) => acknowledged.set(acknowledged.get() + 1),
            // Its machines are not there yet, or it is being taken up.
            Err(WishError::NotThere { .. } | WishError::Undriven { .. }) => {
                sleep(Duration::from_secs(1)).await
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Brokers drive the cluster until it is over, each dying after so many writes; gives how many died.
async fn live_through(world: &World, cluster: &RunId, dies: impl Fn(u32) -> Option<u64>) -> u32 {
    let acknowledged = Cell::new(0);
    for life in 0.. {
        let last = dies(life);
        let broker = world.broker_with(Arc::new(move |write| {
            if Some(write) == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let outcome = tokio::select! {
            biased;
            outcome = broker.run(cluster) => outcome,
            () = client(&broker, cluster, &acknowledged) => unreachable!("a client waits for ever"),
        };
        match outcome {
            Ok(outcome) => {
                assert_eq!(outcome.state, RunState::Cancelled, "{:?}", outcome.reason);
                return life;
            }
            Err(RunError::Crashed) => {}
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
    unreachable!("some broker lives long enough")
}

async fn made(world: &World) -> RunId {
    submit(world, &world.broker(), Manner::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_costs_nothing_while_its_machines_are_stopped() {
    let world = World::kind();
    let cluster = made(&world).await;
    live_through(&world, &cluster, |_| None).await;
    let broker = world.broker();
    assert_settled(&world, &broker, &cluster, "unharmed");
    let view = broker.reader().unwrap().status(&cluster).unwrap();
    let took = view.ended.unwrap().since(view.submitted);
    let billed: Span = bill(&world, &broker, &cluster)
        .lines
        .iter()
        .map(|line| match line.item {
            welkin_ledger::Item::Vm { time, .. } => time,
            welkin_ledger::Item::Egress { .. } => Span::ZERO,
        })
        .sum();
    assert!(took.saturating_sub(billed) >= Span::from_secs(600), "{billed} billed of {took}");
    assert_eq!(world.clouds[0].count(Op::StartLease), 1);
}

#[tokio::test(start_paused = true)]
async fn a_broker_killed_at_any_step_of_a_stop_or_start_bills_once_and_leaves_nothing() {
    let (mut last, mut unharmed) = (0, 0);
    while unharmed < 2 {
        last += 1;
        let world = World::kind();
        let cluster = made(&world).await;
        let deaths = live_through(&world, &cluster, |life| (life == 0).then_some(last)).await;
        unharmed = if deaths == 0 { unharmed + 1 } else { 0 };
        assert_settled(&world, &world.broker(), &cluster, &format!("killed after write {last}"));
    }
    assert!(last > 10, "{last} writes");
    let world = World::kind();
    let cluster = made(&world).await;
    let deaths = live_through(&world, &cluster, |_| Some(1)).await;
    assert!(deaths > 8, "{deaths}");
    assert_settled(&world, &world.broker(), &cluster, "killed after each write");
}

#[tokio::test(start_paused = true)]
async fn a_stop_or_start_whose_call_or_answer_is_lost_is_done_once() {
    for op in [Op::StopLease, Op::StartLease] {
        for fault in [
            Fault::RequestLost,
            Fault::AnswerLost,
            Fault::RateLimited(Span::from_secs(7)),
            Fault::SlowAfter(Span::from_secs(40)),
            Fault::CredentialsExpire(Span::from_secs(20)),
        ] {
            let world = World::scripted(Script::new().fault(op, 1, fault.clone()));
            let cluster = made(&world).await;
            live_through(&world, &cluster, |_| None).await;
            assert_settled(&world, &world.broker(), &cluster, &format!("{op}: {fault:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_stop_or_start_is_told_of_and_nothing_changes() {
    for (op, kind, wanted) in [
        (Op::StopLease, ErrorKind::NotSupported, LeaseState::Active),
        (Op::StartLease, ErrorKind::NoCapacity, LeaseState::Stopped),
    ] {
        let world = World::scripted(Script::new().fault(op, 1, Fault::Refused(kind)));
        let broker = world.broker();
        let cluster = submit(&world, &broker, Manner::default()).await.unwrap();
        let reader = broker.reader().unwrap();
        let client = async {
            until(&reader, &cluster, LeaseState::Active).await;
            broker.wish(&cluster, Wish::Stop).await.unwrap();
            if op == Op::StartLease {
                until(&reader, &cluster, LeaseState::Stopped).await;
                broker.wish(&cluster, Wish::Start).await.unwrap();
            }
            while reader.status(&cluster).unwrap().attempts().all(|attempt| attempt.rest_refused.is_none()) {
                sleep(Duration::from_secs(1)).await;
            }
            assert_eq!(lease(&reader, &cluster), wanted, "{op}");
            broker.request_cancel(&cluster).await.unwrap();
        };
        let (held, ()) = tokio::join!(broker.run(&cluster), client);
        assert_eq!(held.unwrap().state, RunState::Cancelled);
        assert_settled(&world, &broker, &cluster, &op.to_string());
    }
}

/// What is on a cluster that is stopped ends; what comes to one that stopped by itself starts it again.
#[tokio::test(start_paused = true)]
async fn an_idle_cluster_stops_and_work_that_comes_then_starts_it() {
    let world = World::kind();
    let broker = world.broker();
    let idle = Manner { idle: Some(Span::from_secs(1_800)), stops: true, ..Manner::default() };
    let cluster = submit(&world, &broker, idle).await.unwrap();
    let reader = broker.reader().unwrap();
    let client = async {
        until(&reader, &cluster, LeaseState::Stopped).await;
        let late = ClusterRole::On(cluster.clone());
        let job = script("minutes=1");
        let run = on(&world, &broker, &job, Manner::default(), late.clone()).await.unwrap();
        until(&reader, &cluster, LeaseState::Active).await;
        assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
        let run = on(&world, &broker, &script("minutes=900"), Manner::default(), late).await.unwrap();
        let ended = async {
            sleep(Duration::from_secs(60)).await;
            broker.wish(&cluster, Wish::Stop).await.unwrap();
        };
        let (ended, ()) = tokio::join!(broker.run(&run), ended);
        assert_eq!(ended.unwrap().state, RunState::Cancelled);
        until(&reader, &cluster, LeaseState::Stopped).await;
        // A cluster may also end while it is stopped.
        broker.request_cancel(&cluster).await.unwrap();
    };
    let (held, ()) = tokio::join!(broker.run(&cluster), client);
    assert_eq!(held.unwrap().state, RunState::Cancelled);
    for cloud in &world.clouds {
        assert_eq!((cloud.billable(), cloud.violations()), (vec![], vec![]), "{}", cloud.name());
    }
    let refused = broker.wish(&cluster, Wish::Idle(Some(Idle { span: Span::from_secs(60), stops: true })));
    let refused = tokio::time::timeout(Duration::from_secs(600), refused).await;
    assert!(matches!(refused, Ok(Err(WishError::Undriven { .. }))), "{refused:?}");
}

/// Machines that somebody else stops are taken for what they are.
#[tokio::test(start_paused = true)]
async fn machines_that_are_stopped_elsewhere_are_stopped_here_too() {
    let world = World::kind();
    let broker = world.broker();
    let cluster = submit(&world, &broker, Manner::default()).await.unwrap();
    let reader = broker.reader().unwrap();
    let client = async {
        until(&reader, &cluster, LeaseState::Active).await;
        let lease = world.clouds[0].leases()[0].id.clone();
        world.clouds[0].stop(&lease).await.unwrap();
        until(&reader, &cluster, LeaseState::Stopped).await;
        sleep(WHILE).await;
        broker.wish(&cluster, Wish::Start).await.unwrap();
        until(&reader, &cluster, LeaseState::Active).await;
        broker.request_cancel(&cluster).await.unwrap();
    };
    let (held, ()) = tokio::join!(broker.run(&cluster), client);
    assert_eq!(held.unwrap().state, RunState::Cancelled);
    assert_settled(&world, &broker, &cluster, "stopped elsewhere");
}
