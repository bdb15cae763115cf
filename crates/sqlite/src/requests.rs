//! What other processes ask for.

use crate::runs::OPEN;
use crate::text::{Result, failed, millis};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeSet;
use welkin_provider::UnixMillis;
use welkin_records::RunId;

/// Asks whoever drives the run to cancel it.
pub(crate) fn cancel(db: &Transaction<'_>, run: &RunId, at: UnixMillis) -> Result<()> {
    db.execute(
        "INSERT OR IGNORE INTO request (run, what, at) VALUES (?1, 'cancel', ?2)",
        params![run.0, millis(at)],
    )
    .map(drop)
    .map_err(|source| failed("recording a request", source))
}

/// The runs that somebody wants to be cancelled and that are not over.
pub(crate) fn cancels(db: &Connection) -> Result<BTreeSet<RunId>> {
    let sql = |source| failed("reading requests", source);
    let query = format!(
        "SELECT id FROM run WHERE {OPEN} AND EXISTS (SELECT 1 FROM request WHERE run = run.id AND what = 'cancel')"
    );
    let mut statement = db.prepare_cached(&query).map_err(sql)?;
    let runs = statement.query_map([], |row| row.get(0).map(RunId)).map_err(sql)?;
    runs.collect::<rusqlite::Result<_>>().map_err(sql)
}
