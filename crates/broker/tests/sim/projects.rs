//! Projects: what passes their limits is refused, waits, or is ended, under virtual time.

use crate::accounts::bill;
use crate::world::{World, plan_of, task};
use std::time::Duration;
use tokio::time::sleep;
use welkin_broker::{
    Broker, ClusterRole, LeaseState, Manner, Record, RunId, RunState, Submission, SubmitError, Wish,
    WishError,
};
use welkin_job::Policy;
use welkin_placement::Plan;
use welkin_provider::memory::{Fate, Script};
use welkin_records::{Change, Limits, Project, StoreError, Write};
use welkin_units::{Span, Usd};

/// At 60 cents an hour: a cent a minute.
fn minutes(count: u32, name: &str) -> Plan {
    plan_of(name, vec![task("t", &format!("minutes={count}")).at(&["a/x", "b/x"])], Policy::default())
}

async fn set(broker: &Broker, version: u64, limits: Limits) {
    let project = Box::new(Project { name: "lab".to_owned(), version, limits, ..Project::default() });
    broker.write(Write(vec![Change::Project { was: version - 1, project }])).await.unwrap();
}

fn total(cents: i64) -> Limits {
    Limits { total: Some(Usd::from_cents(cents)), ..Limits::default() }
}

async fn submit(
    world: &World,
    broker: &Broker,
    plan: &Plan,
    cluster: Option<ClusterRole>,
) -> Result<RunId, SubmitError> {
    let (base_dir, manner) = (world.dir.path().to_owned(), Manner::default());
    let project = Some("lab".to_owned());
    broker
        .submit(Submission { plan, job: &plan.job, base_dir, client_token: None, manner, cluster, project })
        .await
}

fn records(broker: &Broker, run: &RunId) -> Vec<Record> {
    broker.reader().unwrap().events(run, 0).unwrap().into_iter().map(|line| line.record).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_budget_does_not_cover_is_refused_when_it_is_handed_in_and_submitted() {
    let world = World::kind();
    let broker = world.broker();
    let plan = minutes(1, "one");
    let unknown = submit(&world, &broker, &plan, None).await;
    assert!(matches!(unknown, Err(SubmitError::NoProject { name }) if name == "lab"));
    set(&broker, 1, total(5)).await;
    broker.would_take(Some("lab"), &plan, None).await.unwrap();
    let run = submit(&world, &broker, &plan, None).await.unwrap();
    for refused in [
        broker.would_take(Some("lab"), &plan, None).await,
        submit(&world, &broker, &plan, None).await.map(drop),
    ] {
        let Err(SubmitError::Over(over)) = refused else { panic!("{refused:?}") };
        let words =
            "the budget of project lab is $0.050: $0.00 spent, $0.030 set aside for what runs, $0.030 wanted";
        assert_eq!(over.to_string(), words);
    }
    // What it did not use is there again, and what it did is gone.
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    submit(&world, &broker, &plan, None).await.unwrap();
    let status = broker.reader().unwrap().status(&run).unwrap();
    assert_eq!(status.project.as_deref(), Some("lab"));
    // The default project has no limit, and is told apart.
    world.submit(&broker, &plan).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_pass_the_budget_waits_says_so_and_goes_on() {
    let fate = Fate::preempted(Span::from_secs(30), Span::ZERO);
    let world = World::scripted(Script::new().fate(1, fate));
    let broker = world.broker();
    set(&broker, 1, total(3)).await;
    let plan = minutes(1, "retried");
    let run = submit(&world, &broker, &plan, None).await.unwrap();
    let watched = async {
        sleep(Duration::from_secs(10)).await;
        set(&broker, 2, total(1)).await;
        let reader = broker.reader().unwrap();
        while reader.status(&run).unwrap().tasks[0].held.is_none() {
            sleep(Duration::from_secs(1)).await;
        }
        let held = reader.status(&run).unwrap().tasks[0].held.clone().unwrap();
        assert!(held.contains("the budget of project lab is $0.010: $0.0050 spent"), "{held}");
        // However long it takes.
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(reader.status(&run).unwrap().attempts().count(), 1);
        set(&broker, 3, total(5)).await;
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), watched);
    assert_eq!(outcome.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    assert_eq!((view.attempts().count(), view.tasks[0].held.as_ref()), (2, None));
    world.assert_clean(&view);
    let held = records(&broker, &run).into_iter().filter(|record| matches!(record, Record::TaskHeld { .. }));
    assert_eq!(held.count(), 1, "it is said once");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_is_cancelled_and_found_waiting_by_the_next_broker() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, Limits { leases: Some(0), ..Limits::default() }).await;
    let plan = minutes(1, "waits");
    // It could never begin.
    let refused = submit(&world, &broker, &plan, None).await;
    assert!(matches!(refused, Err(SubmitError::Over(_))), "{refused:?}");
    set(&broker, 2, Limits::default()).await;
    let run = submit(&world, &broker, &plan, None).await.unwrap();
    set(&broker, 3, total(1)).await;
    let waits = Duration::from_secs(60);
    tokio::time::timeout(waits, broker.run(&run)).await.unwrap_err();
    drop(broker);
    let broker = world.broker();
    tokio::time::timeout(waits, broker.run(&run)).await.unwrap_err();
    let view = broker.reader().unwrap().status(&run).unwrap();
    assert!(view.tasks[0].held.is_some() && view.attempts().count() == 0);
    broker.cancel(&run).await.unwrap();
    let used = broker.reader().unwrap();
    let used = used.records().project_use("lab").await.unwrap();
    assert_eq!(used.claims, [], "what is over takes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_ends_what_runs_where_the_project_says_so() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, Limits { stops: true, ..total(10) }).await;
    let plan = minutes(600, "long");
    let run = submit(&world, &broker, &plan, None).await.unwrap();
    let outcome = broker.run(&run).await.unwrap();
    assert_eq!((outcome.state, outcome.over_budget), (RunState::Failed, true));
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("the budget of project lab, $0.10, is used up"), "{reason}");
    let spent = bill(&world, &broker, &run).metered;
    assert!(spent >= Usd::from_cents(10) && spent < Usd::from_nanos(101_000_000), "{spent}");
    let told: Vec<(u8, bool)> = records(&broker, &run)
        .into_iter()
        .filter_map(|record| match record {
            Record::BudgetUsed { percent, stops, month: None } => Some((percent, stops)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(80, false), (100, true)]);
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
    // Nothing new begins.
    assert!(matches!(submit(&world, &broker, &minutes(1, "next"), None).await, Err(SubmitError::Over(_))));
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_lets_go_on_what_runs_unless_the_project_says_otherwise() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, total(4)).await;
    let plan = minutes(10, "longer");
    let run = submit(&world, &broker, &plan, None).await.unwrap();
    let refused = async {
        sleep(Duration::from_secs(300)).await;
        let refused = submit(&world, &broker, &minutes(0, "next"), None).await;
        let Err(SubmitError::Over(over)) = refused else { panic!("{refused:?}") };
        over.to_string()
    };
    let (outcome, refused) = tokio::join!(broker.run(&run), refused);
    assert_eq!(outcome.unwrap().state, RunState::Succeeded);
    assert!(refused.contains("$0.050 spent"), "{refused}");
    let told = records(&broker, &run)
        .into_iter()
        .any(|record| matches!(record, Record::BudgetUsed { percent: 100, stops: false, .. }));
    assert!(told);
}

#[tokio::test(start_paused = true)]
async fn leases_beyond_the_quota_wait_for_those_that_are_given_back() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, Limits { leases: Some(1), ..Limits::default() }).await;
    let plan = minutes(1, "quota");
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(submit(&world, &broker, &plan, None).await.unwrap());
    }
    let most = async {
        let mut most = 0;
        loop {
            tokio::select! {
                done = futures::future::join_all(runs.iter().map(|run| broker.run(run))) => break (done, most),
                () = async {
                    loop {
                        let billed: usize = world.clouds.iter().map(|cloud| cloud.billable().len()).sum();
                        most = most.max(billed);
                        sleep(Duration::from_millis(500)).await;
                    }
                } => {}
            }
        }
    };
    let (done, most) = most.await;
    for outcome in done {
        assert_eq!(outcome.unwrap().state, RunState::Succeeded);
    }
    assert_eq!(most, 1);
    let waited = runs
        .iter()
        .filter(|run| records(&broker, run).iter().any(|record| matches!(record, Record::TaskHeld { .. })));
    assert_eq!(waited.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_was_stopped_is_not_started_without_money() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, total(100)).await;
    let plan = plan_of("dev", vec![task("t", "minutes=100000").at(&["a/x"])], Policy::default());
    let holds = ClusterRole::Holds("dev".to_owned());
    let run = submit(&world, &broker, &plan, Some(holds)).await.unwrap();
    let reader = broker.reader().unwrap();
    let lease = |wanted: LeaseState| {
        let (reader, run) = (&reader, &run);
        async move {
            while reader.status(run).unwrap().attempts().last().map(|attempt| attempt.lease) != Some(wanted) {
                sleep(Duration::from_secs(1)).await;
            }
        }
    };
    let asked = async {
        lease(LeaseState::Active).await;
        sleep(Duration::from_secs(120)).await;
        broker.wish(&run, Wish::Stop).await.unwrap();
        lease(LeaseState::Stopped).await;
        set(&broker, 2, total(2)).await;
        let refused = broker.wish(&run, Wish::Start).await;
        assert!(matches!(refused, Err(WishError::Over(_))), "{refused:?}");
        set(&broker, 3, total(100)).await;
        broker.wish(&run, Wish::Start).await.unwrap();
        lease(LeaseState::Active).await;
        broker.request_cancel(&run).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), asked);
    assert_eq!(outcome.unwrap().state, RunState::Cancelled);
    // Work on it is of its project, whatever it says.
    let late = submit(&world, &broker, &plan, Some(ClusterRole::On(run.clone()))).await;
    assert!(matches!(late, Err(SubmitError::NoCluster { .. })), "{late:?}");
}

/// What a run says of itself does not count, but what it asks for.
#[tokio::test(start_paused = true)]
async fn machines_of_its_own_count_for_a_run_that_says_it_is_on_a_cluster() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, Limits { leases: Some(1), ..Limits::default() }).await;
    let plan = plan_of("dev", vec![task("t", "minutes=100000").at(&["a/x"])], Policy::default());
    let holds = ClusterRole::Holds("dev".to_owned());
    let cluster = submit(&world, &broker, &plan, Some(holds)).await.unwrap();
    let on = Some(ClusterRole::On(cluster.clone()));
    let mut part = minutes(1, "part");
    part.tasks[0].alternatives.clear();
    part.tasks[0].choice.node.instance_type = "cluster/dev/1".to_owned();
    let part = part.sealed();
    let work = async {
        let reader = broker.reader().unwrap();
        while reader.status(&cluster).unwrap().attempts().all(|attempt| attempt.lease != LeaseState::Active) {
            sleep(Duration::from_secs(1)).await;
        }
        let part = submit(&world, &broker, &part, on.clone()).await.unwrap();
        assert_eq!(broker.run(&part).await.unwrap().state, RunState::Succeeded);
        let own = submit(&world, &broker, &minutes(1, "own"), on).await.unwrap();
        let waits = Duration::from_secs(600);
        tokio::time::timeout(waits, broker.run(&own)).await.unwrap_err();
        let view = reader.status(&own).unwrap();
        assert!(view.tasks[0].held.is_some() && view.attempts().count() == 0, "{view:?}");
        broker.request_cancel(&cluster).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(broker.run(&cluster), work);
    assert_eq!(outcome.unwrap().state, RunState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn two_that_change_a_project_at_once_do_not_both_have_their_way() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, total(1)).await;
    let project = |cents| {
        let project =
            Project { name: "lab".to_owned(), version: 2, limits: total(cents), ..Project::default() };
        Write(vec![Change::Project { was: 1, project: Box::new(project) }])
    };
    let (one, other) = tokio::join!(broker.write(project(2)), broker.write(project(3)));
    assert!(one.is_ok() && matches!(other, Err(StoreError::ProjectChanged { .. })));
}

#[tokio::test(start_paused = true)]
async fn tasks_one_after_the_other_need_the_room_of_one() {
    let world = World::kind();
    let broker = world.broker();
    set(&broker, 1, Limits { leases: Some(1), ..Limits::default() }).await;
    let steps = ["one", "two", "three"].map(|name| task(name, "").at(&["a/x"]).output("out"));
    let [one, two, three] = steps;
    let plan = plan_of(
        "chain",
        vec![one, two.input("x", "one", "out"), three.input("x", "two", "out")],
        Policy::default(),
    );
    let run = submit(&world, &broker, &plan, None).await.unwrap();
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    let held = |record: &Record| matches!(record, Record::TaskHeld { .. });
    assert!(!records(&broker, &run).iter().any(held), "no task waited for room that was there");
}
