//! Stores that earlier versions left: each is read, brought to the present schema, and driven on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, in its helpers too")]

use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use welkin_broker::{Broker, BrokerOptions, Durability, Reader, RunId, RunState, SealKey};
use welkin_ledger::Terms;
use welkin_provider::memory::{MemoryCloud, SimClock, Stores};
use welkin_provider::{Provider, ProviderId, UnixMillis};
use welkin_units::Usd;

const SUCCEEDED: &str = "sky-example-nghn2v";
const KILLED: &str = "waits-nghn2y";

/// A state directory with the store that a dump describes.
fn left(dump: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(dump)).unwrap();
    Connection::open(state.join("broker.sqlite3")).unwrap().execute_batch(&text).unwrap();
    (folder, state)
}

fn options() -> BrokerOptions {
    let clock = SimClock::starting_at(UnixMillis(1_795_740_800_000));
    let stores = Stores::new();
    let cloud = |name| MemoryCloud::builder(name, 1, clock).stores(stores.clone()).build();
    let clouds = ["local", "aws", "azure", "gcp"].map(|name| Arc::new(cloud(name)) as Arc<dyn Provider>);
    let mut options = BrokerOptions::new(clouds, 1);
    options.clock = Arc::new(clock);
    options.durability = Durability::Process;
    options.stores = Arc::new(stores);
    options
}

fn assert_told(reader: &Reader) {
    let states: Vec<String> = reader.list().unwrap().into_iter().map(|run| run.state).collect();
    assert_eq!(states, ["succeeded", "failed", "running"]);
    assert_eq!(reader.latest(Some("sky-example")).unwrap().unwrap().id.0, SUCCEEDED);
    let open: Vec<RunId> = reader.unfinished().unwrap().into_iter().map(|run| run.id).collect();
    assert_eq!(open, [RunId(KILLED.to_owned())]);
    assert_eq!(reader.latest(None).unwrap().unwrap().driven, Some(false));
    let providers: Vec<ProviderId> = reader.providers_used().unwrap().into_iter().collect();
    assert_eq!(providers, ["aws", "azure", "gcp", "local"]);
    let run = RunId(SUCCEEDED.to_owned());
    let view = reader.status(&run).unwrap();
    assert!(view.tasks.iter().all(|task| task.committed().is_some()));
    let terms = [(ProviderId::from_static("local"), Terms::EXACT)].into();
    let bill = reader.bill(&run, UnixMillis(0), &terms).unwrap();
    assert_eq!((bill.lines.len(), bill.metered), (6, Usd::from_nanos(178_370_009)));
    assert!(
        reader.status(&RunId("fails-nghn2x".to_owned())).unwrap().reason.unwrap().contains("exit code 3")
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_of_the_first_schema_is_read_brought_up_to_date_and_driven_on() {
    let (_folder, state) = left("schema-1.sql");
    // A reader changes nothing, and needs no broker to have been there before.
    assert_told(&Reader::open(&state).unwrap());
    let broker = Broker::open(&state, options()).unwrap();
    assert_told(&broker.reader().unwrap());
    let moved: i64 = Connection::open(state.join("broker.sqlite3"))
        .unwrap()
        .query_row("SELECT sum(bytes) FROM moved WHERE month = 2026 * 12 + 10", [], |row| row.get(0))
        .unwrap();
    assert_eq!(moved, 255_182 + 63_786 + 78);
    let outcomes = broker.resume().await.unwrap();
    let [(run, Ok(outcome))] = &outcomes[..] else { panic!("{outcomes:?}") };
    // The machine it had is not to be found any more: the run ends, with its secret erased.
    assert_eq!((run.0.as_str(), outcome.state.is_over()), (KILLED, true), "{outcome:?}");
    assert_ne!(outcome.state, RunState::Cancelled);
    drop(broker);
    let bytes = fs::read(state.join("broker.sqlite3")).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"hunter22"));
}

/// What sealed the secret in `schema-2.sql`.
const SEAL_KEY: [u8; 32] = [
    0x2a, 0x6c, 0x93, 0xcf, 0xc0, 0xde, 0xe1, 0x3f, 0x7a, 0xa3, 0xb9, 0xe0, 0xff, 0xd9, 0x20, 0xd1, 0xb3,
    0x0f, 0x76, 0x8b, 0x44, 0x45, 0x5a, 0xca, 0xdb, 0x78, 0x15, 0x8c, 0xe3, 0xb9, 0xb0, 0x90,
];

fn assert_of_schema_2(reader: &Reader) {
    let states: Vec<String> = reader.list().unwrap().into_iter().map(|run| run.state).collect();
    assert_eq!(states, ["succeeded", "failed", "cancelled", "running"]);
    let terms = [(ProviderId::from_static("local"), Terms::EXACT)].into();
    let bill = |run: &str| {
        reader.bill(&RunId(run.to_owned()), UnixMillis(1_795_770_545_000), &terms).unwrap().metered
    };
    assert_eq!(bill("sky-example-ngjj51"), Usd::from_nanos(METERED[0]));
    assert_eq!(bill("fails-ngjj55"), Usd::from_nanos(METERED[1]));
    assert_eq!(bill("waits-ngjj55"), Usd::ZERO);
    for run in reader.list().unwrap() {
        let plan = reader.plan(&run.id).unwrap();
        assert_eq!(plan.id, reader.status(&run.id).unwrap().plan);
    }
}

/// What the runs that were over had cost, by the release that drove them.
const METERED: [i64; 2] = [178_370_009, 175_000];

#[tokio::test(start_paused = true)]
async fn a_store_of_the_second_schema_is_read_billed_and_driven_on_with_its_sealed_secret() {
    let (_folder, state) = left("schema-2.sql");
    assert_of_schema_2(&Reader::open(&state).unwrap());
    let mut options = options();
    options.seal = Some(SealKey::new(SEAL_KEY));
    let broker = Broker::open(&state, options).unwrap();
    assert_of_schema_2(&broker.reader().unwrap());
    // What was spent before there were projects was so in the default one, and what is under way takes of it.
    let used = || async { broker.reader().unwrap().records().project_use("default").await.unwrap() };
    let before = used().await;
    assert_eq!(before.spent.values().map(|spent| spent.nanos()).sum::<i64>(), METERED.iter().sum::<i64>());
    let claims: Vec<_> = before.claims.iter().map(|row| (row.run.0.as_str(), row.lease.is_some())).collect();
    assert_eq!(claims, [("waits-ngjj59", false), ("waits-ngjj59", true)]);
    let outcomes = broker.resume().await.unwrap();
    let [(run, Ok(outcome))] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((run.0.as_str(), outcome.state.is_over()), ("waits-ngjj59", true), "{outcome:?}");
    assert_eq!(used().await.claims, []);
    let collected = broker.gc().await.unwrap();
    assert_eq!((collected.failures, collected.unreadable), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn one_damaged_run_hides_no_other() {
    let (_folder, state) = left("schema-1.sql");
    drop(Broker::open(&state, options()).unwrap());
    let db = Connection::open(state.join("broker.sqlite3")).unwrap();
    db.execute("UPDATE run SET plan = '{', name = CAST(x'66ff' AS TEXT) WHERE id = ?1", [SUCCEEDED]).unwrap();
    drop(db);
    let broker = Broker::open(&state, options()).unwrap();
    let reader = broker.reader().unwrap();
    let names: Vec<String> = reader.list().unwrap().into_iter().map(|run| run.name).collect();
    assert_eq!(names, ["f\u{fffd}", "fails", "waits"]);
    assert!(reader.status(&RunId(SUCCEEDED.to_owned())).is_err());
    assert!(reader.status(&RunId(KILLED.to_owned())).is_ok());
    assert_eq!(broker.unfinished().await.unwrap().len(), 1);
    // The sweep goes on, names it, and touches nothing of it.
    let collected = broker.gc().await.unwrap();
    assert_eq!(collected.failures, Vec::<String>::new());
    let [told] = &collected.unreadable[..] else { panic!("{collected:?}") };
    assert!(told.contains(SUCCEEDED), "{told}");
}
