//! Where records are kept does not matter to a run, and how they are written costs it no time.

use crate::world::{CHAIN, World, chain, plan, task};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use welkin_broker::{Broker, BrokerOptions, Durability, Hook, RunState};
use welkin_records::{Memory, Records, Which};

#[tokio::test(start_paused = true)]
async fn a_run_whose_records_are_kept_elsewhere_ends_as_any_other() {
    let world = World::kind();
    let records: Arc<dyn Records> = Arc::new(Memory::new());
    let open = || {
        let options = BrokerOptions { records: Some(Arc::clone(&records)), ..world.options() };
        Broker::open(&world.dir.path().join("state"), options).unwrap()
    };
    let broker = open();
    let run = world.submit(&broker, &chain()).await;
    // Killed somewhere in the middle, and driven on from the same records.
    drop(tokio::time::timeout(Duration::from_secs(60), broker.run(&run)).await);
    drop(broker);
    let broker = open();
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    world.assert_succeeded(&broker, &run, CHAIN).await;
    assert!(!world.dir.path().join("state/broker.sqlite3").exists());
    assert_eq!(records.runs(Which::Open).await.unwrap(), []);
    assert!(!records.entries(&run, 0, 9).await.unwrap().is_empty());
}

/// How long a run takes, by the clock of the simulation, and how many commits it is.
async fn took(durability: Durability, tasks: usize) -> (u64, u64) {
    let world = World::kind();
    let commits = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&commits);
    let hook: Hook = Arc::new(move |number| {
        seen.store(number, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    let options = BrokerOptions { durability, after_record: Some(hook), ..world.options() };
    let broker = Broker::open(&world.dir.path().join("state"), options).unwrap();
    let specs = (0..tasks).map(|number| task(&format!("t{number}"), "minutes=60").at(&["a/x"]));
    let run = world.submit(&broker, &plan(specs.collect())).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    let view = broker.reader().unwrap().status(&run).unwrap();
    (view.ended.unwrap().since(view.submitted).millis(), commits.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn virtual_time_stands_still_while_a_commit_waits_for_the_disk() {
    assert_eq!(took(Durability::PowerCut, 3).await.0, took(Durability::Process, 3).await.0);
}

#[tokio::test(start_paused = true)]
async fn what_many_tasks_write_at_once_is_one_commit() {
    let (one, many) = (took(Durability::Process, 1).await.1, took(Durability::Process, 40).await.1);
    assert!(many < 10 * one, "{one} commits for one task, {many} for forty");
}
