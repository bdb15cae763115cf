//! Values of the store itself, and the names of runs that were forgotten.

use crate::history::last;
use crate::text::{Result, failed};
use rusqlite::{Connection, OptionalExtension, Transaction};
use welkin_records::RunId;

/// Key under which [`horizon`] is kept. No run has such a name.
const HORIZON: &str = "forgotten up to record";

/// A value of this state directory.
pub(crate) fn get(db: &Connection, key: &str) -> Result<Option<String>> {
    db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
        .map_err(|source| failed("reading the identity of the store", source))
}

/// Sets a value of this state directory, unless there is one.
pub(crate) fn set(db: &Transaction<'_>, key: &str, value: &str) -> Result<()> {
    db.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?1, ?2)", [key, value])
        .map(drop)
        .map_err(|source| failed("writing the identity of the store", source))
}

/// Remembers that there was a run of this name.
pub(crate) fn forget(db: &Transaction<'_>, run: &RunId) -> Result<()> {
    set(db, &forgotten(run), "")?;
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [HORIZON, &last(db)?.to_string()])
        .map(drop)
        .map_err(|source| failed("writing how far runs were forgotten", source))
}

/// The number of the last record there was when a run was forgotten; 0 when none ever was.
pub(crate) fn horizon(db: &Connection) -> Result<u64> {
    Ok(get(db, HORIZON)?.and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Whether a run of this name was forgotten.
pub(crate) fn was_forgotten(db: &Connection, run: &RunId) -> Result<bool> {
    Ok(get(db, &forgotten(run))?.is_some())
}

fn forgotten(run: &RunId) -> String {
    format!("forgotten {run}")
}
