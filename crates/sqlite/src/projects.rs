//! Projects, what they have spent, and what takes of them what is not over.

use crate::text::{Result, failed, json, parse, signed};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;
use welkin_ledger::Entry;
use welkin_provider::UnixMillis;
use welkin_records::{Claim, ClaimRow, DEFAULT_PROJECT, Project, RunId, StoreError, Use, spent_by};
use welkin_units::Usd;

/// A project, if it is as often changed as whoever writes it has seen.
pub(crate) fn set(db: &Transaction<'_>, was: u64, project: &Project) -> Result<()> {
    let sql = |source| failed("recording a project", source);
    let (version, body) = (signed(project.version), json(project)?);
    let done = match was {
        0 => db.execute(
            "INSERT OR IGNORE INTO project (name, version, body) VALUES (?1, ?2, ?3)",
            params![project.name, version, body],
        ),
        was => db.execute(
            "UPDATE project SET version = ?2, body = ?3 WHERE name = ?1 AND version = ?4",
            params![project.name, version, body, signed(was)],
        ),
    };
    match done.map_err(sql)? {
        0 => Err(StoreError::ProjectChanged { name: project.name.clone() }),
        // The transaction is given up with it.
        _ if project.removed && !used(db, &project.name)?.claims.is_empty() => {
            Err(StoreError::ProjectInUse { name: project.name.clone() })
        }
        _ => Ok(()),
    }
}

/// All of them, by name.
pub(crate) fn all(db: &Connection) -> Result<Vec<Project>> {
    let sql = |source| failed("reading projects", source);
    let mut statement = db.prepare_cached("SELECT body FROM project ORDER BY name").map_err(sql)?;
    let bodies = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| parse(&body.map_err(sql)?)).collect()
}

/// One, and what is in use of it. To be called in one transaction.
pub(crate) fn used(db: &Connection, name: &str) -> Result<Use> {
    let sql = |source| failed("reading what a project uses", source);
    let body = db
        .prepare_cached("SELECT body FROM project WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get::<_, String>(0)).optional())
        .map_err(sql)?;
    let project = body.map(|body| parse(&body)).transpose()?;
    let mut statement =
        db.prepare_cached("SELECT month, nanos FROM spent WHERE project = ?1").map_err(sql)?;
    let months = statement
        .query_map([name], |row| Ok((row.get(0)?, Usd::from_nanos(row.get(1)?))))
        .and_then(|rows| rows.collect::<rusqlite::Result<BTreeMap<i32, Usd>>>())
        .map_err(sql)?;
    let mut statement =
        db.prepare_cached("SELECT run, lease, spent, body FROM claim WHERE project = ?1").map_err(sql)?;
    let rows = statement
        .query_map([name], |row| {
            Ok((RunId(row.get(0)?), row.get::<_, String>(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })
        .map_err(sql)?;
    let claim = |row: rusqlite::Result<(RunId, String, i64, String)>| {
        let (run, lease, spent, body) = row.map_err(sql)?;
        let lease = Some(lease).filter(|lease| !lease.is_empty());
        Ok(ClaimRow { run, lease, claim: parse(&body)?, spent: Usd::from_nanos(spent) })
    };
    Ok(Use { project, spent: months, claims: rows.map(claim).collect::<Result<_>>()? })
}

/// What a run or a lease takes, held against what its project may use where that is asked for.
pub(crate) fn claim(
    db: &Transaction<'_>,
    run: &RunId,
    lease: Option<&str>,
    claim: Option<&Claim>,
    judged: Option<UnixMillis>,
) -> Result<()> {
    let sql = |source| failed("recording what a run takes of its project", source);
    let key = lease.unwrap_or_default();
    let Some(claim) = claim else {
        return db
            .prepare_cached("DELETE FROM claim WHERE run = ?1 AND lease = ?2")
            .and_then(|mut statement| statement.execute([&run.0, key]))
            .map(drop)
            .map_err(sql);
    };
    let Some(project) = of_run(db, &run.0)? else { return Ok(()) };
    if let Some(at) = judged {
        judge(db, &project, run, lease, claim, at)?;
    }
    let body = json(claim)?;
    db.prepare_cached(
        "INSERT INTO claim (run, lease, project, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET body = excluded.body",
    )
    .and_then(|mut statement| statement.execute(params![run.0, key, project, body]))
    .map(drop)
    .map_err(sql)
}

fn judge(
    db: &Transaction<'_>,
    project: &str,
    run: &RunId,
    lease: Option<&str>,
    claim: &Claim,
    at: UnixMillis,
) -> Result<()> {
    let there = db
        .prepare_cached("SELECT 1 FROM project WHERE name = ?1")
        .and_then(|mut statement| statement.exists([project]))
        .map_err(|source| failed("looking for a project", source))?;
    match there {
        // Nobody has limited it.
        false if project == DEFAULT_PROJECT => return Ok(()),
        false => return Err(StoreError::NoProject { name: project.to_owned() }),
        true => {}
    }
    let used = used(db, project)?;
    if !used.is_open(project) {
        return Err(StoreError::NoProject { name: project.to_owned() });
    }
    let is_it = |row: &&ClaimRow| row.run == *run && row.lease.as_deref() == lease;
    let spent = used.claims.iter().find(is_it).map_or(Usd::ZERO, |row| row.spent);
    let row = ClaimRow { run: run.clone(), lease: lease.map(str::to_owned), claim: claim.clone(), spent };
    used.judge(row, at).map_err(|over| StoreError::Over(Box::new(over)))
}

/// The project of a run.
fn of_run(db: &Connection, run: &str) -> Result<Option<String>> {
    db.prepare_cached("SELECT coalesce(project, 'default') FROM run WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([run], |row| row.get(0)).optional())
        .map_err(|source| failed("looking for the project of a run", source))
}

/// A run that is over takes nothing.
pub(crate) fn release(db: &Transaction<'_>, run: &RunId) -> Result<()> {
    db.prepare_cached("DELETE FROM claim WHERE run = ?1")
        .and_then(|mut statement| statement.execute([&run.0]))
        .map(drop)
        .map_err(|source| failed("recording what a run takes of its project", source))
}

/// Adds what a new row of the ledger says was spent.
pub(crate) fn count_spent(db: &Transaction<'_>, at: UnixMillis, entry: &Entry) -> Result<()> {
    let parts = spent_by(entry, at);
    if parts.is_empty() {
        return Ok(());
    }
    let sql = |source| failed("counting what was spent", source);
    let Some(project) = of_run(db, &entry.run)? else { return Ok(()) };
    for (month, amount) in parts {
        let before: Option<i64> = db
            .prepare_cached("SELECT nanos FROM spent WHERE project = ?1 AND month = ?2")
            .and_then(|mut statement| {
                statement.query_row(params![project, month], |row| row.get(0)).optional()
            })
            .map_err(sql)?;
        let sum = Usd::from_nanos(before.unwrap_or_default()) + amount;
        db.prepare_cached("INSERT OR REPLACE INTO spent (project, month, nanos) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![project, month, sum.nanos()]))
            .map_err(sql)?;
        let own: Option<i64> = db
            .prepare_cached("SELECT spent FROM claim WHERE run = ?1 AND lease = ''")
            .and_then(|mut statement| statement.query_row([&entry.run], |row| row.get(0)).optional())
            .map_err(sql)?;
        let Some(own) = own else { continue };
        let sum = Usd::from_nanos(own) + amount;
        db.prepare_cached("UPDATE claim SET spent = ?2 WHERE run = ?1 AND lease = ''")
            .and_then(|mut statement| statement.execute(params![entry.run, sum.nanos()]))
            .map_err(sql)?;
    }
    Ok(())
}
