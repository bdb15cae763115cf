//! The statements of the broker, but for those of [`crate::runs`] and [`crate::sums`].

use crate::error::StoreError;
use crate::id::{AttemptId, RunId};
use crate::kept::Gone;
use crate::record::Record;
use crate::state::Phase;
use crate::sums;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use welkin_ledger::Entry;
use welkin_provider::{Event, EventKind, Stream, UnixMillis};
use welkin_units::Bytes;

type Result<T> = std::result::Result<T, StoreError>;

/// A value of this state directory.
pub(crate) fn meta(db: &Connection, key: &str) -> Result<Option<String>> {
    db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
        .map_err(|source| StoreError::sql("reading the identity of the store", source))
}

/// Sets a value of this state directory.
pub(crate) fn set_meta(db: &Connection, key: &str, value: &str) -> Result<()> {
    db.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", [key, value])
        .map(drop)
        .map_err(|source| StoreError::sql("writing the identity of the store", source))
}

/// Appends to the history; returns the number of the record.
pub(crate) fn append(db: &Transaction<'_>, run: &RunId, at: UnixMillis, record: &Record) -> Result<u64> {
    let body = json(record)?;
    db.prepare_cached("INSERT INTO record (run, at, body) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![run.0, millis(at), body]))
        .map_err(|source| StoreError::sql("appending a record", source))?;
    Ok(db.last_insert_rowid().unsigned_abs())
}

/// A record with its number and time.
pub(crate) type Numbered = (u64, UnixMillis, Record);

/// The history of a run after record number `after`.
pub(crate) fn history(db: &Connection, run: &RunId, after: u64) -> Result<Vec<Numbered>> {
    let sql = |source| StoreError::sql("reading the history of a run", source);
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

/// The step a node told something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepKey {
    pub(crate) attempt: AttemptId,
    pub(crate) phase: Phase,
    pub(crate) rank: u32,
}

/// Appends what a node told; events that are there already are left alone.
pub(crate) fn append_events(
    db: &Transaction<'_>,
    run: &RunId,
    step: StepKey,
    events: &[Event],
) -> Result<()> {
    let sql = |source| StoreError::sql("appending events of a node", source);
    let mut statement = db
        .prepare_cached(
            "INSERT OR IGNORE INTO node_event (run, task, attempt, phase, rank, seq, at, stream, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .map_err(sql)?;
    for event in events {
        let (stream, body) = match &event.kind {
            EventKind::Log { stream, line } => (Some(stream_name(*stream).to_owned()), line.clone()),
            EventKind::Piece { stream, text, last } => {
                let mark = if *last { LAST_PIECE } else { PIECE };
                (Some(format!("{}{mark}", stream_name(*stream))), text.clone())
            }
            other => (None, json(other)?),
        };
        let StepKey { attempt, phase, rank } = step;
        let task = signed(attempt.task as u64);
        let (seq, at) = (signed(event.seq), millis(event.at));
        statement
            .execute(params![run.0, task, attempt.number, phase.name(), rank, seq, at, stream, body])
            .map_err(sql)?;
    }
    Ok(())
}

/// What a node told about a step, logs left out, and the number to read on from.
pub(crate) fn events_of(db: &Connection, run: &RunId, step: StepKey) -> Result<(Vec<EventKind>, u64)> {
    let sql = |source| StoreError::sql("reading events of a node", source);
    let StepKey { attempt, phase, rank } = step;
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank];
    let of_step =
        "FROM node_event WHERE run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5";
    let next: i64 = db
        .query_row(&format!("SELECT coalesce(max(seq) + 1, 0) {of_step}"), key, |row| row.get(0))
        .map_err(sql)?;
    let mut statement =
        db.prepare_cached(&format!("SELECT body {of_step} AND stream IS NULL ORDER BY seq")).map_err(sql)?;
    let bodies = statement.query_map(key, |row| row.get::<_, String>(0)).map_err(sql)?;
    let events = bodies.map(|body| parse(&body.map_err(sql)?)).collect::<Result<_>>()?;
    Ok((events, next.unsigned_abs()))
}

/// Number and length of each line of a step that is stored, in order; not of the line that says how many
/// were left out.
pub(crate) fn each_line(
    db: &Connection,
    run: &RunId,
    step: StepKey,
    mut each: impl FnMut(u64, u64),
) -> Result<()> {
    let sql = |source| StoreError::sql("measuring the log of a step", source);
    let StepKey { attempt, phase, rank } = step;
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank, LEFT_OUT];
    let mut statement = db
        .prepare_cached(
            "SELECT seq, length(CAST(body AS BLOB)) FROM node_event
             WHERE run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5
             AND stream IS NOT NULL AND stream != ?6 ORDER BY seq",
        )
        .map_err(sql)?;
    let mut rows = statement.query(key).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let (seq, bytes): (i64, i64) = (row.get(0).map_err(sql)?, row.get(1).map_err(sql)?);
        each(seq.unsigned_abs(), bytes.unsigned_abs());
    }
    Ok(())
}

/// Where lines of a step were left out, and how many.
pub(crate) fn mark(db: &Connection, run: &RunId, step: StepKey) -> Result<Option<(u64, u64)>> {
    let StepKey { attempt, phase, rank } = step;
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank, LEFT_OUT];
    let query = "SELECT seq, body FROM node_event WHERE run = ?1 AND task = ?2 AND attempt = ?3
                 AND phase = ?4 AND rank = ?5 AND stream = ?6";
    let found = db.query_row(query, key, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    let found = found.optional().map_err(|source| StoreError::sql("measuring the log of a step", source))?;
    let count = |body: String| body.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
    Ok(found.map(|(seq, body)| (seq.unsigned_abs(), count(body))))
}

/// Takes lines out of the log of a step, and says in place of the first how many are gone.
pub(crate) fn leave_out(db: &Transaction<'_>, run: &RunId, step: StepKey, gone: &Gone) -> Result<()> {
    let sql = |source| StoreError::sql("shortening the log of a step", source);
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
    let words =
        format!("{} lines are left out here: the beginning and the end of a log are kept", gone.lines);
    db.prepare_cached(&format!("UPDATE node_event SET stream = ?7, body = ?8 WHERE {of_step} AND seq = ?6"))
        .and_then(|mut update| {
            update.execute(params![run.0, task, attempt.number, phase.name(), rank, mark, LEFT_OUT, words])
        })
        .map(drop)
        .map_err(sql)
}

/// A line of a log, as stored.
#[derive(Debug, Clone)]
pub(crate) struct LogRow {
    pub(crate) id: u64,
    pub(crate) attempt: AttemptId,
    pub(crate) phase: String,
    pub(crate) rank: u32,
    pub(crate) at: UnixMillis,
    pub(crate) stream: String,
    pub(crate) line: String,
}

/// Lines of a run, of one task or all, after row `after`, at most `limit`.
pub(crate) fn logs(
    db: &Connection,
    run: &RunId,
    task: Option<usize>,
    after: u64,
    limit: u32,
) -> Result<Vec<LogRow>> {
    let sql = |source| StoreError::sql("reading logs", source);
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

/// Bytes in the lines of a run's logs.
pub(crate) fn log_bytes(db: &Connection, run: &RunId) -> Result<Bytes> {
    let query = "SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM node_event
                 WHERE run = ?1 AND stream IS NOT NULL";
    db.query_row(query, [&run.0], |row| row.get::<_, i64>(0))
        .map(|bytes| Bytes::new(bytes.unsigned_abs()))
        .map_err(|source| StoreError::sql("measuring the logs of a run", source))
}

/// Appends a row of the ledger and counts the data it moved; one that is there already is left alone.
pub(crate) fn append_entry(db: &Transaction<'_>, at: UnixMillis, entry: &Entry) -> Result<()> {
    let sql = |source| StoreError::sql("appending to the ledger", source);
    let body = json(entry)?;
    let added = db
        .prepare_cached("INSERT OR IGNORE INTO ledger (id, run, at, body) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute(params![entry.id().0, entry.run, millis(at), body]))
        .map_err(sql)?;
    if added == 0 { Ok(()) } else { sums::count_moved(db, entry) }
}

/// Rows of the ledger of a run in order.
pub(crate) fn entries(db: &Connection, run: &RunId) -> Result<Vec<Entry>> {
    let sql = |source| StoreError::sql("reading the ledger", source);
    let mut statement =
        db.prepare_cached("SELECT body FROM ledger WHERE run = ?1 ORDER BY seq").map_err(sql)?;
    let bodies = statement.query_map([&run.0], |row| row.get::<_, String>(0)).map_err(sql)?;
    bodies.map(|body| parse(&body.map_err(sql)?)).collect()
}

/// Asks the broker that drives the run to cancel it.
pub(crate) fn request_cancel(db: &Connection, run: &RunId, at: UnixMillis) -> Result<()> {
    db.execute(
        "INSERT OR IGNORE INTO request (run, what, at) VALUES (?1, 'cancel', ?2)",
        params![run.0, millis(at)],
    )
    .map(drop)
    .map_err(|source| StoreError::sql("recording a request", source))
}

/// Whether somebody asked to cancel the run.
pub(crate) fn cancel_requested(db: &Connection, run: &RunId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM request WHERE run = ?1 AND what = 'cancel'")
        .and_then(|mut statement| statement.exists([&run.0]))
        .map_err(|source| StoreError::sql("reading requests", source))
}

/// Ending of a stream's name for a piece of a line that goes on.
pub(crate) const PIECE: &str = ">";

/// Ending of a stream's name for the last piece of a line.
pub(crate) const LAST_PIECE: &str = "<";

/// Stream of the line that says how many lines were left out. The word of the agent for whoever reads.
pub(crate) const LEFT_OUT: &str = "agent ";

fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
        Stream::Agent => "agent",
    }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StoreError::Body { source })
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| StoreError::Body { source })
}

pub(crate) fn millis(at: UnixMillis) -> i64 {
    signed(at.0)
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
