//! Sums that are kept in the same transaction as what they are of.

use crate::error::StoreError;
use crate::sql::{json, parse, signed};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeSet;
use welkin_ledger::{Entry, EntryKind, MonthToDate, Pricing, Usage, month_of};
use welkin_placement::Plan;
use welkin_provider::{Location, UnixMillis};
use welkin_units::Bytes;

type Result<T> = std::result::Result<T, StoreError>;

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
    .map_err(|source| StoreError::sql("counting data that moved", source))
}

/// What was moved in the month of `at`, on the counters of `pricing`.
pub(crate) fn month_to_date(db: &Connection, at: UnixMillis, pricing: &dyn Pricing) -> Result<MonthToDate> {
    let sql = |source| StoreError::sql("reading the data that moved this month", source);
    let mut statement =
        db.prepare_cached("SELECT source, target, bytes FROM moved WHERE month = ?1").map_err(sql)?;
    let rows = statement
        .query_map([month_of(at)], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })
        .map_err(sql)?;
    let mut month = MonthToDate::default();
    for row in rows {
        let (source, target, bytes) = row.map_err(sql)?;
        let (source, target): (Location, Location) = (parse(&source)?, parse(&target)?);
        month.add(&pricing.counter(&source, &target), at, Bytes::new(bytes.unsigned_abs()));
    }
    Ok(month)
}

/// The providers that a plan names.
pub(crate) fn providers_of(plan: &Plan) -> BTreeSet<String> {
    let places = plan.tasks.iter().flat_map(|task| std::iter::once(&task.choice).chain(&task.alternatives));
    let mut names = BTreeSet::new();
    for place in places {
        if !names.contains(&place.provider) {
            names.insert(place.provider.clone());
        }
    }
    names
}

/// Remembers providers whose stores and leases a run may use.
pub(crate) fn remember_providers(db: &Transaction<'_>, names: &BTreeSet<String>) -> Result<()> {
    let sql = |source| StoreError::sql("recording the providers of a plan", source);
    let mut statement =
        db.prepare_cached("INSERT OR IGNORE INTO provider_used (name) VALUES (?1)").map_err(sql)?;
    names.iter().try_for_each(|name| statement.execute([name]).map(drop)).map_err(sql)
}

/// Every provider that a plan of any run names.
pub(crate) fn providers_used(db: &Connection) -> Result<BTreeSet<String>> {
    let sql = |source| StoreError::sql("reading the providers of earlier plans", source);
    let mut statement = db.prepare("SELECT name FROM provider_used").map_err(sql)?;
    let names = statement.query_map([], |row| row.get(0)).map_err(sql)?;
    names.collect::<rusqlite::Result<_>>().map_err(sql)
}
