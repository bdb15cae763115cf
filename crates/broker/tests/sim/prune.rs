//! Runs that are forgotten: what goes, what stays, and what a broker that dies in the middle leaves.

use crate::world::{World, chain};
use rusqlite::Connection;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use welkin_broker::{Pruned, RunId, StoreError};
use welkin_provider::memory::{Fault, Op, Script};
use welkin_provider::{Clock, ErrorKind, Owner};

/// Objects of any run, over all clouds.
async fn objects(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for cloud in &world.clouds {
        let bucket = cloud.bucket("x", &Owner("me".to_owned()));
        let listed = welkin_store::whole::list(&bucket, "").await;
        found.extend(listed.unwrap().into_iter().map(|object| object.key));
    }
    found
}

fn number(world: &World, query: &str) -> i64 {
    let db = Connection::open(world.dir.path().join("state/broker.sqlite3")).unwrap();
    db.query_row(query, [], |row| row.get(0)).unwrap()
}

const MOVED: &str = "SELECT coalesce(sum(bytes), 0) FROM moved";

async fn a_run(world: &World) -> RunId {
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    broker.run(&run).await.unwrap();
    run
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_forgotten_run_is_left_but_the_sums_of_the_month_and_its_name() {
    let world = World::kind();
    let run = a_run(&world).await;
    let moved = number(&world, MOVED);
    assert!(moved > 0 && !objects(&world).await.is_empty());

    let broker = world.broker();
    let pruned = broker.prune(std::slice::from_ref(&run)).await.unwrap();
    assert_eq!((&pruned.runs, &pruned.kept, &pruned.failures), (&vec![run.clone()], &vec![], &vec![]));
    assert!(pruned.objects > 0 && pruned.object_bytes.get() > 0);
    assert_eq!(objects(&world).await, Vec::<String>::new());
    for table in ["run", "record", "node_event", "ledger", "request"] {
        assert_eq!(number(&world, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(number(&world, MOVED), moved);
    assert_eq!(number(&world, "PRAGMA freelist_count"), 0);
    assert!(matches!(broker.reader().unwrap().status(&run), Err(StoreError::NoSuchRun { .. })));
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_forgotten_run_is_not_given_again_since_leases_are_asked_for_by_it() {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    broker.cancel(&run).await.unwrap();
    let submitted = broker.reader().unwrap().status(&run).unwrap().submitted;
    assert_eq!(broker.prune(std::slice::from_ref(&run)).await.unwrap().runs, std::slice::from_ref(&run));
    assert_eq!(world.clock.now().0 / 1000, submitted.0 / 1000, "the next run is of another second");
    assert_ne!(world.submit(&broker, &chain()).await, run);
}

#[tokio::test(start_paused = true)]
async fn another_run_keeps_everything() {
    let world = World::kind();
    let run = a_run(&world).await;
    let (before, records) = (objects(&world).await, number(&world, "SELECT count(*) FROM record"));
    let plan = chain();
    let broker = world.broker();
    let submission = welkin_broker::Submission {
        plan: &plan,
        job: &plan.job,
        base_dir: world.dir.path().to_owned(),
        client_token: None,
        manner: welkin_broker::Manner::default(),
        cluster: None,
        project: None,
    };
    let second = broker.submit(submission).await.unwrap();
    broker.run(&second).await.unwrap();
    assert_eq!(broker.prune(std::slice::from_ref(&second)).await.unwrap().runs, [second]);
    assert_eq!(objects(&world).await, before);
    assert_eq!(number(&world, "SELECT count(*) FROM record"), records);
    assert!(broker.reader().unwrap().bill(&run, world.clock.now(), &world.options().terms).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_somebody_else_removed_first_is_passed_over() {
    let world = World::kind();
    let run = a_run(&world).await;
    let broker = world.broker();
    let twice = [run.clone(), run.clone()];
    assert_eq!(broker.prune(&twice).await.unwrap().runs, [run]);
    let Pruned { runs, kept, failures, .. } = broker.prune(&twice).await.unwrap();
    assert_eq!((runs, kept, failures), (vec![], vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_a_run_keeps_is_what_its_removal_frees() {
    let world = World::kind();
    let run = a_run(&world).await;
    let broker = world.broker();
    let options = world.options();
    let providers: Vec<_> = options.providers.into_values().collect();
    let weight = broker.reader().unwrap().weigh(&run, &providers, &*options.stores).await.unwrap();
    assert_eq!(weight.unseen, Vec::<String>::new());
    let pruned = broker.prune(&[run]).await.unwrap();
    assert_eq!((weight.objects, weight.object_bytes), (pruned.objects, pruned.object_bytes));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_over_stays_as_it_is() {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    let Pruned { runs, kept, .. } = broker.prune(std::slice::from_ref(&run)).await.unwrap();
    assert_eq!((runs, kept.len()), (vec![], 1));
    broker.run(&run).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_provider_does_not_answer_stays_as_it_is() {
    let refused = (1..10)
        .fold(Script::new(), |script, nth| script.fault(Op::List, nth, Fault::Refused(ErrorKind::Invalid)));
    let world = World::scripted(refused);
    let run = a_run(&world).await;
    let before = objects(&world).await;
    let pruned = world.broker().prune(std::slice::from_ref(&run)).await.unwrap();
    assert_eq!(pruned.runs, []);
    assert!(pruned.kept[0].why.contains("it is not known whether"), "{:?}", pruned.kept);
    assert_eq!(objects(&world).await, before);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_killed_in_the_middle_is_followed_by_one_that_goes_on() {
    for dies in 1.. {
        let world = World::kind();
        let run = a_run(&world).await;
        let broker = world.broker_with(Arc::new(move |write| {
            if write == dies { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        let runs = [run.clone()];
        let done = tokio::time::timeout(Duration::from_secs(3600), broker.prune(&runs)).await;
        drop(broker);
        let next = world.broker();
        if next.reader().unwrap().list().unwrap().iter().any(|left| left.id == run) {
            assert_eq!(next.prune(&runs).await.unwrap().runs, runs, "died at write {dies}");
        }
        assert_eq!(objects(&world).await, Vec::<String>::new(), "died at write {dies}");
        assert_eq!(number(&world, "SELECT count(*) FROM node_event"), 0, "died at write {dies}");
        if done.is_ok() {
            assert!(dies > 1, "no write was killed");
            return;
        }
    }
}
