//! The append-only histories of runs.

use crate::text::{Result, failed, json, millis, parse, signed};
use rusqlite::{Connection, Transaction, params};
use welkin_provider::UnixMillis;
use welkin_records::{Numbered, Record, RunId};

/// Appends to the history; returns the number of the record.
pub(crate) fn append(db: &Transaction<'_>, run: &RunId, at: UnixMillis, record: &Record) -> Result<u64> {
    let body = json(record)?;
    db.prepare_cached("INSERT INTO record (run, at, body) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![run.0, millis(at), body]))
        .map_err(|source| failed("appending a record", source))?;
    Ok(db.last_insert_rowid().unsigned_abs())
}

/// The history of a run after record number `after`.
pub(crate) fn history(db: &Connection, run: &RunId, after: u64) -> Result<Vec<Numbered>> {
    let sql = |source| failed("reading the history of a run", source);
    let mut statement = db
        .prepare_cached("SELECT seq, at, body FROM record WHERE run = ?1 AND seq > ?2 ORDER BY seq")
        .map_err(sql)?;
    let rows = statement
        .query_map(params![run.0, signed(after)], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
        })
        .map_err(sql)?;
    rows.map(|row| {
        let (seq, at, body) = row.map_err(sql)?;
        Ok((seq.unsigned_abs(), UnixMillis(at.unsigned_abs()), parse(&body)?))
    })
    .collect()
}
