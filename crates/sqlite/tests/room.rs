//! Giving room back takes as long as copying the database: who looks meanwhile does not wait for it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, in its helpers too")]

use rusqlite::Connection;
use std::future::ready;
use std::pin::pin;
use tempfile::TempDir;
use welkin_records::conformance::{planned, submitted};
use welkin_records::{Change, Records, RunId, RunRow, Write};
use welkin_sqlite::{Durability, Sqlite};

fn run(name: &str) -> RunId {
    RunId(name.to_owned())
}

/// A run with a plan of some hundred kilobytes.
fn submission(name: &str) -> Change {
    submitted(RunRow { plan: "x".repeat(300_000), ..planned(name) })
}

async fn write(store: &Sqlite, change: Change) {
    store.commit(vec![Write::from(change)]).await.pop().unwrap().unwrap();
}

#[tokio::test]
async fn who_reads_does_not_wait_while_the_database_is_written_anew() {
    for durability in [Durability::PowerCut, Durability::Process] {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("records.sqlite3");
        let store = Sqlite::open(&path, durability).unwrap();
        for name in ["kept", "gone"] {
            write(&store, submission(name)).await;
        }
        write(&store, Change::Forgotten { run: run("gone") }).await;
        let before = store.size().await;
        // It has to wait for this one, as it has for its own work.
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        {
            let mut shrink = pin!(store.shrink());
            tokio::select! {
                biased;
                done = &mut shrink => panic!("it is done: {done:?}"),
                () = ready(()) => {}
            }
            assert!(store.row(&run("kept")).await.unwrap().is_some());
            other.execute_batch("COMMIT").unwrap();
            shrink.await.unwrap();
        }
        assert!(store.size().await < before - 250_000);
        // The connection of the store goes on with what is there now.
        assert!(store.row(&run("kept")).await.unwrap().is_some());
        write(&store, submission("next")).await;
        assert!(store.row(&run("next")).await.unwrap().is_some());
    }
}
