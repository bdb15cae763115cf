//! Places that refuse, machines that go, scripts that fail.

use crate::world::{CHAIN, World, chain, plan, task};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use welkin_broker::{AttemptEnd, LogQuery, Manner, Record, RunState, TaskState};
use welkin_provider::memory::{Fate, Fault, Op, Script, Stock, StockKey};
use welkin_provider::{ErrorKind, Tier};
use welkin_units::Span;

fn stock(cloud: &str, stock: Stock) -> World {
    World::with(0, |name, builder| {
        if name == cloud { builder.stock(StockKey::new("x", "m1", Tier::OnDemand), stock) } else { builder }
    })
}

#[tokio::test(start_paused = true)]
async fn a_full_place_leads_to_the_next_alternative() {
    for (limit, kind) in [
        (Stock { capacity: Some(0), ..Stock::default() }, ErrorKind::NoCapacity),
        (Stock { quota: Some(0), quota_shown: Some(9), ..Stock::default() }, ErrorKind::QuotaExceeded),
    ] {
        let world = stock("a", limit);
        let broker = world.broker();
        let run = world.submit(&broker, &chain()).await;
        broker.run(&run).await.unwrap();
        world.assert_succeeded(&broker, &run, CHAIN).await;
        let view = broker.reader().unwrap().status(&run).unwrap();
        let clean = &view.tasks[0].attempts;
        assert!(matches!(&clean[0].end, Some(AttemptEnd::Refused { kind: told, .. }) if *told == kind));
        assert_eq!(clean[1].place.location.provider, "b");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_asks_elsewhere_at_once_when_a_request_in_doubt_is_refused() {
    let full = Stock { capacity: Some(0), ..Stock::default() };
    let world = stock("a", full);
    let plan = plan(vec![task("only", "").at(&["a/x", "b/x"]).output("out")]);
    // Dies once the intent is on record: nobody knows then whether the first place was asked.
    for last in 1.. {
        let dying = world.broker_with(Arc::new(move |write| {
            if write == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let submitted = tokio::time::timeout(Duration::from_secs(1), world.submit(&dying, &plan)).await;
        if let Ok(run) = submitted {
            let _ = dying.run(&run).await;
        }
        drop(dying);
        let broker = world.broker();
        let Some(run) = broker.reader().unwrap().list().unwrap().pop() else { continue };
        if broker.reader().unwrap().status(&run.id).unwrap().tasks[0].attempts.is_empty() {
            continue;
        }
        broker.run(&run.id).await.unwrap();
        let view = broker.reader().unwrap().status(&run.id).unwrap();
        let [refused, taken] = view.tasks[0].attempts.as_slice() else { panic!("{:?}", view.tasks[0]) };
        assert!(matches!(refused.end, Some(AttemptEnd::Refused { .. })), "{refused:?}");
        let records = broker.reader().unwrap().events(&run.id, 0).unwrap();
        let at =
            |wanted: &dyn Fn(&Record) -> bool| records.iter().find(|line| wanted(&line.record)).unwrap().at;
        let ended =
            at(&|record| matches!(record, Record::AttemptEnded { attempt, .. } if *attempt == refused.id));
        let asked =
            at(&|record| matches!(record, Record::AttemptBegan { attempt, .. } if *attempt == taken.id));
        assert!(asked.since(ended) < Span::from_secs(1), "waited {}", asked.since(ended));
        world.assert_succeeded(&broker, &run.id, &[("only", "out", "only()")]).await;
        return;
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_one_machine_is_enough_for_a_chain() {
    let world = stock("a", Stock { quota: Some(1), ..Stock::default() });
    let broker = world.broker();
    let step = |name: &str| task(name, "").at(&["a/x"]).output("out");
    let plan = plan(vec![
        step("one"),
        step("two").input("in", "one", "out"),
        step("three").input("in", "two", "out"),
    ]);
    let run = world.submit(&broker, &plan).await;
    broker.run(&run).await.unwrap();
    world.assert_succeeded(&broker, &run, &[("three", "out", "three(two(one()))")]).await;
}

#[tokio::test(start_paused = true)]
async fn when_every_place_refuses_the_failure_says_what_each_said() {
    let full = Stock { capacity: Some(0), ..Stock::default() };
    let world = World::with(0, |_, builder| builder.stock(StockKey::new("x", "m1", Tier::OnDemand), full));
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    let outcome = broker.run(&run).await.unwrap();
    assert_eq!(outcome.state, RunState::Failed);
    let reason = outcome.reason.unwrap();
    for line in [
        "task clean failed: no place of the plan could take it",
        "1. a/x m1 on demand: no capacity",
        "2. b/x",
        "3. c/x",
    ] {
        assert!(reason.contains(line), "{reason}");
    }
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
}

#[tokio::test(start_paused = true)]
async fn with_patience_a_full_place_is_asked_until_it_has_room() {
    let key = || StockKey::new("x", "m1", Tier::OnDemand);
    let mut world =
        World::with(0, |_, builder| builder.stock(key(), Stock { capacity: Some(0), ..Stock::default() }));
    world.retry_until_up = true;
    let broker = world.broker();
    let plan = plan(vec![task("only", "").at(&["a/x"]).output("out")]);
    let run = world.submit(&broker, &plan).await;
    let room = async {
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        world.clouds[0].restock(key(), Stock::default());
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), room);
    assert_eq!(outcome.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    let asked = view.tasks[0].attempts.len();
    assert!((8..=15).contains(&asked), "asked {asked} times in ten minutes");
    world.assert_clean(&view);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_on_with_a_run_has_the_patience_that_was_asked_for() {
    let key = || StockKey::new("x", "m1", Tier::OnDemand);
    let world =
        World::with(0, |_, builder| builder.stock(key(), Stock { capacity: Some(0), ..Stock::default() }));
    let plan = plan(vec![task("only", "").at(&["a/x"]).output("out")]);
    let broker = world.broker();
    let manner = Manner { retry_until_up: true, max_parallel: Some(1), ..Manner::default() };
    let run = world.submit_in(&broker, &plan, manner).await;
    drop(tokio::time::timeout(std::time::Duration::from_secs(60), broker.run(&run)).await);
    drop(broker);
    let broker = world.broker();
    let room = async {
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        world.clouds[0].restock(key(), Stock::default());
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), room);
    assert_eq!(outcome.unwrap().state, RunState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_preempted_task_starts_again_elsewhere() {
    for fate in [
        Fate::preempted(Span::from_secs(30), Span::ZERO),
        Fate::preempted(Span::from_secs(50), Span::from_secs(30)),
        Fate::crashed(Span::from_secs(30)),
        Fate::late_failure(Span::from_secs(30)),
        Fate::never_ready(),
    ] {
        let noticed = fate.loss.as_ref().is_some_and(|loss| loss.notice > Span::ZERO);
        let world = World::scripted(Script::new().fate(1, fate.clone()));
        let broker = world.broker();
        let run = world.submit(&broker, &chain()).await;
        broker.run(&run).await.unwrap();
        world.assert_succeeded(&broker, &run, CHAIN).await;
        let view = broker.reader().unwrap().status(&run).unwrap();
        let clean = &view.tasks[0].attempts;
        assert_eq!(clean.len(), 2, "{fate:?}");
        assert_eq!(clean[1].place.location.provider, "b", "{fate:?}");
        assert_eq!(clean[0].preemption_notice.is_some(), noticed, "{fate:?}");
        let lost = matches!(clean[0].end, Some(AttemptEnd::Lost { .. } | AttemptEnd::Unreachable { .. }));
        assert!(lost, "{:?}", clean[0].end);
    }
}

/// Starting a step may bring gigabytes to a host, and reading its events may fetch them: what of it is done is not done again.
#[tokio::test(start_paused = true)]
async fn a_call_that_breaks_after_minutes_is_made_again_on_the_same_machine() {
    let lasts = Fault::SlowBefore(Span::from_secs(300));
    let mut script = Script::new();
    for (op, nth) in [(Op::Start, 1), (Op::Start, 2), (Op::Events, 1), (Op::Events, 3)] {
        script = script.fault(op, nth, lasts.clone()).fault(op, nth, Fault::RequestLost);
    }
    // And a short break behind each.
    script = script.fault(Op::Start, 3, Fault::RequestLost).fault(Op::Events, 4, Fault::RequestLost);
    let world = World::scripted(script);
    let broker = world.broker();
    let run = world.submit(&broker, &plan(vec![task("t", "").at(&["a/x", "b/x"])])).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    assert_eq!(view.tasks[0].attempts.len(), 1, "{:?}", view.tasks[0].attempts);
}

#[tokio::test(start_paused = true)]
async fn a_failing_script_fails_the_run_and_stops_its_siblings() {
    let world = World::kind();
    let broker = world.broker();
    let plan = plan(vec![
        task("bad", "exit=3").at(&["a/x", "b/x"]),
        task("long", "minutes=600").at(&["b/x"]).output("out"),
    ]);
    let run = world.submit(&broker, &plan).await;
    let outcome = broker.run(&run).await.unwrap();
    assert_eq!(outcome.state, RunState::Failed);
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("run on node 0 ended with exit code 3"), "{reason}");
    let view = broker.reader().unwrap().status(&run).unwrap();
    assert_eq!(view.tasks[0].attempts.len(), 1, "a script's own failure is not tried elsewhere");
    assert!(view.ended.unwrap().since(view.submitted) < Span::from_secs(600));
    world.assert_clean(&view);
}

#[tokio::test(start_paused = true)]
async fn restarts_follow_the_recovery_of_the_job() {
    let attempts = |max: u32, codes: &[i32], script: &str| {
        let codes = codes.to_vec();
        let spec = task("t", script).at(&["a/x", "b/x"]).output("out").edit(|task| {
            task.recovery.max_restarts_on_errors = max;
            task.recovery.recover_on_exit_codes = codes;
        });
        async move {
            let world = World::kind();
            let broker = world.broker();
            let run = world.submit(&broker, &plan(vec![spec])).await;
            let outcome = broker.run(&run).await.unwrap();
            let view = broker.reader().unwrap().status(&run).unwrap();
            world.assert_clean(&view);
            (outcome.state, view.tasks[0].attempts.len())
        }
    };
    assert_eq!(attempts(2, &[], "exit=3 until=3").await, (RunState::Succeeded, 3));
    assert_eq!(attempts(1, &[], "exit=3 until=3").await, (RunState::Failed, 2));
    assert_eq!(attempts(0, &[75], "exit=75 until=5").await, (RunState::Succeeded, 5));
    assert_eq!(attempts(0, &[75], "exit=1 until=5").await, (RunState::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn a_gang_starts_together_and_one_failure_ends_all() {
    let world = World::kind();
    let broker = world.broker();
    let good = plan(vec![task("gang", "").at(&["a/x"]).nodes(4).output("out").edit(|task| {
        task.setup = Some("prepare".to_owned());
    })]);
    let run = world.submit(&broker, &good).await;
    broker.run(&run).await.unwrap();
    world.assert_succeeded(&broker, &run, &[("gang", "out", "gang()")]).await;
    let lines = broker.reader().unwrap().logs(&run, &LogQuery::default()).unwrap();
    let phases: Vec<&str> = lines.iter().map(|line| line.phase.as_str()).collect();
    assert_eq!(phases, ["prepare", "prepare", "prepare", "prepare", "run", "run", "run", "run"]);

    let world = World::kind();
    let broker = world.broker();
    let bad = plan(vec![task("gang", "minutes=90 exit=9 rank=2").at(&["a/x"]).nodes(4).output("out")]);
    let run = world.submit(&broker, &bad).await;
    let outcome = broker.run(&run).await.unwrap();
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("run on node 2 ended with exit code 9"), "{reason}");
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
    assert!(world.calls(Op::Release) > 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_run_has_made_is_delivered_whenever_the_broker_is_killed() {
    for last in 1.. {
        let world = World::kind();
        let made = task("made", "").at(&["a/x"]).output("out").edit(|task| {
            task.outputs.get_mut("out").unwrap().uri = Some("file://./results/out.txt".to_owned());
        });
        let fails = task("fails", "exit=3").at(&["a/x"]);
        let run = world.submit(&world.broker(), &plan(vec![made, fails])).await;
        let dying = world.broker_with(Arc::new(move |write| {
            if write == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let died = dying.run(&run).await.is_err();
        drop(dying);
        let broker = world.broker();
        if died {
            broker.run(&run).await.unwrap();
        }
        let view = broker.reader().unwrap().status(&run).unwrap();
        assert_eq!(view.state, RunState::Failed, "killed at write {last}");
        world.assert_clean(&view);
        let delivered = std::fs::read_to_string(world.dir.path().join("results/out.txt")).ok();
        let is_made = view.tasks[0].state == TaskState::Succeeded;
        assert_eq!(delivered.as_deref(), is_made.then_some("made()"), "killed at write {last}");
        if !died {
            assert!(last > 8, "{last} writes: is the history still fine enough to be worth the test?");
            return;
        }
    }
}
