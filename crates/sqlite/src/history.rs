//! The append-only histories of runs.

use crate::meta;
use crate::text::{Result, failed, json, millis, parse, signed};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use welkin_provider::UnixMillis;
use welkin_records::{Numbered, Record, RunId, Since};

/// Appends to the history; returns the number of the record.
pub(crate) fn append(db: &Transaction<'_>, run: &RunId, at: UnixMillis, record: &Record) -> Result<u64> {
    let body = json(record)?;
    db.prepare_cached("INSERT INTO record (run, at, body) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![run.0, millis(at), body]))
        .map_err(|source| failed("appending a record", source))?;
    Ok(db.last_insert_rowid().unsigned_abs())
}

/// The history of a run after record number `after`, at most `limit`.
pub(crate) fn history(db: &Connection, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
    let sql = |source| failed("reading the history of a run", source);
    let mut statement = db
        .prepare_cached("SELECT seq, at, body FROM record WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")
        .map_err(sql)?;
    let rows = statement
        .query_map(params![run.0, signed(after), limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
        })
        .map_err(sql)?;
    rows.map(|row| {
        let (seq, at, body) = row.map_err(sql)?;
        Ok((seq.unsigned_abs(), UnixMillis(at.unsigned_abs()), parse(&body)?))
    })
    .collect()
}

/// Records of all runs after number `after`.
pub(crate) fn since(db: &Connection, after: u64, limit: u32) -> Result<Since> {
    let sql = |source| failed("reading what has happened", source);
    let mut statement = db
        .prepare_cached("SELECT seq, run, at, body FROM record WHERE seq > ?1 ORDER BY seq LIMIT ?2")
        .map_err(sql)?;
    let rows = statement
        .query_map(params![signed(after), limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
        })
        .map_err(sql)?;
    let records = rows.map(|row| {
        let (seq, run, at, body) = row.map_err(sql)?;
        Ok((RunId(run), (seq.unsigned_abs(), UnixMillis(at.unsigned_abs()), parse(&body)?)))
    });
    Ok(Since { records: records.collect::<Result<_>>()?, last: last(db)?, forgotten: meta::horizon(db)? })
}

/// The number that was given last, whether its record is still there or not.
pub(crate) fn last(db: &Connection) -> Result<u64> {
    db.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'record'")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)).optional())
        .map(|last| last.unwrap_or_default().unsigned_abs())
        .map_err(|source| failed("reading the number of the last record", source))
}
