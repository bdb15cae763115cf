//! The tables, and the numbered steps that lead to them.
//!
//! `run` (one row a run; the only one with secrets, erased when the run is over), `record` (the
//! append-only history), `node_event` (what nodes told, logs included), `ledger` (append-only),
//! `request` (what other processes ask for), `meta`; `output` and `frame` (where the lines of steps that write much lie in
//! files), `project` and `claim` (what projects may use, and what takes of it); and three sums that are kept in the same
//! transaction as what they are of, so that nobody has to read all of it: `moved` (bytes by month and
//! pair of places), `provider_used` (every provider that a plan ever named) and `spent` (money by month and project).
//!
//! Plans, records and entries are stored as their JSON: the schema changes only when tables do.

use crate::text::failed;
use rusqlite::Connection;
use std::time::Duration;
use welkin_records::StoreError;

/// Months, pairs of places and bytes, from the rows of the ledger.
macro_rules! moved_of_ledger {
    () => {
        "SELECT strftime('%Y', at, 'unixepoch') * 12 + strftime('%m', at, 'unixepoch') - 1 AS month,
               source, target, sum(bytes)
        FROM (SELECT json_extract(doc, '$.event.to') / 1000 AS at,
                     json_extract(doc, '$.event.place') AS source,
                     json_extract(doc, '$.event.usage.egress.to') AS target,
                     json_extract(doc, '$.event.usage.egress.bytes') AS bytes
              FROM (SELECT CASE WHEN json_valid(body) THEN body ELSE '{}' END AS doc FROM ledger))
        WHERE bytes > 0 AND source IS NOT NULL AND target IS NOT NULL
              AND strftime('%Y', at, 'unixepoch') IS NOT NULL
        GROUP BY month, source, target"
    };
}

/// The providers that plans name. Of plans it looks at nothing else, so that it works for those of any schema.
macro_rules! providers_of_plans {
    () => {
        "WITH task AS (
            SELECT each.value AS body
            FROM run, json_each(CASE WHEN json_valid(run.plan) THEN run.plan ELSE '{}' END, '$.tasks') AS each)
        SELECT json_extract(body, '$.choice.provider') FROM task
            WHERE typeof(json_extract(body, '$.choice.provider')) = 'text'
        UNION
        SELECT json_extract(other.value, '$.provider')
            FROM task, json_each(task.body, '$.alternatives') AS other
            WHERE typeof(json_extract(other.value, '$.provider')) = 'text'"
    };
}

/// What moved, before there was a sum of it.
pub(crate) const MOVED_OF_LEDGER: &str = moved_of_ledger!();

/// The providers of all plans, before they were remembered.
pub(crate) const PROVIDERS_OF_PLANS: &str = providers_of_plans!();

/// Steps from an empty database to the present schema; `user_version` counts those taken.
const MIGRATIONS: &[&str] = &[
    "
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
",
    // Lists are answered by indexes alone: behind the plan, which is long, the other columns of a row
    // are dear to read. The sums are filled from what is there; what cannot be read adds nothing.
    concat!(
        "
    CREATE INDEX run_list ON run (submitted, id, name, state);
    CREATE INDEX run_by_name ON run (name, submitted, id);
    CREATE INDEX run_open ON run (submitted, id, name, state)
        WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
    CREATE TABLE moved (
        month INTEGER NOT NULL,
        source TEXT NOT NULL,
        target TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (month, source, target)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO moved (month, source, target, bytes)
        ",
        moved_of_ledger!(),
        ";
    CREATE TABLE provider_used (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    INSERT OR IGNORE INTO provider_used (name)
        ",
        providers_of_plans!(),
        ";
"
    ),
    // Lists show what a run has to do with a cluster, so it is in the indexes that answer them.
    "
    ALTER TABLE run ADD COLUMN cluster TEXT;
    DROP INDEX run_list;
    DROP INDEX run_open;
    CREATE INDEX run_list ON run (submitted, id, name, state, cluster);
    CREATE INDEX run_open ON run (submitted, id, name, state, cluster)
        WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
    CREATE INDEX run_in_cluster ON run (cluster, submitted, id, name, state) WHERE cluster IS NOT NULL;
",
    // Where much output lies: files, and for each some thousand lines a row that says where they are.
    "
    CREATE TABLE output (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        task INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        phase TEXT NOT NULL,
        rank INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        length INTEGER NOT NULL,
        gone_from INTEGER,
        gone_to INTEGER,
        UNIQUE (run, task, attempt, phase, rank)
    ) STRICT;
    CREATE TABLE frame (
        output INTEGER NOT NULL REFERENCES output (id),
        last INTEGER NOT NULL,
        first INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        lines INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        at INTEGER NOT NULL,
        length INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        PRIMARY KEY (output, last)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX frame_of_segment ON frame (output, segment, last_seq);
",
    // Projects: what they may use, what they have spent by month, and what takes of them what is not over. What was
    // spent and is under way before counts for the default project: a charge in the month in which it was made.
    "
    ALTER TABLE run ADD COLUMN project TEXT;
    DROP INDEX run_list;
    DROP INDEX run_open;
    DROP INDEX run_in_cluster;
    CREATE INDEX run_list ON run (submitted, id, name, state, cluster, project);
    CREATE INDEX run_open ON run (submitted, id, name, state, cluster, project)
        WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
    CREATE INDEX run_in_cluster ON run (cluster, submitted, id, name, state, project) WHERE cluster IS NOT NULL;
    CREATE TABLE project (name TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE spent (
        project TEXT NOT NULL,
        month INTEGER NOT NULL,
        nanos INTEGER NOT NULL,
        PRIMARY KEY (project, month)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE claim (
        run TEXT NOT NULL REFERENCES run (id),
        lease TEXT NOT NULL,
        project TEXT NOT NULL,
        spent INTEGER NOT NULL DEFAULT 0,
        body TEXT NOT NULL,
        PRIMARY KEY (run, lease)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX claim_of_project ON claim (project);
    CREATE TEMPORARY TABLE booked AS
        SELECT run, json_extract(doc, '$.entry') AS entry, json_extract(doc, '$.lease') AS lease,
               json_extract(doc, '$.amount') AS amount, json_extract(doc, '$.event.cost') AS cost,
               json_extract(doc, '$.event.to') / 1000 AS at
        FROM (SELECT run, CASE WHEN json_valid(body) THEN body ELSE '{}' END AS doc FROM ledger);
    INSERT INTO spent (project, month, nanos)
        SELECT 'default', strftime('%Y', at, 'unixepoch') * 12 + strftime('%m', at, 'unixepoch') - 1 AS month,
               CAST(min(total(cost), 9e18) AS INTEGER)
        FROM booked WHERE entry = 'charge' AND typeof(cost) = 'integer' AND cost > 0
              AND strftime('%Y', at, 'unixepoch') IS NOT NULL
        GROUP BY month;
    INSERT INTO claim (run, lease, project, body)
        SELECT id, '', 'default', '{\"run\":{\"expected\":0}}' FROM run
        WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
    INSERT OR IGNORE INTO claim (run, lease, project, body)
        SELECT booked.run, lease, 'default',
               json_object('lease', json_object('expected', amount, 'hourly', 0)) FROM booked
        WHERE entry = 'hold' AND typeof(lease) = 'text' AND typeof(amount) = 'integer'
              AND booked.run IN (SELECT run FROM claim)
              AND lease NOT IN (SELECT lease FROM booked WHERE entry = 'void' AND lease IS NOT NULL);
    DROP TABLE booked;
",
];

/// The first schema with `moved` and `provider_used`.
pub(crate) const WITH_SUMS: usize = 2;

/// The first schema whose runs say what they have to do with clusters.
pub(crate) const WITH_CLUSTERS: usize = 3;

/// The first schema with `output` and `frame`.
pub(crate) const WITH_OUTPUT: usize = 4;

/// The first schema with projects.
pub(crate) const WITH_PROJECTS: usize = 5;

/// How long a write waits for another process's (a cancel request) before it fails.
const BUSY: Duration = Duration::from_secs(10);

/// How many prepared statements are kept: all that this crate has, so that none is read again in the middle of a run.
const STATEMENTS: usize = 64;

/// Settings every connection needs.
pub(crate) fn prepare(db: &Connection) -> Result<(), StoreError> {
    let sql = |source| failed("preparing the connection", source);
    db.busy_timeout(BUSY).map_err(sql)?;
    db.pragma_update(None, "foreign_keys", true).map_err(sql)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Erased secrets are overwritten, not just unlinked.
    db.pragma_update(None, "secure_delete", true).map_err(sql)
}

/// Refuses a database of a newer version.
pub(crate) fn check_version(db: &Connection) -> Result<usize, StoreError> {
    let found: i64 = db
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|source| failed("reading the schema version", source))?;
    let known = MIGRATIONS.len();
    match usize::try_from(found) {
        Ok(version) if version <= known => Ok(version),
        _ => Err(StoreError::NewerSchema { found, known }),
    }
}

/// Brings the database to the present schema, each step in a transaction of its own; gives that schema.
pub(crate) fn migrate(db: &mut Connection) -> Result<usize, StoreError> {
    let sql = |source| failed("migrating the schema", source);
    for (at, step) in MIGRATIONS.iter().enumerate().skip(check_version(db)?) {
        let transaction = db.transaction().map_err(sql)?;
        transaction.execute_batch(step).map_err(sql)?;
        let version = i64::try_from(at + 1).expect("there are few migrations");
        transaction.pragma_update(None, "user_version", version).map_err(sql)?;
        transaction.commit().map_err(sql)?;
    }
    Ok(MIGRATIONS.len())
}
