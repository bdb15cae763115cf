//! The table of runs.

use crate::meta;
use crate::schema::{WITH_CLUSTERS, WITH_PROJECTS};
use crate::text::{Result, failed, millis};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use welkin_provider::UnixMillis;
use welkin_records::{ClusterRole, Open, RunId, RunLine, RunRow, RunState, StoreError, Which};

/// What a row says, in the words of the schema that the database has: it may be one that is only looked at.
fn columns(schema: usize) -> String {
    format!("id, name, plan, job, base_dir, state, submitted, {}, {}", cluster(schema), project(schema))
}

/// What a run has to do with a cluster.
const fn cluster(schema: usize) -> &'static str {
    if schema < WITH_CLUSTERS { "NULL" } else { "cluster" }
}

/// Its project.
const fn project(schema: usize) -> &'static str {
    if schema < WITH_PROJECTS { "NULL" } else { "project" }
}

/// The condition of the index `run_open`, word for word: without it the index is not used.
pub(crate) const OPEN: &str = "state NOT IN ('succeeded', 'failed', 'cancelled')";

fn row_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: RunId(row.get(0)?),
        name: row.get(1)?,
        plan: row.get(2)?,
        job: row.get(3)?,
        base_dir: row.get(4)?,
        state: row.get(5)?,
        submitted: UnixMillis(row.get::<_, i64>(6)?.unsigned_abs()),
        cluster: row.get::<_, Option<String>>(7)?.and_then(|key| ClusterRole::of_key(&key)),
        project: row.get(8)?,
    })
}

/// Of a damaged row as much as can be shown: it must not hide the others.
fn line_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunLine> {
    let text = |column| -> rusqlite::Result<String> {
        Ok(match row.get_ref(column)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        })
    };
    let submitted = row.get_ref(3)?.as_i64().unwrap_or_default().unsigned_abs();
    Ok(RunLine {
        id: RunId(text(0)?),
        name: text(1)?,
        state: text(2)?,
        submitted: UnixMillis(submitted),
        cluster: ClusterRole::of_key(&text(4)?),
        project: Some(text(5)?).filter(|name| !name.is_empty()),
    })
}

/// The run a client token was used for.
pub(crate) fn of_token(db: &Connection, token: &str, schema: usize) -> Result<Option<RunRow>> {
    let query = format!("SELECT {} FROM run WHERE client_token = ?1", columns(schema));
    db.query_row(&query, [token], row_of)
        .optional()
        .map_err(|source| failed("looking for a submission", source))
}

/// One run.
pub(crate) fn one(db: &Connection, id: &RunId, schema: usize) -> Result<Option<RunRow>> {
    let query = format!("SELECT {} FROM run WHERE id = ?1", columns(schema));
    db.query_row(&query, [&id.0], row_of).optional().map_err(|source| failed("reading a run", source))
}

/// Whether there is such a run.
fn exists(db: &Connection, id: &RunId) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM run WHERE id = ?1")
        .and_then(|mut statement| statement.exists([&id.0]))
        .map_err(|source| failed("looking for a run", source))
}

/// Runs as lists show them.
pub(crate) fn list(db: &Connection, which: &Which, schema: usize) -> Result<Vec<RunLine>> {
    let lines = |rest: &str, values: &[&str]| lines(db, schema, rest, values);
    match which {
        Which::All => lines("ORDER BY submitted, rowid", &[]),
        Which::Open => lines(&format!("WHERE {OPEN} ORDER BY submitted, rowid"), &[]),
        Which::One(run) => lines("WHERE id = ?1", &[&run.0]),
        Which::Before(None, limit) => {
            lines(&format!("ORDER BY submitted DESC, rowid DESC LIMIT {limit}"), &[])
        }
        Which::Before(Some(run), limit) => {
            let place = "(SELECT submitted, rowid FROM run WHERE id = ?1)";
            let rest = format!(
                "WHERE (submitted, rowid) < {place} ORDER BY submitted DESC, rowid DESC LIMIT {limit}"
            );
            lines(&rest, &[&run.0])
        }
        Which::After(None, limit) => lines(&format!("ORDER BY submitted, rowid LIMIT {limit}"), &[]),
        Which::After(Some(run), limit) => {
            let place = "(SELECT submitted, rowid FROM run WHERE id = ?1)";
            let rest = format!("WHERE (submitted, rowid) > {place} ORDER BY submitted, rowid LIMIT {limit}");
            lines(&rest, &[&run.0])
        }
        Which::Latest(None) => lines("ORDER BY submitted DESC, rowid DESC LIMIT 1", &[]),
        Which::Latest(Some(name)) => {
            lines("WHERE name = ?1 ORDER BY submitted DESC, rowid DESC LIMIT 1", &[name])
        }
        Which::InCluster(..) if schema < WITH_CLUSTERS => Ok(Vec::new()),
        Which::InCluster(role, Open::OrOver) => {
            lines("WHERE cluster = ?1 ORDER BY submitted, rowid", &[&role.key()])
        }
        Which::InCluster(role, Open::Only) => {
            lines(&format!("WHERE cluster = ?1 AND {OPEN} ORDER BY submitted, rowid"), &[&role.key()])
        }
    }
}

fn lines(db: &Connection, schema: usize, rest: &str, values: &[&str]) -> Result<Vec<RunLine>> {
    let sql = |source| failed("listing runs", source);
    let query = format!(
        "SELECT id, name, state, submitted, {}, {} FROM run {rest}",
        cluster(schema),
        project(schema)
    );
    let mut statement = db.prepare_cached(&query).map_err(sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), line_of).map_err(sql)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// Whether there neither is nor was such a run.
pub(crate) fn is_free(db: &Connection, id: &RunId) -> Result<bool> {
    Ok(!exists(db, id)? && !meta::was_forgotten(db, id)?)
}

/// Whether a run may have its role: in the transaction that gives it, so that no two have one name and nothing is
/// left behind on a cluster that ends.
fn check_cluster(db: &Transaction<'_>, row: &RunRow) -> Result<()> {
    match &row.cluster {
        None => Ok(()),
        Some(role @ ClusterRole::Holds(name)) => {
            let holders = list(db, &Which::InCluster(role.clone(), Open::Only), WITH_PROJECTS)?;
            holders
                .into_iter()
                .next()
                .map_or(Ok(()), |holder| Err(StoreError::ClusterTaken { name: name.clone(), run: holder.id }))
        }
        Some(ClusterRole::On(run)) => {
            let open = |state: &str| {
                [RunState::Planned, RunState::Running].iter().any(|known| known.name() == state)
            };
            let holder = list(db, &Which::One(run.clone()), WITH_PROJECTS)?.into_iter().next();
            let held = holder.filter(|holder| open(&holder.state));
            match held.and_then(|holder| holder.cluster) {
                Some(ClusterRole::Holds(_)) => Ok(()),
                _ => Err(StoreError::NoCluster { run: run.clone() }),
            }
        }
    }
}

/// A new run.
pub(crate) fn insert(db: &Transaction<'_>, row: &RunRow, client_token: Option<&str>) -> Result<()> {
    if !is_free(db, &row.id)? {
        return Err(StoreError::Taken { run: row.id.clone() });
    }
    check_cluster(db, row)?;
    db.execute(
        "INSERT INTO run (id, client_token, name, plan, job, base_dir, state, submitted, cluster, project)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            row.id.0,
            client_token,
            row.name,
            row.plan,
            row.job,
            row.base_dir,
            row.state,
            millis(row.submitted),
            row.cluster.as_ref().map(ClusterRole::key),
            row.project,
        ],
    )
    .map(drop)
    .map_err(|source| failed("recording a submission", source))
}

/// The run's state for lists; erases its secrets when it is over. The row holds the whole plan and is
/// written anew, so this is for changes of the state only.
pub(crate) fn set_state(db: &Transaction<'_>, id: &RunId, state: RunState) -> Result<()> {
    let query = if state.is_over() {
        "UPDATE run SET state = ?2, job = NULL WHERE id = ?1"
    } else {
        "UPDATE run SET state = ?2 WHERE id = ?1"
    };
    db.execute(query, [&id.0, state.name()])
        .map(drop)
        .map_err(|source| failed("recording the state of a run", source))
}

/// The newest moment on the record of runs that are not over.
pub(crate) fn newest_moment_of_open(db: &Connection) -> Result<Option<UnixMillis>> {
    let query = format!(
        "SELECT max(coalesce((SELECT at FROM record WHERE record.run = run.id ORDER BY seq DESC LIMIT 1), 0),
                    submitted)
         FROM run WHERE {OPEN} ORDER BY 1 DESC LIMIT 1"
    );
    db.query_row(&query, [], |row| row.get::<_, i64>(0))
        .optional()
        .map(|at| at.map(|at| UnixMillis(at.unsigned_abs())))
        .map_err(|source| failed("reading the newest moments", source))
}

/// Deletes a run with all that is kept of it, and remembers its name.
pub(crate) fn forget(db: &Transaction<'_>, id: &RunId) -> Result<()> {
    let sql = |source| failed("deleting a run", source);
    for table in ["node_event", "record", "ledger", "request", "claim"] {
        db.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [&id.0]).map_err(sql)?;
    }
    db.execute("DELETE FROM run WHERE id = ?1", [&id.0]).map_err(sql)?;
    meta::forget(db, id)
}
