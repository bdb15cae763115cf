//! SQLite promises what every store of records does, whether it waits for the disk or not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use tempfile::TempDir;
use welkin_sqlite::{Durability, Sqlite};

fn made(durability: Durability) -> (Sqlite, TempDir) {
    let dir = TempDir::new().unwrap();
    (Sqlite::open(&dir.path().join("records.sqlite3"), durability).unwrap(), dir)
}

mod that_survive_a_power_cut {
    welkin_records::conformance!(super::made(super::Durability::PowerCut));
}

mod that_survive_the_process {
    welkin_records::conformance!(super::made(super::Durability::Process));
}
