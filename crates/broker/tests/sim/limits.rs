//! Deadlines that pass, budgets that end, and how many tasks are under way at once.

use crate::world::{World, plan, plan_of, task};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_broker::{Broker, BrokerOptions, RunState};
use welkin_job::Policy;
use welkin_provider::Tier;
use welkin_provider::memory::{Fate, Script, Stock, StockKey};
use welkin_units::{Span, Usd};

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_is_on_record_and_the_run_goes_on() {
    let world = World::kind();
    let broker = world.broker();
    let policy = Policy { deadline: Some(Span::from_secs(600)), ..Policy::default() };
    let slow = task("slow", "minutes=20").at(&["a/x"]).output("out").edit(|task| {
        task.policy.deadline = Some(Span::from_secs(300));
    });
    let plan = plan_of("late", vec![slow, task("next", "").at(&["b/x"]).input("in", "slow", "out")], policy);
    let run = world.submit(&broker, &plan).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    let missed: Vec<_> =
        view.missed_deadlines.iter().map(|missed| (missed.task.as_deref(), missed.deadline)).collect();
    assert_eq!(missed, [(Some("slow"), Span::from_secs(300)), (None, Span::from_secs(600))]);
    assert_eq!(view.missed_deadlines[1].at.since(view.submitted), Span::from_secs(600));
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["missed_deadlines"][0]["task"], "slow");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passed_while_nobody_drove_is_told_once() {
    let world = World::kind();
    let policy = Policy { deadline: Some(Span::from_secs(600)), ..Policy::default() };
    let plan = plan_of("late", vec![task("slow", "minutes=60").at(&["a/x"]).output("out")], policy);
    let broker = world.broker();
    let run = world.submit(&broker, &plan).await;
    for seconds in [100, 900, 100] {
        let life = std::time::Duration::from_secs(seconds);
        let _ = tokio::time::timeout(life, broker.run(&run)).await.unwrap_err();
    }
    broker.run(&run).await.unwrap();
    assert_eq!(broker.reader().unwrap().status(&run).unwrap().missed_deadlines.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_its_budget_stops_says_so() {
    let mut world = World::kind();
    // Waiting would not make the budget larger.
    world.retry_until_up = true;
    let broker = world.broker();
    let policy = Policy { budget: Some(Usd::from_cents(2)), ..Policy::default() };
    let plan = plan_of("slow", vec![task("one", "minutes=600").at(&["a/x", "b/x"])], policy);
    let run = world.submit(&broker, &plan).await;
    let outcome = broker.run(&run).await.unwrap();
    assert!(outcome.over_budget);
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("the budget of the run does not cover it any more"), "{reason}");
    // Looked at when it is about to be passed, not some seconds later: at 60 cents an hour a second is
    // 0.017 cents.
    let spent = broker.reader().unwrap().bill(
        &run,
        welkin_provider::Clock::now(&world.clock),
        &world.options().terms,
    );
    let spent = spent.unwrap().metered;
    assert!(spent < Usd::from_nanos(20_200_000), "{spent}");
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_boots_for_ever_does_not_pass_the_budget() {
    let world = World::scripted(Script::new().fate(1, Fate::never_ready()));
    let broker = world.broker();
    let policy = Policy { budget: Some(Usd::from_cents(2)), ..Policy::default() };
    let plan = plan_of("stuck", vec![task("one", "").at(&["a/x"])], policy);
    let run = world.submit(&broker, &plan).await;
    assert!(broker.run(&run).await.unwrap().over_budget);
    let charged: Usd = world.clouds.iter().map(|cloud| cloud.cost()).sum();
    assert!(charged < Usd::from_nanos(20_200_000), "{charged}");
}

#[tokio::test(start_paused = true)]
async fn no_more_tasks_are_under_way_than_are_allowed() {
    let world = World::kind();
    let writes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&writes);
    let mut options = BrokerOptions { side_by_side: Some(5), ..world.options() };
    options.after_record = Some(Arc::new(move |write| {
        counted.store(write, Ordering::Relaxed);
        ControlFlow::Continue(())
    }));
    let broker = Broker::open(&world.dir.path().join("state"), options).unwrap();
    let tasks: Vec<String> = (0..40).map(|number| format!("t{number}")).collect();
    let plan = plan(tasks.iter().map(|name| task(name, "").at(&["a/x"])).collect());
    let run = world.submit(&broker, &plan).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    let mut moments: Vec<(u64, i32)> = Vec::new();
    for attempt in view.attempts() {
        moments.push((attempt.began.0, 1));
        moments.push((attempt.ended.unwrap().0, -1));
    }
    moments.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, change) in moments {
        now += change;
        most = most.max(now);
    }
    assert_eq!(most, 5);
    // What goes on at once is committed at once: each task is some ten facts.
    let facts = broker.reader().unwrap().events(&run, 0).unwrap().len() as u64;
    assert!(writes.load(Ordering::Relaxed) * 2 < facts, "{writes:?} commits of {facts} records");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_said_no_is_not_asked_again_at_once() {
    // The first place has none, the second loses the machine: the third is next, not the first.
    let world = World::with(0, |name, builder| match name {
        "a" => builder
            .stock(StockKey::new("x", "m1", Tier::OnDemand), Stock { capacity: Some(0), ..Stock::default() }),
        "b" => builder.script(Script::new().fate(1, Fate::crashed(Span::from_secs(30)))),
        _ => builder,
    });
    let broker = world.broker();
    let specs = ["one", "two"].map(|name| task(name, "").at(&["a/x", "b/x", "c/x"]).output("out"));
    let [one, two] = specs;
    let run = world.submit(&broker, &plan(vec![one, two.input("in", "one", "out")])).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    let places = |task: usize| -> Vec<&str> {
        view.tasks[task].attempts.iter().map(|attempt| attempt.place.location.provider.as_str()).collect()
    };
    assert_eq!(places(0), ["a", "b", "c"]);
    // Its neighbour was told already.
    assert_eq!(places(1), ["b"]);
}
