//! Who may use a state directory.

use crate::world::{CHAIN, World, chain};
use std::time::Duration;
use welkin_broker::{Broker, OpenError, Reader, RunError, StoreError};

#[tokio::test(start_paused = true)]
async fn a_second_broker_is_refused_with_the_firsts_name_and_takes_over_when_it_is_gone() {
    let world = World::kind();
    let first = world.broker();
    let run = world.submit(&first, &chain()).await;
    let _ = tokio::time::timeout(Duration::from_secs(70), first.run(&run)).await.unwrap_err();
    let dir = world.dir.path().join("state");
    let refused = Broker::open(&dir, world.options()).unwrap_err();
    let OpenError::InUse { holder, .. } = refused else { panic!("{refused}") };
    assert!(holder.starts_with(&format!("pid {} on ", std::process::id())), "{holder}");
    // Readers need no leave.
    assert_eq!(Reader::open(&dir).unwrap().list().unwrap().len(), 1);
    drop(first);
    let second = world.broker();
    let outcomes = second.resume().await.unwrap();
    assert_eq!(outcomes.len(), 1);
    world.assert_succeeded(&second, &run, CHAIN).await;
}

#[tokio::test(start_paused = true)]
async fn one_run_is_driven_once() {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    let (first, second) = tokio::join!(broker.run(&run), broker.run(&run));
    assert!(first.is_ok());
    assert!(matches!(second, Err(RunError::AlreadyDriven { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_store_of_a_newer_version_is_refused() {
    let world = World::kind();
    drop(world.broker());
    let dir = world.dir.path().join("state");
    let db = rusqlite::Connection::open(dir.join("broker.sqlite3")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let refused = Broker::open(&dir, world.options()).unwrap_err();
    let OpenError::Store(reason) = refused else { panic!("{refused}") };
    assert_eq!(
        reason.to_string(),
        "the store has schema 99; this version of welkin knows up to 5: use a newer one"
    );
    assert!(matches!(Reader::open(&dir), Err(StoreError::NewerSchema { .. })));
    assert!(matches!(Reader::open(world.dir.path()), Err(StoreError::Absent { .. })));
}

#[tokio::test(start_paused = true)]
async fn several_runs_are_resumed_side_by_side_and_may_be_driven_from_any_thread() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let world = World::kind();
    let broker = world.broker();
    let plan = chain();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let base_dir = world.dir.path().to_owned();
        let submission = welkin_broker::Submission {
            plan: &plan,
            job: &plan.job,
            base_dir,
            client_token: None,
            manner: welkin_broker::Manner::default(),
            cluster: None,
            project: None,
        };
        runs.push(is_send(broker.submit(submission)).await.unwrap());
    }
    let outcomes = is_send(broker.resume()).await.unwrap();
    let resumed: Vec<_> = outcomes.iter().map(|(run, _)| run.clone()).collect();
    assert_eq!(resumed, runs);
    for run in &runs {
        world.assert_outputs(&broker, run, CHAIN).await;
    }
    assert!(world.clouds.iter().all(|cloud| cloud.billable().is_empty()));
    is_send(broker.gc()).await.unwrap();
    assert!(is_send(broker.cancel(&runs[0])).await.is_ok());
    assert!(broker.unfinished().await.unwrap().is_empty());
}
