//! Rows of the ledger.

use crate::text::{Result, failed, json, millis, parse, signed};
use crate::{projects, sums};
use rusqlite::{Connection, Transaction, params};
use welkin_ledger::Entry;
use welkin_provider::UnixMillis;
use welkin_records::RunId;

/// Appends a row of the ledger and counts the data it moved and what was spent; one that is there already is left alone.
pub(crate) fn append_entry(db: &Transaction<'_>, at: UnixMillis, entry: &Entry) -> Result<()> {
    let sql = |source| failed("appending to the ledger", source);
    let body = json(entry)?;
    let added = db
        .prepare_cached("INSERT OR IGNORE INTO ledger (id, run, at, body) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute(params![entry.id().0, entry.run, millis(at), body]))
        .map_err(sql)?;
    if added == 0 {
        return Ok(());
    }
    projects::count_spent(db, at, entry)?;
    sums::count_moved(db, entry)
}

/// Rows of the ledger of a run in order, all but the first `skip`, at most `limit`.
pub(crate) fn entries(db: &Connection, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
    let sql = |source| failed("reading the ledger", source);
    let mut statement = db
        .prepare_cached("SELECT body FROM ledger WHERE run = ?1 ORDER BY seq LIMIT ?2 OFFSET ?3")
        .map_err(sql)?;
    let params = params![run.0, limit, signed(skip)];
    let bodies = statement.query_map(params, |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| parse(&body.map_err(sql)?)).collect()
}
