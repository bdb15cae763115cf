//! Several brokers on one database: who has what, in which order things are seen, and what survives a database that does
//! not.

mod bed;

use bed::{database, open, server};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use welkin_postgres::Postgres;
use welkin_provider::UnixMillis;
use welkin_records::conformance::{planned, submitted};
use welkin_records::{Change, Fence, Peers, Record, Records, RunId, RunState, StoreError, Write, Written};
use welkin_testkit::stand_ins::{self, Ending};

const AT: UnixMillis = UnixMillis(1_790_000_000_000);

fn run(name: &str) -> RunId {
    RunId(name.to_owned())
}

fn submission(name: &str) -> Change {
    submitted(planned(name))
}

fn failed(name: &str, number: usize) -> Change {
    let record = Record::TaskFailed { task: number, reason: String::new() };
    Change::Recorded { run: run(name), at: AT, record }
}

async fn write(store: &Postgres, changes: Vec<Change>) -> Result<Written, StoreError> {
    store.commit(vec![Write(changes)]).await.pop().expect("each write has an answer")
}

fn held(name: &str, fence: Fence) -> Change {
    Change::Held { run: run(name), fence }
}

#[tokio::test]
async fn a_run_is_had_by_one_broker_and_an_earlier_fence_writes_nothing() {
    let Some(server) = server() else { return };
    let url = database(server);
    let (first, second) = (open(&url), open(&url));
    write(&first, vec![submission("a")]).await.expect("it is made");
    assert_eq!(second.take(&run("a")).await.expect("it answers"), None, "whoever took it has it");
    let fence = first.take(&run("a")).await.expect("it answers").expect("it has it");
    let early = write(&first, vec![held("a", Fence(fence.0 - 1)), failed("a", 0)]).await;
    assert!(matches!(early, Err(StoreError::NotHeld { .. })), "{early:?}");
    write(&first, vec![held("a", fence), failed("a", 1)]).await.expect("it is made");
    assert_eq!(second.driven().await.expect("it answers"), BTreeSet::from([run("a")]));
    // The other one is to have it.
    second.want(&run("a")).await.expect("it answers");
    assert_eq!(first.stand().await.expect("it answers").wanted, [(run("a"), fence)]);
    assert_eq!(second.take(&run("a")).await.expect("it answers"), None, "it was not given yet");
    first.give(&run("a"), fence).await.expect("it answers");
    assert_eq!(first.take(&run("a")).await.expect("it answers"), None, "the other one wants it");
    assert_eq!(second.stand().await.expect("it answers").free, [run("a")]);
    let later = second.take(&run("a")).await.expect("it answers").expect("it was given");
    assert!(later > fence);
    let late = write(&first, vec![held("a", fence), failed("a", 2)]).await;
    assert!(matches!(late, Err(StoreError::NotHeld { .. })), "{late:?}");
    let stolen = write(&first, vec![held("a", later), failed("a", 2)]).await;
    assert!(matches!(stolen, Err(StoreError::NotHeld { .. })), "a fence is of one broker: {stolen:?}");
    let over = Change::State { run: run("a"), state: RunState::Succeeded };
    write(&second, vec![held("a", later), failed("a", 3), over]).await.expect("it is made");
    assert_eq!(second.take(&run("a")).await.expect("it answers"), None, "it is over");
    assert_eq!(second.driven().await.expect("it answers"), BTreeSet::new());
    let told = first.history(&run("a"), 0, u32::MAX).await.expect("it answers");
    let told: Vec<usize> = told.into_iter().filter_map(|(_, _, record)| number_of(&record)).collect();
    assert_eq!(told, [1, 3]);
}

fn number_of(record: &Record) -> Option<usize> {
    match record {
        Record::TaskFailed { task, .. } => Some(*task),
        _ => None,
    }
}

#[tokio::test]
async fn what_a_dead_broker_had_is_free_for_others_and_it_writes_nothing_more() {
    let Some(server) = server() else { return };
    let url = database(server);
    let (dead, live) = (open(&url), open(&url));
    write(&dead, vec![submission("a"), submission("b")]).await.expect("it is made");
    let fence = dead.take(&run("a")).await.expect("it answers").expect("it has it");
    assert_eq!(live.stand().await.expect("it answers").free, Vec::<RunId>::new());
    // It says nothing any more.
    let mut free = BTreeSet::new();
    while free.len() < 2 {
        free.extend(live.stand().await.expect("it answers").free);
    }
    assert_eq!(free, BTreeSet::from([run("a"), run("b")]));
    let late = write(&dead, vec![held("a", fence), failed("a", 0)]).await;
    assert!(matches!(late, Err(StoreError::NotHeld { .. })), "{late:?}");
    assert_eq!(dead.take(&run("b")).await.expect("it answers"), None, "nobody knows it any more");
    assert!(dead.stand().await.expect("it answers").buried, "and it is told so");
    assert!(!dead.stand().await.expect("it answers").buried);
    assert!(live.take(&run("a")).await.expect("it answers").is_some());
    assert!(dead.take(&run("b")).await.expect("it answers").is_some(), "it lives again, as another");
}

#[tokio::test]
async fn a_broker_that_leaves_is_not_waited_for() {
    let Some(server) = server() else { return };
    let url = database(server);
    let (first, second) = (open(&url), open(&url));
    write(&first, vec![submission("a")]).await.expect("it is made");
    first.leave().await.expect("it answers");
    assert_eq!(second.stand().await.expect("it answers").free, [run("a")]);
    assert!(second.take(&run("a")).await.expect("it answers").is_some());
}

#[test]
fn numbers_are_given_in_the_order_in_which_records_become_visible() {
    let Some(server) = server() else { return };
    let url = database(server);
    let (writers, names) = ([open(&url), open(&url), open(&url)], ["a", "b", "c"]);
    let done = AtomicBool::new(false);
    let block = |work: &mut dyn FnMut(&tokio::runtime::Runtime)| {
        work(&tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));
    };
    std::thread::scope(|scope| {
        let writing: Vec<_> = writers
            .iter()
            .zip(names)
            .map(|(store, name)| {
                scope.spawn(move || {
                    block(&mut |runtime| {
                        runtime.block_on(async {
                            write(store, vec![submission(name)]).await.expect("it is made");
                            for number in 0..60 {
                                let two = vec![failed(name, number), failed(name, number)];
                                write(store, two).await.expect("it is made");
                            }
                        });
                    });
                })
            })
            .collect();
        let (reader, done) = (open(&url), &done);
        let reading = scope.spawn(move || {
            let mut last = 0;
            block(&mut |runtime| {
                runtime.block_on(async {
                    while last < 360 {
                        let ended = done.load(Ordering::Relaxed);
                        for (_, (number, ..)) in reader.since(last, 50).await.expect("it answers").records {
                            assert_eq!(number, last + 1, "a number was jumped over");
                            last = number;
                        }
                        assert!(last > 0 || !ended, "nothing was ever seen");
                    }
                });
            });
        });
        writing.into_iter().for_each(|thread| thread.join().expect("it writes"));
        done.store(true, Ordering::Relaxed);
        reading.join().expect("it reads");
    });
}

#[test]
fn a_database_that_ends_or_cuts_connections_loses_and_doubles_nothing() {
    let mut server = match stand_ins::postgres() {
        Ok(server) => server,
        Err(why) => return println!("{why}"),
    };
    let store = open(&server.url());
    let done = AtomicBool::new(false);
    const WRITES: usize = 400;
    std::thread::scope(|scope| {
        let (store, done) = (&store, &done);
        let writer = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
            runtime.block_on(async {
                write(store, vec![submission("a")]).await.expect("it is made");
                for number in 0..WRITES {
                    write(store, vec![failed("a", number)]).await.expect("it is waited for");
                }
            });
            done.store(true, Ordering::Relaxed);
        });
        let cut =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'welkin'";
        for turn in 0.. {
            if done.load(Ordering::Relaxed) {
                break;
            }
            match turn {
                10 | 30 => {
                    server.end(if turn == 10 { Ending::Killed } else { Ending::Fast });
                    server.start();
                }
                _ => drop(server.sql("postgres", cut)),
            }
        }
        writer.join().expect("it writes");
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    let told = runtime.block_on(store.history(&run("a"), 0, u32::MAX)).expect("it answers");
    let numbers: Vec<usize> = told.iter().filter_map(|(_, _, record)| number_of(record)).collect();
    assert_eq!(numbers, (0..WRITES).collect::<Vec<_>>());
    let given: Vec<u64> = told.iter().map(|(number, ..)| *number).collect();
    assert_eq!(given, (1..=WRITES as u64).collect::<Vec<_>>(), "no number is left out");
}

#[tokio::test]
async fn a_newer_database_is_used_if_it_says_that_this_version_may() {
    let Some(server) = server() else { return };
    let url = database(server);
    drop(open(&url));
    let name = url.rsplit('/').next().expect("it has a name");
    server.sql(name, "UPDATE welkin.version SET version = 1000, least = 1");
    write(&open(&url), vec![submission("a")]).await.expect("it is made");
    server.sql(name, "UPDATE welkin.version SET least = 1000");
    let address = welkin_postgres::Address::parse(&url).expect("it is an address");
    let refused = Postgres::open(welkin_postgres::Options::new(address));
    assert!(matches!(refused, Err(StoreError::NewerSchema { found: 1000, .. })), "{refused:?}");
}
