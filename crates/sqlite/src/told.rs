//! What nodes told: events of steps, and the output of scripts.

use crate::output::{self, Files};
use crate::text::{Result, failed, json, millis, parse, signed};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::path::PathBuf;
use welkin_provider::{Event, EventKind, UnixMillis};
use welkin_records::{
    AttemptId, Extent, Gone, LEFT_OUT, Lines, LogRow, RunId, StepKey, Told, left_out_count, left_out_words,
    line_of,
};
use welkin_units::Bytes;

/// Appends what a node told; events that are there already are left alone.
pub(crate) fn append_events(
    db: &Transaction<'_>,
    files: &Files,
    run: &RunId,
    step: StepKey,
    events: &[Event],
) -> Result<()> {
    let sql = |source| failed("appending events of a node", source);
    let framed = output::frames(db, files, run, step, events)?;
    let first = output::next(db, run, step)?;
    let mut statement = db
        .prepare_cached(
            "INSERT OR IGNORE INTO node_event (run, task, attempt, phase, rank, seq, at, stream, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .map_err(sql)?;
    for event in events {
        let (stream, body) = match line_of(&event.kind) {
            Some(_) if framed || event.seq < first => continue,
            Some((stream, text)) => (Some(stream), text.to_owned()),
            None => (None, json(&event.kind)?),
        };
        let StepKey { attempt, phase, rank } = step;
        let task = signed(attempt.task as u64);
        let (seq, at) = (signed(event.seq), millis(event.at));
        statement
            .execute(params![run.0, task, attempt.number, phase.name(), rank, seq, at, stream, body])
            .map_err(sql)?;
        if matches!(event.kind, EventKind::Finished { .. }) {
            output::forget_waiting(files, run, step);
        }
    }
    Ok(())
}

/// What a node told about a step, logs left out, and the number to read on from.
pub(crate) fn told(db: &Connection, run: &RunId, step: StepKey, framed: bool) -> Result<Told> {
    let sql = |source| failed("reading events of a node", source);
    let StepKey { attempt, phase, rank } = step;
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank];
    let of_step =
        "FROM node_event WHERE run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5";
    let next: i64 = db
        .prepare_cached(&format!("SELECT coalesce(max(seq) + 1, 0) {of_step}"))
        .and_then(|mut statement| statement.query_row(key, |row| row.get(0)))
        .map_err(sql)?;
    let mut statement =
        db.prepare_cached(&format!("SELECT body {of_step} AND stream IS NULL ORDER BY seq")).map_err(sql)?;
    let bodies = statement.query_map(key, |row| row.get::<_, String>(0)).map_err(sql)?;
    let events = bodies.map(|body| parse(&body.map_err(sql)?)).collect::<Result<_>>()?;
    let framed = if framed { output::next(db, run, step)? } else { 0 };
    Ok(Told { events, next: next.unsigned_abs().max(framed) })
}

/// What is kept of the output of a step.
pub(crate) fn lines(db: &Connection, run: &RunId, step: StepKey, framed: bool) -> Result<Lines> {
    let mut kept = if framed { output::extents(db, run, step)? } else { Vec::new() };
    kept.extend(each_line(db, run, step)?);
    Ok(Lines { kept, gone: mark(db, run, step)? })
}

fn each_line(db: &Connection, run: &RunId, step: StepKey) -> Result<Vec<Extent>> {
    let sql = |source| failed("measuring the log of a step", source);
    let StepKey { attempt, phase, rank } = step;
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank, LEFT_OUT];
    let mut statement = db
        .prepare_cached(
            "SELECT seq, length(CAST(body AS BLOB)) FROM node_event
             WHERE run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5
             AND stream IS NOT NULL AND stream != ?6 ORDER BY seq",
        )
        .map_err(sql)?;
    let numbers = |row: &rusqlite::Row<'_>| {
        Ok(Extent::line(row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
    };
    statement.query_map(key, numbers).map_err(sql)?.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// Where lines of a step were left out, and how many.
fn mark(db: &Connection, run: &RunId, step: StepKey) -> Result<Option<(u64, u64)>> {
    let StepKey { attempt, phase, rank } = step;
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank, LEFT_OUT];
    let query = "SELECT seq, body FROM node_event WHERE run = ?1 AND task = ?2 AND attempt = ?3
                 AND phase = ?4 AND rank = ?5 AND stream = ?6";
    let found = db.query_row(query, key, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    let found = found.optional().map_err(|source| failed("measuring the log of a step", source))?;
    Ok(found.map(|(seq, body)| (seq.unsigned_abs(), left_out_count(&body))))
}

/// Takes lines out of the log of a step, and says in place of the first how many are gone.
pub(crate) fn leave_out(
    db: &Transaction<'_>,
    files: &Files,
    run: &RunId,
    step: StepKey,
    gone: &Gone,
    doomed: &mut Vec<PathBuf>,
) -> Result<()> {
    let sql = |source| failed("shortening the log of a step", source);
    output::leave_out(db, files, run, step, gone, doomed)?;
    let StepKey { attempt, phase, rank } = step;
    let of_step = "run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5";
    let task = signed(attempt.task as u64);
    let (mark, from, to) = (signed(gone.mark), signed(gone.from), signed(gone.to));
    db.prepare_cached(&format!(
        "DELETE FROM node_event WHERE {of_step} AND seq BETWEEN ?6 AND ?7 AND seq != ?8 AND stream IS NOT NULL"
    ))
    .and_then(|mut delete| {
        delete.execute(params![run.0, task, attempt.number, phase.name(), rank, from, to, mark])
    })
    .map_err(sql)?;
    let words = left_out_words(gone.lines);
    db.prepare_cached(&format!("UPDATE node_event SET stream = ?7, body = ?8 WHERE {of_step} AND seq = ?6"))
        .and_then(|mut update| {
            update.execute(params![run.0, task, attempt.number, phase.name(), rank, mark, LEFT_OUT, words])
        })
        .map(drop)
        .map_err(sql)
}

/// Lines of a run, of one task or all, after row `after`, at most `limit`.
pub(crate) fn logs(
    db: &Connection,
    run: &RunId,
    task: Option<usize>,
    after: u64,
    limit: u32,
) -> Result<Vec<LogRow>> {
    let sql = |source| failed("reading logs", source);
    let mut statement = db
        .prepare_cached(
            "SELECT id, task, attempt, phase, rank, at, stream, body FROM node_event
             WHERE run = ?1 AND id > ?2 AND stream IS NOT NULL AND (?3 IS NULL OR task = ?3)
             ORDER BY id LIMIT ?4",
        )
        .map_err(sql)?;
    let task = task.map(|task| signed(task as u64));
    let rows = statement
        .query_map(params![run.0, signed(after), task, limit], |row| {
            let task = usize::try_from(row.get::<_, i64>(1)?.unsigned_abs()).unwrap_or(usize::MAX);
            Ok(LogRow {
                id: row.get::<_, i64>(0)?.unsigned_abs(),
                attempt: AttemptId { task, number: row.get(2)? },
                phase: row.get(3)?,
                rank: row.get(4)?,
                at: UnixMillis(row.get::<_, i64>(5)?.unsigned_abs()),
                stream: row.get(6)?,
                line: row.get(7)?,
            })
        })
        .map_err(sql)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// Numbers of the last rows of lines of a run, of one task or all, the latest first, at most `limit`.
pub(crate) fn last(db: &Connection, run: &RunId, task: Option<usize>, limit: u32) -> Result<Vec<u64>> {
    let sql = |source| failed("reading logs", source);
    let mut statement = db
        .prepare_cached(
            "SELECT id FROM node_event WHERE run = ?1 AND stream IS NOT NULL AND (?2 IS NULL OR task = ?2)
             ORDER BY id DESC LIMIT ?3",
        )
        .map_err(sql)?;
    let key = params![run.0, task.map(|task| signed(task as u64)), limit];
    let rows = statement.query_map(key, |row| Ok(row.get::<_, i64>(0)?.unsigned_abs())).map_err(sql)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// Bytes in the lines of a run's logs.
pub(crate) fn log_bytes(db: &Connection, run: &RunId, framed: bool) -> Result<Bytes> {
    let query = "SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM node_event
                 WHERE run = ?1 AND stream IS NOT NULL";
    let rows: i64 = db
        .query_row(query, [&run.0], |row| row.get(0))
        .map_err(|source| failed("measuring the logs of a run", source))?;
    let framed = if framed { output::bytes(db, run)? } else { 0 };
    Ok(Bytes::new(rows.unsigned_abs() + framed))
}

/// Takes lines of a run out, the oldest first, about so many; gives how many went.
pub(crate) fn forget_lines(db: &Transaction<'_>, run: &RunId, most: u32) -> Result<u64> {
    let portion = "DELETE FROM node_event WHERE id IN
        (SELECT id FROM node_event WHERE run = ?1 ORDER BY id LIMIT ?2)";
    let rows = db
        .execute(portion, params![run.0, most])
        .map_err(|source| failed("deleting the logs of a run", source))? as u64;
    match u32::try_from(u64::from(most).saturating_sub(rows)) {
        Ok(more @ 1..) => Ok(rows + output::forget(db, run, more)?),
        _ => Ok(rows),
    }
}
