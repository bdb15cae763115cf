//! Sums that are kept in the same transaction as what they are of.

use crate::schema::{MOVED_OF_LEDGER, PROVIDERS_OF_PLANS, WITH_SUMS};
use crate::text::{Result, failed, json, parse, signed};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeSet;
use welkin_ledger::{Entry, EntryKind, Usage, month_of};
use welkin_provider::ProviderId;
use welkin_records::Moved;
use welkin_units::Bytes;

/// Adds the data that a new row of the ledger moved.
pub(crate) fn count_moved(db: &Transaction<'_>, entry: &Entry) -> Result<()> {
    let EntryKind::Charge { event } = &entry.kind else { return Ok(()) };
    let Usage::Egress(moved) = &event.usage else { return Ok(()) };
    let (source, target) = (json(&event.place)?, json(&moved.to)?);
    db.prepare_cached(
        "INSERT INTO moved (month, source, target, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
    )
    .and_then(|mut statement| {
        statement.execute(params![month_of(event.to), source, target, signed(moved.bytes.get())])
    })
    .map(drop)
    .map_err(|source| failed("counting data that moved", source))
}

/// What moved in a month.
pub(crate) fn moved(db: &Connection, month: i32, schema: usize) -> Result<Vec<Moved>> {
    let sql = |source| failed("reading the data that moved this month", source);
    let of = if schema < WITH_SUMS { format!("({MOVED_OF_LEDGER})") } else { "moved".to_owned() };
    let mut statement = db
        .prepare_cached(&format!("SELECT source, target, bytes FROM {of} WHERE month = ?1"))
        .map_err(sql)?;
    let rows = statement
        .query_map([month], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })
        .map_err(sql)?;
    rows.map(|row| {
        let (source, target, bytes) = row.map_err(sql)?;
        let bytes = Bytes::new(bytes.unsigned_abs());
        Ok(Moved { source: parse(&source)?, target: parse(&target)?, bytes })
    })
    .collect()
}

/// Remembers providers whose stores and leases a run may use.
pub(crate) fn remember_providers(db: &Transaction<'_>, names: &BTreeSet<ProviderId>) -> Result<()> {
    let sql = |source| failed("recording the providers of a plan", source);
    let mut statement =
        db.prepare_cached("INSERT OR IGNORE INTO provider_used (name) VALUES (?1)").map_err(sql)?;
    names.iter().try_for_each(|name| statement.execute([name.as_str()]).map(drop)).map_err(sql)
}

/// Every provider that a plan of any run names or named.
pub(crate) fn providers_used(db: &Connection, schema: usize) -> Result<BTreeSet<ProviderId>> {
    let sql = |source| failed("reading the providers of earlier plans", source);
    let of = if schema < WITH_SUMS { PROVIDERS_OF_PLANS } else { "SELECT name FROM provider_used" };
    let mut statement = db.prepare(of).map_err(sql)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
    // What no provider can be called none was ever opened by.
    names
        .filter_map(|name| name.map(|name| name.parse().ok()).transpose())
        .collect::<rusqlite::Result<_>>()
        .map_err(sql)
}
