//! Opening a database to look at it, whatever may be written around it.
//!
//! 1. As usual: writable, because a reader of a write-ahead log may have to make its index, and because a
//!    cancel is asked for by a reader.
//! 2. In a folder that may only be read, a database whose log is empty is opened as what it is: unchanging.
//! 3. With a log, its index is kept in memory instead of beside it. Nobody can be writing there.

use crate::text::failed;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use welkin_records::StoreError;

/// SQLite's files without locks: a lock for an index in memory would have to be taken for writing.
const LOCKLESS: &str = "unix-none";

/// A connection that has read something already.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let opening = |source| failed("opening the database", source);
    match probed(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)) {
        Err(error) if is_of_the_folder(&error) => read_only(path).map_err(opening),
        result => result.map_err(opening),
    }
}

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let log = {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        std::fs::metadata(log).map_or(0, |log| log.len())
    };
    if log == 0 {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        return probed(Connection::open_with_flags(uri(path, "immutable=1"), flags));
    }
    // Not `nolock=1`, which refuses every log: this file system has no locks to refuse.
    let db = Connection::open_with_flags_and_vfs(path, OpenFlags::SQLITE_OPEN_READ_ONLY, LOCKLESS)?;
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    probed(Ok(db))
}

/// SQLite opens files when it first needs them, so a connection says little.
fn probed(opened: rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
    let db = opened?;
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(db)
}

fn is_of_the_folder(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(
            ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
        )
    )
}

/// A path as SQLite takes it with parameters.
fn uri(path: &Path, parameter: &str) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte))
            }
            _ => write!(uri, "%{byte:02x}").expect("a string takes all that is written"),
        }
    }
    uri + "?mode=ro&" + parameter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_reading_only_show_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        // A name that would end the path of a URI.
        let path = dir.path().join("a ?b#%.sqlite3");
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (42)").unwrap();
        let read = |path: &Path| -> i64 {
            read_only(path).unwrap().query_row("SELECT n FROM t", [], |row| row.get(0)).unwrap()
        };
        // While the writer lives its log is full; a copy of both is what a killed one leaves.
        let left = dir.path().join("left.sqlite3");
        std::fs::copy(&path, &left).unwrap();
        std::fs::copy(dir.path().join("a ?b#%.sqlite3-wal"), dir.path().join("left.sqlite3-wal")).unwrap();
        assert_eq!(read(&left), 42);
        assert!(!dir.path().join("left.sqlite3-shm").exists());
        drop(db);
        assert_eq!(read(&path), 42);
    }
}
