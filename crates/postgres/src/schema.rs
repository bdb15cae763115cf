//! The tables, and the numbered steps that lead to them.
//!
//! The tables of `welkin-sqlite`, and what several brokers need beside them. All lie in a schema of their own, `welkin`.
//!
//! * `pen`: its one row has the number of the last record. Whoever writes holds it from before its first number to its
//!   commit, so that numbers are given in the order in which records become visible, and none is left out.
//! * `broker`: those that live, and until when they need not say so again, by the database's clock.
//! * `lease`: which broker has a run, under which fence, and which one is to have it next. A row stays until the run is
//!   over, so that fences only grow.
//! * `project`, `spent`, `claim`: what projects may use, what they have spent, and what takes of them what is not over.
//! * `written`: the number of the last commit of each broker, by which one whose answer was lost is known again.
//!
//! *Upgrades.* Each step is one transaction. Brokers of two versions work side by side while one is exchanged for the
//! other: a step that only adds says that earlier programs may stay, and what they do not know of is taken away by a later
//! version, in a step that shuts them out.

use crate::text::failed;
use tokio_postgres::Client;
use welkin_records::StoreError;

/// A step.
struct Step {
    sql: &'static str,
    /// The earliest schema whose programs may use the database afterwards.
    least: i32,
}

/// The condition of the index `run_open`, word for word: without it the index is not used.
macro_rules! open {
    () => {
        "state NOT IN ('succeeded', 'failed', 'cancelled')"
    };
}
pub(crate) use open;

/// The first schema with projects. What programs before it lease and spend does not count, so the first project shuts them
/// out; those that are open already work on until they end.
pub(crate) const WITH_PROJECTS: i32 = 2;

const STEPS: &[Step] = &[
    Step {
        sql: concat!(
            "
    CREATE TABLE pen (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), last BIGINT NOT NULL DEFAULT 0);
    INSERT INTO pen DEFAULT VALUES;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        place BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
        client_token TEXT UNIQUE,
        name TEXT NOT NULL,
        plan TEXT NOT NULL,
        job TEXT,
        base_dir TEXT NOT NULL,
        state TEXT NOT NULL,
        submitted BIGINT NOT NULL,
        cluster TEXT
    );
    CREATE INDEX run_list ON run (submitted, place);
    CREATE INDEX run_by_name ON run (name, submitted, place);
    CREATE INDEX run_open ON run (submitted, place) WHERE ",
            open!(),
            ";
    CREATE INDEX run_in_cluster ON run (cluster, submitted, place) WHERE cluster IS NOT NULL;
    CREATE TABLE record (
        seq BIGINT PRIMARY KEY,
        run TEXT NOT NULL REFERENCES run (id),
        at BIGINT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX record_of_run ON record (run, seq);
    CREATE TABLE node_event (
        id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        run TEXT NOT NULL REFERENCES run (id),
        task BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        phase TEXT NOT NULL,
        rank BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        at BIGINT NOT NULL,
        stream TEXT,
        body BYTEA NOT NULL,
        UNIQUE (run, task, attempt, phase, rank, seq)
    );
    CREATE INDEX node_event_of_run ON node_event (run, id);
    CREATE TABLE ledger (
        seq BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL REFERENCES run (id),
        at BIGINT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX ledger_of_run ON ledger (run, seq);
    CREATE TABLE request (
        run TEXT NOT NULL REFERENCES run (id),
        what TEXT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (run, what)
    );
    CREATE TABLE moved (
        month BIGINT NOT NULL,
        source TEXT NOT NULL,
        target TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        PRIMARY KEY (month, source, target)
    );
    CREATE TABLE provider_used (name TEXT PRIMARY KEY);
    CREATE TABLE broker (id TEXT PRIMARY KEY, until TIMESTAMPTZ NOT NULL);
    CREATE TABLE written (
        broker TEXT PRIMARY KEY,
        number BIGINT NOT NULL,
        at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
    );
    CREATE TABLE lease (
        run TEXT PRIMARY KEY REFERENCES run (id),
        broker TEXT,
        fence BIGINT NOT NULL,
        wanted TEXT
    );
    CREATE INDEX lease_of_broker ON lease (broker);
"
        ),
        least: 1,
    },
    Step { sql: PROJECTS, least: 1 },
];

/// Projects: what they may use, what they have spent by month, and what takes of them what is not over. What was spent and is
/// under way before counts for the default project: a charge in the month in which it was made.
const PROJECTS: &str = concat!(
    "
    ALTER TABLE run ADD COLUMN project TEXT;
    CREATE TABLE project (name TEXT PRIMARY KEY, version BIGINT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE spent (
        project TEXT NOT NULL,
        month BIGINT NOT NULL,
        nanos BIGINT NOT NULL,
        PRIMARY KEY (project, month)
    );
    CREATE TABLE claim (
        run TEXT NOT NULL REFERENCES run (id),
        lease TEXT NOT NULL,
        project TEXT NOT NULL,
        spent BIGINT NOT NULL DEFAULT 0,
        body TEXT NOT NULL,
        PRIMARY KEY (run, lease)
    );
    CREATE INDEX claim_of_project ON claim (project);
    CREATE TEMPORARY TABLE booked ON COMMIT DROP AS
        SELECT run, doc->>'entry' AS entry, doc->>'lease' AS lease, (doc->>'amount')::numeric AS amount,
               (doc->'event'->>'cost')::numeric AS cost,
               CASE WHEN (doc->'event'->>'to')::numeric < 253402300800000
                   THEN to_timestamp((doc->'event'->>'to')::numeric / 1000) AT TIME ZONE 'UTC' END AS at
        FROM (SELECT run, body::json AS doc FROM ledger) AS told;
    INSERT INTO spent (project, month, nanos)
        SELECT 'default', extract(year FROM at) * 12 + extract(month FROM at) - 1 AS month,
               least(sum(cost), 9223372036854775807)::bigint
        FROM booked WHERE entry = 'charge' AND cost > 0 AND at IS NOT NULL GROUP BY month;
    INSERT INTO claim (run, lease, project, body)
        SELECT id, '', 'default', '{\"run\":{\"expected\":0}}' FROM run WHERE ",
    open!(),
    ";
    INSERT INTO claim (run, lease, project, body)
        SELECT run, lease, 'default',
               json_build_object('lease', json_build_object('expected', amount::bigint, 'hourly', 0))::text
        FROM booked WHERE entry = 'hold' AND lease IS NOT NULL AND run IN (SELECT run FROM claim)
        AND lease NOT IN (SELECT lease FROM booked WHERE entry = 'void' AND lease IS NOT NULL)
        ON CONFLICT DO NOTHING;
"
);

/// Two that open an empty database at once must not both make the tables. No other program has this number.
const ALONE: &str = "SELECT pg_advisory_xact_lock(8315168205868821317)";

const FIRST: &str = "CREATE SCHEMA IF NOT EXISTS welkin;
    CREATE TABLE IF NOT EXISTS welkin.version (
        one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), version INT NOT NULL, least INT NOT NULL);
    INSERT INTO welkin.version (version, least) VALUES (0, 0) ON CONFLICT DO NOTHING";

/// Brings the database to the present schema, each step in a transaction of its own. One of a newer version is left as it
/// is, and used if its steps say that this program may.
pub(crate) async fn migrate(client: &mut Client) -> Result<(), StoreError> {
    let sql = |source| failed("migrating the schema", source);
    loop {
        let step = client.transaction().await.map_err(sql)?;
        step.batch_execute(ALONE).await.map_err(sql)?;
        step.batch_execute(FIRST).await.map_err(sql)?;
        let row = step.query_one("SELECT version, least FROM welkin.version", &[]).await.map_err(sql)?;
        let (version, least): (i32, i32) = (row.get(0), row.get(1));
        let known = STEPS.len();
        if usize::try_from(least).unwrap_or_default() > known {
            return Err(StoreError::NewerSchema { found: i64::from(version), known });
        }
        let Some(next) = STEPS.get(usize::try_from(version).unwrap_or_default()) else {
            return step.commit().await.map_err(sql);
        };
        step.batch_execute("SET LOCAL search_path = welkin").await.map_err(sql)?;
        step.batch_execute(next.sql).await.map_err(sql)?;
        let change = "UPDATE welkin.version SET version = version + 1, least = greatest(least, $1)";
        step.execute(change, &[&next.least]).await.map_err(sql)?;
        step.commit().await.map_err(sql)?;
    }
}
