//! All SQL of the broker: schema, migrations, statements.
//!
//! Tables: `run` (one row a run; the only one with secrets, erased when the run is over), `record`
//! (the append-only history), `node_event` (what nodes told, logs included), `ledger` (append-only),
//! `request` (what other processes ask for), `meta`. Plans, records and entries are stored as their
//! JSON: the schema of the database changes only when tables do.

use crate::error::StoreError;
use crate::id::{AttemptId, RunId};
use crate::kept::Gone;
use crate::record::Record;
use crate::state::{Phase, RunState};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::time::Duration;
use welkin_ledger::Entry;
use welkin_provider::{Event, EventKind, Stream, UnixMillis};

/// Steps from an empty database to the present schema; `user_version` counts those taken.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        client_token TEXT UNIQUE,
        name TEXT NOT NULL,
        plan TEXT NOT NULL,
        job TEXT,
        base_dir TEXT NOT NULL,
        state TEXT NOT NULL,
        submitted INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE record (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX record_of_run ON record (run, seq);
    CREATE TABLE node_event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        task INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        phase TEXT NOT NULL,
        rank INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        stream TEXT,
        body TEXT NOT NULL,
        UNIQUE (run, task, attempt, phase, rank, seq)
    ) STRICT;
    CREATE INDEX node_event_of_run ON node_event (run, id);
    CREATE TABLE ledger (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL REFERENCES run (id),
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX ledger_of_run ON ledger (run, seq);
    CREATE TABLE request (
        run TEXT NOT NULL REFERENCES run (id),
        what TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (run, what)
    ) STRICT;
"];

/// How long a write waits for another process's (a cancel request) before it fails.
const BUSY: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, StoreError>;

/// Settings every connection needs.
pub(crate) fn prepare(db: &Connection) -> Result<()> {
    let sql = |source| StoreError::sql("preparing the connection", source);
    db.busy_timeout(BUSY).map_err(sql)?;
    db.pragma_update(None, "foreign_keys", true).map_err(sql)?;
    // Erased secrets are overwritten, not just unlinked.
    db.pragma_update(None, "secure_delete", true).map_err(sql)
}

/// Refuses a database of a newer version.
pub(crate) fn check_version(db: &Connection) -> Result<usize> {
    let found: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|source| StoreError::sql("reading the schema version", source))?;
    let known = MIGRATIONS.len();
    match usize::try_from(found) {
        Ok(version) if version <= known => Ok(version),
        _ => Err(StoreError::NewerSchema { found, known }),
    }
}

/// Brings the database to the present schema, each step in a transaction of its own.
pub(crate) fn migrate(db: &mut Connection) -> Result<()> {
    let sql = |source| StoreError::sql("migrating the schema", source);
    for (at, step) in MIGRATIONS.iter().enumerate().skip(check_version(db)?) {
        let transaction = db.transaction().map_err(sql)?;
        transaction.execute_batch(step).map_err(sql)?;
        transaction.pragma_update(None, "user_version", signed(at as u64 + 1)).map_err(sql)?;
        transaction.commit().map_err(sql)?;
    }
    Ok(())
}

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

/// A row of `run`.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) id: RunId,
    pub(crate) name: String,
    pub(crate) plan: String,
    /// With secrets; none once the run is over.
    pub(crate) job: Option<String>,
    pub(crate) base_dir: String,
    pub(crate) state: String,
    pub(crate) submitted: UnixMillis,
}

const RUN_COLUMNS: &str = "id, name, plan, job, base_dir, state, submitted";

fn run_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: RunId(row.get(0)?),
        name: row.get(1)?,
        plan: row.get(2)?,
        job: row.get(3)?,
        base_dir: row.get(4)?,
        state: row.get(5)?,
        submitted: UnixMillis(row.get::<_, i64>(6)?.unsigned_abs()),
    })
}

/// The run a client token was used for.
pub(crate) fn run_of_token(db: &Connection, token: &str) -> Result<Option<RunRow>> {
    let query = format!("SELECT {RUN_COLUMNS} FROM run WHERE client_token = ?1");
    db.query_row(&query, [token], run_row)
        .optional()
        .map_err(|source| StoreError::sql("looking for a submission", source))
}

/// One run.
pub(crate) fn run(db: &Connection, id: &RunId) -> Result<Option<RunRow>> {
    let query = format!("SELECT {RUN_COLUMNS} FROM run WHERE id = ?1");
    db.query_row(&query, [&id.0], run_row)
        .optional()
        .map_err(|source| StoreError::sql("reading a run", source))
}

/// Every run, oldest first.
pub(crate) fn runs(db: &Connection) -> Result<Vec<RunRow>> {
    let sql = |source| StoreError::sql("listing runs", source);
    let query = format!("SELECT {RUN_COLUMNS} FROM run ORDER BY submitted, rowid");
    let mut statement = db.prepare(&query).map_err(sql)?;
    let rows = statement.query_map([], run_row).map_err(sql)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// A new run.
pub(crate) fn insert_run(db: &Transaction<'_>, row: &RunRow, client_token: Option<&str>) -> Result<()> {
    db.execute(
        "INSERT INTO run (id, client_token, name, plan, job, base_dir, state, submitted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            row.id.0,
            client_token,
            row.name,
            row.plan,
            row.job,
            row.base_dir,
            row.state,
            millis(row.submitted)
        ],
    )
    .map(drop)
    .map_err(|source| StoreError::sql("recording a submission", source))
}

/// The run's state for lists; erases its secrets when it is over.
pub(crate) fn set_run_state(db: &Transaction<'_>, id: &RunId, state: RunState) -> Result<()> {
    let query = if state.is_over() {
        "UPDATE run SET state = ?2, job = NULL WHERE id = ?1"
    } else {
        "UPDATE run SET state = ?2 WHERE id = ?1"
    };
    db.execute(query, [&id.0, state.name()])
        .map(drop)
        .map_err(|source| StoreError::sql("recording the state of a run", source))
}

/// Appends to the history; returns the number of the record.
pub(crate) fn append(db: &Transaction<'_>, run: &RunId, at: UnixMillis, record: &Record) -> Result<u64> {
    let body = json(record)?;
    db.execute("INSERT INTO record (run, at, body) VALUES (?1, ?2, ?3)", params![run.0, millis(at), body])
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

/// Appends a row of the ledger; one that is there already is left alone.
pub(crate) fn append_entry(db: &Transaction<'_>, at: UnixMillis, entry: &Entry) -> Result<()> {
    db.execute(
        "INSERT OR IGNORE INTO ledger (id, run, at, body) VALUES (?1, ?2, ?3, ?4)",
        params![entry.id().0, entry.run, millis(at), json(entry)?],
    )
    .map(drop)
    .map_err(|source| StoreError::sql("appending to the ledger", source))
}

/// Rows of the ledger in order: of one run, or of all.
pub(crate) fn entries(db: &Connection, run: Option<&RunId>) -> Result<Vec<Entry>> {
    let sql = |source| StoreError::sql("reading the ledger", source);
    let mut statement = db
        .prepare_cached("SELECT body FROM ledger WHERE ?1 IS NULL OR run = ?1 ORDER BY seq")
        .map_err(sql)?;
    let bodies = statement.query_map([run.map(|run| &run.0)], |row| row.get::<_, String>(0)).map_err(sql)?;
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

fn millis(at: UnixMillis) -> i64 {
    signed(at.0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
