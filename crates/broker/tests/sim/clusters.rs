//! Runs that hold machines for others: how long, and what becomes of the others.

use crate::world::{World, plan, task};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use welkin_broker::{
    Broker, ClusterRole, Idle, Manner, Open, RunId, RunOutcome, RunState, Submission, SubmitError, Wish,
    WishError,
};
use welkin_placement::Plan;
use welkin_provider::Provider;
use welkin_units::Span;

/// A job of one task whose script does this.
fn script(script: &str) -> Plan {
    plan(vec![task("t", script).at(&["a/x"])])
}

/// Longer than any test.
fn holder() -> Plan {
    script("minutes=100000")
}

/// Nothing costs anything any more.
fn assert_clean(world: &World) {
    for cloud in &world.clouds {
        assert_eq!((cloud.billable(), cloud.violations()), (vec![], vec![]), "{}", cloud.name());
    }
}

async fn submit(
    world: &World,
    broker: &Broker,
    plan: &Plan,
    manner: Manner,
    cluster: ClusterRole,
) -> Result<RunId, SubmitError> {
    let base_dir = world.dir.path().to_owned();
    let cluster = Some(cluster);
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

fn plain<'a>(world: &World, plan: &'a Plan) -> Submission<'a> {
    let base_dir = world.dir.path().to_owned();
    let (client_token, manner) = (None, Manner::default());
    Submission { plan, job: &plan.job, base_dir, client_token, manner, cluster: None, project: None }
}

fn dev() -> ClusterRole {
    ClusterRole::Holds("dev".to_owned())
}

fn idle(minutes: u64) -> Manner {
    Manner { idle: Some(Span::from_secs(60 * minutes)), ..Manner::default() }
}

fn ends_after(minutes: u64) -> Idle {
    Idle { span: Span::from_secs(60 * minutes), stops: false }
}

fn state(outcome: Result<RunOutcome, welkin_broker::RunError>) -> (RunState, Option<String>) {
    let outcome = outcome.unwrap();
    (outcome.state, outcome.reason)
}

#[tokio::test(start_paused = true)]
async fn a_cluster_ends_when_nothing_was_under_way_for_as_long_as_it_may_be_idle() {
    let world = World::kind();
    let broker = world.broker();
    let cluster = submit(&world, &broker, &holder(), idle(30), dev()).await.unwrap();
    let began = Instant::now();
    let work = async {
        sleep(Duration::from_secs(60 * 20)).await;
        let job = script("minutes=90");
        let run = submit(&world, &broker, &job, Manner::default(), ClusterRole::On(cluster.clone())).await;
        let done = state(broker.run(&run.unwrap()).await);
        (done, began.elapsed())
    };
    let (held, (done, worked)) = tokio::join!(broker.run(&cluster), work);
    assert_eq!(done, (RunState::Succeeded, None));
    let (state, reason) = state(held);
    assert_eq!(state, RunState::Succeeded);
    assert_eq!(reason.as_deref(), Some("nothing was under way on it for 30m"));
    let after = (began.elapsed() - worked).as_secs();
    assert!((1_800..1_830).contains(&after), "{after} s after the last work");
    assert_clean(&world);
}

/// Each is over between two looks at what is under way.
#[tokio::test(start_paused = true)]
async fn a_cluster_in_use_by_short_work_is_not_idle() {
    let world = World::kind();
    let broker = world.broker();
    let cluster = submit(&world, &broker, &holder(), idle(30), dev()).await.unwrap();
    let work = async {
        for nth in 0..10 {
            sleep(Duration::from_secs(60 * 20)).await;
            drop(broker.line_up(&RunId(format!("short-{nth}")), &cluster));
        }
        Instant::now()
    };
    let (held, last) = tokio::join!(broker.run(&cluster), work);
    assert_eq!(state(held), (RunState::Succeeded, Some("nothing was under way on it for 30m".to_owned())));
    let after = last.elapsed().as_secs();
    assert!((1_800..1_830).contains(&after), "{after} s after the last work");
}

#[tokio::test(start_paused = true)]
async fn how_long_it_may_be_idle_can_be_said_later_and_taken_back() {
    let world = World::kind();
    let broker = world.broker();
    let cluster = submit(&world, &broker, &holder(), Manner::default(), dev()).await.unwrap();
    let began = Instant::now();
    let choose = async {
        let wish = |minutes: Option<u64>| Wish::Idle(minutes.map(ends_after));
        sleep(Duration::from_secs(60 * 50)).await;
        broker.wish(&cluster, wish(Some(30))).await.unwrap();
        sleep(Duration::from_secs(60 * 29)).await;
        broker.wish(&cluster, wish(None)).await.unwrap();
        sleep(Duration::from_secs(60 * 500)).await;
        broker.wish(&cluster, wish(Some(10))).await.unwrap();
        began.elapsed()
    };
    let (held, chosen) = tokio::join!(broker.run(&cluster), choose);
    assert_eq!(state(held).1.as_deref(), Some("nothing was under way on it for 10m"));
    let after = (began.elapsed() - chosen).as_secs();
    assert!((600..620).contains(&after), "{after} s after it was said");
    let run = broker.submit(plain(&world, &script("minutes=1"))).await.unwrap();
    let work = async {
        let refused = broker.wish(&run, Wish::Idle(None)).await;
        assert!(matches!(refused, Err(WishError::NoCluster { .. })), "{refused:?}");
    };
    assert_eq!(state(tokio::join!(broker.run(&run), work).0).0, RunState::Succeeded);
    assert_clean(&world);
}

/// What was said is on record: another broker goes by it.
#[tokio::test(start_paused = true)]
async fn what_was_said_of_an_idle_cluster_outlives_the_broker_that_heard_it() {
    let world = World::kind();
    let cluster = {
        let broker = world.broker();
        let cluster = submit(&world, &broker, &holder(), Manner::default(), dev()).await.unwrap();
        let said = broker.wish(&cluster, Wish::Idle(Some(ends_after(10))));
        tokio::select! {
            ended = broker.run(&cluster) => panic!("{ended:?}"),
            said = said => said.unwrap(),
        }
        cluster
    };
    let broker = world.broker();
    assert_eq!(broker.reader().unwrap().status(&cluster).unwrap().idle(), Some(Span::from_secs(600)));
    assert_eq!(state(broker.run(&cluster).await).0, RunState::Succeeded);
    assert_clean(&world);
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_cluster_over_gives_it_its_whole_time_again() {
    let world = World::kind();
    let cluster = {
        let broker = world.broker();
        let cluster = submit(&world, &broker, &holder(), idle(30), dev()).await.unwrap();
        let most = tokio::time::timeout(Duration::from_secs(60 * 25), broker.run(&cluster)).await;
        assert!(most.is_err());
        cluster
    };
    let began = Instant::now();
    let broker = world.broker();
    assert_eq!(state(broker.run(&cluster).await).0, RunState::Succeeded);
    assert!(began.elapsed().as_secs() >= 1_800, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_on_a_cluster_ends_with_it_and_nothing_comes_after() {
    let world = World::kind();
    let broker = world.broker();
    let cluster = submit(&world, &broker, &holder(), Manner::default(), dev()).await.unwrap();
    let on = ClusterRole::On(cluster.clone());
    let job = script("minutes=90");
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(submit(&world, &broker, &job, Manner::default(), on.clone()).await.unwrap());
    }
    let taken = submit(&world, &broker, &holder(), Manner::default(), dev()).await;
    assert!(matches!(taken, Err(SubmitError::ClusterTaken { name, run }) if name == "dev" && run == cluster));
    let end = async {
        sleep(Duration::from_secs(600)).await;
        broker.cancel(&cluster).await
    };
    let others = futures::future::join_all(runs.iter().map(|run| broker.run(run)));
    let (held, ended, others) = tokio::join!(broker.run(&cluster), end, others);
    assert_eq!((state(held).0, state(ended).0), (RunState::Cancelled, RunState::Cancelled));
    for other in others {
        assert_eq!(state(other).0, RunState::Cancelled);
    }
    let late = submit(&world, &broker, &job, Manner::default(), on.clone()).await;
    assert!(matches!(late, Err(SubmitError::NoCluster { run }) if run == cluster));
    let reader = broker.reader().unwrap();
    assert!(reader.in_cluster(&on, Open::Only).unwrap().is_empty());
    assert_eq!(reader.in_cluster(&on, Open::OrOver).unwrap().len(), 3);
    let again = submit(&world, &broker, &holder(), Manner::default(), dev()).await.unwrap();
    assert_ne!(again, cluster);
}

/// The broker dies right after it put on record that the cluster ends, before it looked for what is on it.
#[tokio::test(start_paused = true)]
async fn a_broker_that_dies_between_a_cluster_and_its_runs_leaves_none_of_them() {
    let world = World::kind();
    let (cluster, run) = {
        let broker = world.broker();
        let cluster = submit(&world, &broker, &holder(), Manner::default(), dev()).await.unwrap();
        let on = ClusterRole::On(cluster.clone());
        let run = submit(&world, &broker, &script("minutes=90"), Manner::default(), on).await.unwrap();
        let both = async { tokio::join!(broker.run(&cluster), broker.run(&run)) };
        assert!(tokio::time::timeout(Duration::from_secs(600), both).await.is_err());
        broker.request_cancel(&cluster).await.unwrap();
        (cluster, run)
    };
    for write in 1_u64.. {
        let ended = std::sync::Arc::new(move |count: u64| match count >= write {
            true => std::ops::ControlFlow::Break(()),
            false => std::ops::ControlFlow::Continue(()),
        });
        let broker = world.broker_with(ended);
        let outcomes = broker.resume().await.unwrap();
        drop(broker);
        if outcomes.iter().all(|(_, outcome)| outcome.is_ok()) {
            break;
        }
        assert!(write < 100, "it never ends");
    }
    let reader = world.broker().reader().unwrap();
    for id in [&cluster, &run] {
        assert_eq!(reader.status(id).unwrap().state, RunState::Cancelled, "{id}");
    }
    assert_clean(&world);
}
