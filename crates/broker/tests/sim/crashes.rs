//! The broker is killed after every single durable write, and each call of a provider fails once.

use crate::world::{CHAIN, World, chain};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_broker::{RunError, RunId};
use welkin_provider::ErrorKind;
use welkin_provider::memory::{Fault, Op, Script};
use welkin_units::Span;

/// Submits the chain to brokers that die as `dies` says, one after the other, until one sees the run
/// to its end. Returns how often a broker died.
async fn live_through(
    world: &World,
    plan: &welkin_placement::Plan,
    dies: impl Fn(u32) -> Option<u64>,
) -> (RunId, u32) {
    for life in 0.. {
        let last = dies(life);
        let broker = world.broker_with(Arc::new(move |write| {
            if Some(write) == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let known = broker.reader().unwrap().list().unwrap();
        let Some(run) = known.first().map(|run| run.id.clone()) else {
            // Dead while submitting: the client asks again with the same token.
            let submitting = world.submit(&broker, plan);
            drop(tokio::time::timeout(std::time::Duration::from_secs(1), submitting).await);
            if last != Some(1) {
                let run = broker.reader().unwrap().list().unwrap()[0].id.clone();
                match broker.run(&run).await {
                    Ok(_) => return (run, life),
                    Err(RunError::Crashed) => continue,
                    Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
                }
            }
            continue;
        };
        assert_eq!(known.len(), 1, "a submission that was repeated made a second run");
        match broker.run(&run).await {
            Ok(_) => return (run, life),
            Err(RunError::Crashed) => {}
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
    unreachable!("some broker lives long enough")
}

async fn writes_of_a_whole_run() -> u64 {
    let world = World::kind();
    let writes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&writes);
    let broker = world.broker_with(Arc::new(move |write| {
        counted.store(write, Ordering::Relaxed);
        ControlFlow::Continue(())
    }));
    let run = world.submit(&broker, &chain()).await;
    broker.run(&run).await.unwrap();
    writes.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_record_the_run_ends_as_if_nothing_had_been() {
    // How many commits a run takes depends on which of its records shared one, so on how fast the disk was:
    // the end is where no broker is left to kill, three times in a row.
    let (mut last, mut unharmed) = (0, 0);
    while unharmed < 3 {
        last += 1;
        let world = World::kind();
        let (run, deaths) = live_through(&world, &chain(), |life| (life == 0).then_some(last)).await;
        unharmed = if deaths == 0 { unharmed + 1 } else { 0 };
        let broker = world.broker();
        world.assert_succeeded(&broker, &run, CHAIN).await;
        let leases: usize = world.clouds.iter().map(|cloud| cloud.leases().len()).sum();
        assert_eq!(leases, 3, "killed after write {last}: one lease a task is enough");
    }
    assert!(last > 20, "{last} writes: is the history still fine enough to be worth the test?");
}

#[tokio::test(start_paused = true)]
async fn killed_after_every_record_in_turn_the_run_still_ends() {
    // Each broker writes one thing and dies; the next goes on.
    let world = World::kind();
    let (run, deaths) = live_through(&world, &chain(), |_| Some(1)).await;
    assert!(deaths > 15, "{deaths}");
    world.assert_succeeded(&world.broker(), &run, CHAIN).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_two_records_near_each_other() {
    let writes = writes_of_a_whole_run().await;
    for first in (1..=writes).step_by(3) {
        for second in 1..=3 {
            let world = World::kind();
            let dies = |life| match life {
                0 => Some(first),
                1 => Some(second),
                _ => None,
            };
            let (run, _) = live_through(&world, &chain(), dies).await;
            world.assert_succeeded(&world.broker(), &run, CHAIN).await;
        }
    }
}

/// Every call of cloud `a` in a plain run, with how often it is made.
async fn calls_of_a_whole_run() -> Vec<(Op, u64)> {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    broker.run(&run).await.unwrap();
    let ops = [Op::Acquire, Op::Observe, Op::Release, Op::Node, Op::Store, Op::Start, Op::Events];
    ops.into_iter().map(|op| (op, world.clouds[0].count(op))).collect()
}

#[tokio::test(start_paused = true)]
async fn any_one_call_may_fail_without_effect_or_after_it() {
    for (op, count) in calls_of_a_whole_run().await {
        assert!(count > 0, "{op} is never called");
        for nth in 1..=count {
            for fault in [
                Fault::RequestLost,
                Fault::AnswerLost,
                Fault::RateLimited(Span::from_secs(7)),
                Fault::SlowAfter(Span::from_secs(40)),
                Fault::CredentialsExpire(Span::from_secs(20)),
            ] {
                let world = World::scripted(Script::new().fault(op, nth, fault.clone()));
                let broker = world.broker();
                let run = world.submit(&broker, &chain()).await;
                let outcome = broker.run(&run).await.unwrap();
                assert_eq!(outcome.reason, None, "{op} {nth}: {fault:?}");
                world.assert_succeeded(&broker, &run, CHAIN).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_ends_without_anything_left() {
    for (op, count) in calls_of_a_whole_run().await {
        for nth in 1..=count {
            for kind in [ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::LeaseLost, ErrorKind::Invalid]
            {
                let world = World::scripted(Script::new().fault(op, nth, Fault::Refused(kind)));
                let broker = world.broker();
                let run = world.submit(&broker, &chain()).await;
                let mut outcome = broker.run(&run).await;
                if let Err(RunError::Unsettled { leases, .. }) = &outcome {
                    assert_eq!((op, leases.len()), (Op::Release, 1), "{kind}");
                    outcome = broker.run(&run).await;
                }
                assert!(outcome.is_ok(), "{op} {nth}: {kind}: {outcome:?}");
                // A provider that says of a lease it has that it is not there is believed: the sweep
                // is what finds such leases.
                let collected = broker.gc().await.unwrap();
                assert_eq!(collected.failures, Vec::<String>::new(), "{op} {nth}: {kind}");
                let billable: Vec<_> = world.clouds.iter().flat_map(|cloud| cloud.billable()).collect();
                assert_eq!(billable, vec![], "{op} {nth}: {kind}: {outcome:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_kill_make_no_second_lease() {
    let writes = writes_of_a_whole_run().await;
    for last in 1..=writes.min(12) {
        for fault in [Fault::AnswerLost, Fault::LateEffect(Span::from_secs(30))] {
            let world = World::scripted(Script::new().fault(Op::Acquire, 1, fault));
            let (run, _) = live_through(&world, &chain(), |life| (life == 0).then_some(last)).await;
            world.assert_succeeded(&world.broker(), &run, CHAIN).await;
            assert_eq!(world.clouds[0].leases().len(), 1, "after write {last}");
        }
    }
}
