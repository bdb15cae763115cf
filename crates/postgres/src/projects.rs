//! What is in use of a project, in one question.

use crate::text::{Result, parse};
use tokio_postgres::Row;
use welkin_records::{ClaimRow, RunId, Use};
use welkin_units::Usd;

/// The project of a run.
pub(crate) const OF_RUN: &str = "SELECT coalesce(project, 'default') FROM run WHERE id = $1";

/// The project itself, what it has spent, and what takes of it: each row is of one kind.
pub(crate) const USE: &str =
    "SELECT body, NULL::bigint AS month, NULL::bigint AS nanos, NULL AS run, NULL AS lease
        FROM project WHERE name = $1
    UNION ALL SELECT NULL, month, nanos, NULL, NULL FROM spent WHERE project = $1
    UNION ALL SELECT body, NULL, spent, run, lease FROM claim WHERE project = $1";

/// All of them.
pub(crate) const ALL: &str = "SELECT body FROM project ORDER BY name";

/// From the rows of [`USE`].
pub(crate) fn used(rows: &[Row]) -> Result<Use> {
    let mut used = Use::default();
    for row in rows {
        let (body, month, nanos) =
            (row.get::<_, Option<&str>>(0), row.get::<_, Option<i64>>(1), row.get::<_, Option<i64>>(2));
        let amount = Usd::from_nanos(nanos.unwrap_or_default());
        match (body, month, row.get::<_, Option<String>>(3)) {
            (Some(body), _, Some(run)) => {
                let lease = row.get::<_, Option<String>>(4).filter(|lease| !lease.is_empty());
                used.claims.push(ClaimRow { run: RunId(run), lease, claim: parse(body)?, spent: amount });
            }
            (Some(body), ..) => used.project = Some(parse(body)?),
            (None, Some(month), _) => {
                used.spent.insert(i32::try_from(month).unwrap_or(i32::MAX), amount);
            }
            _ => {}
        }
    }
    Ok(used)
}
