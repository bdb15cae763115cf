//! Ending a run at any moment.

use crate::world::{World, chain, plan, task};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use welkin_broker::{Reader, RunError, RunState};
use welkin_provider::Clock;
use welkin_provider::memory::{Fault, Nastiness, Op, Script};
use welkin_units::Span;

/// Cancels the chain right after its `nth` write; returns how many writes there were.
async fn cancel_after(world: &World, nth: u64) -> u64 {
    let reached = Arc::new(Notify::new());
    let writes = Arc::new(AtomicU64::new(0));
    let (signal, counted) = (Arc::clone(&reached), Arc::clone(&writes));
    let broker = world.broker_with(Arc::new(move |write| {
        counted.store(write, Ordering::Relaxed);
        if write == nth {
            signal.notify_one();
        }
        ControlFlow::Continue(())
    }));
    let run = world.submit(&broker, &chain()).await;
    let cancel = async {
        reached.notified().await;
        broker.cancel(&run).await.unwrap()
    };
    tokio::select! {
        () = async {
            // Whoever comes first drives it.
            let driven = broker.run(&run).await;
            assert!(matches!(driven, Ok(_) | Err(RunError::AlreadyDriven { .. })), "{driven:?}");
            std::future::pending().await
        } => {}
        outcome = cancel => assert!(outcome.state.is_over()),
        // When the run was over before its nth write.
        () = tokio::time::sleep(Duration::from_secs(1_000_000)) => {}
    }
    let view = broker.reader().unwrap().status(&run).unwrap();
    world.assert_clean(&view);
    assert!(matches!(view.state, RunState::Cancelled | RunState::Succeeded), "{}", view.state);
    writes.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn cancelled_after_any_record_nothing_is_left() {
    let writes = cancel_after(&World::kind(), u64::MAX).await;
    for nth in 1..writes {
        cancel_after(&World::kind(), nth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_while_a_call_is_under_way_nothing_is_left() {
    let slow = Span::from_secs(50);
    for (op, fault) in [
        (Op::Acquire, Fault::SlowBefore(slow)),
        (Op::Acquire, Fault::SlowAfter(slow)),
        (Op::Acquire, Fault::AnswerLost),
        (Op::Acquire, Fault::LateEffect(slow)),
        (Op::Observe, Fault::SlowAfter(slow)),
        (Op::Start, Fault::SlowAfter(slow)),
        (Op::Release, Fault::SlowAfter(slow)),
    ] {
        let world = World::with(7, |_, builder| {
            // Room runs out for whoever asks again: certainty has to come from somewhere else.
            builder
                .script(Script::new().fault(op, 1, fault.clone()).fault(
                    Op::Acquire,
                    2,
                    Fault::Refused(welkin_provider::ErrorKind::NoCapacity),
                ))
                .nastiness(Nastiness { list_lag_max: Span::from_secs(15), ..Nastiness::none() })
        });
        let broker = world.broker();
        let run = world.submit(&broker, &chain()).await;
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            broker.cancel(&run).await.unwrap()
        };
        let (driven, cancelled) = tokio::join!(broker.run(&run), cancel);
        assert_eq!(driven.unwrap().state, RunState::Cancelled, "{op}: {fault:?}");
        assert_eq!(cancelled.state, RunState::Cancelled);
        // Late requests have had their time by now.
        tokio::time::sleep(Duration::from_secs(300)).await;
        world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_may_ask_for_a_cancel() {
    let world = World::kind();
    let broker = world.broker();
    let plan = plan(vec![task("long", "minutes=600").at(&["a/x"])]);
    let run = world.submit(&broker, &plan).await;
    let elsewhere = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        let reader = Reader::open(&world.dir.path().join("state")).unwrap();
        reader.request_cancel(&run, world.clock.now()).unwrap();
    };
    let began = world.clock.now();
    let (outcome, ()) = tokio::join!(broker.run(&run), elsewhere);
    assert_eq!(outcome.unwrap().state, RunState::Cancelled);
    assert!(world.clock.now().since(began) < Span::from_secs(110));
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_run_nobody_drives_is_cancelled_by_whoever_opens_the_directory() {
    let world = World::kind();
    let run = {
        let broker = world.broker();
        let run = world.submit(&broker, &chain()).await;
        // The broker goes away in the middle of the run.
        let _ = tokio::time::timeout(Duration::from_secs(70), broker.run(&run)).await.unwrap_err();
        run
    };
    assert_eq!(world.clouds.iter().map(|cloud| cloud.billable().len()).sum::<usize>(), 1);
    let broker = world.broker();
    assert_eq!(broker.unfinished().await.unwrap(), std::slice::from_ref(&run));
    assert_eq!(broker.cancel(&run).await.unwrap().state, RunState::Cancelled);
    // Twice is as good as once, and what is over stays as it is.
    assert_eq!(broker.cancel(&run).await.unwrap().state, RunState::Cancelled);
    assert_eq!(broker.down(&run).await.unwrap().leases, Vec::<String>::new());
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
    assert!(broker.cancel(&welkin_broker::RunId("nope".to_owned())).await.is_err());
}
