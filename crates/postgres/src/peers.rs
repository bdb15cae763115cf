//! Which broker has which run.
//!
//! A broker that lives says so every second; its row then holds for [`LASTS`], by the database's clock. Whoever finds one
//! that holds no more deletes it, with the pen in hand: from that moment on nothing of that broker is written, since each
//! of its writes looks for the row in its own transaction, which has the pen. A row that is overdue and still there says
//! that nobody else has taken anything, so writing is safe and saying so late is no offence: that is how brokers survive
//! a database that was away for longer than [`LASTS`].
//!
//! *Rejected:* a moment until which each run is held. A thousand runs would be a thousand rows to write each second, and
//! a database that was away would find every run free.

use crate::change::params;
use crate::commit::{ANNOUNCE, PEN, Writer};
use crate::link::{PATIENCE, Way, passes};
use crate::look::Looks;
use crate::schema::open;
use crate::text::{Param, Result, failed, refs, signed};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::{Error, Row};
use welkin_records::{Fence, RunId, Standing};

/// How long a broker is taken to live after it last said so. With a second between looks, what a dead one left is taken
/// up within seven seconds; a live one has six tries.
const LASTS: Duration = Duration::from_secs(6);

const REGISTER: &str = "INSERT INTO broker (id, until)
    VALUES (gen_random_uuid()::text, clock_timestamp() + $1::float8 * interval '1 second') RETURNING id";

const ALIVE: &str = "UPDATE broker SET until = clock_timestamp() + $2::float8 * interval '1 second'
    WHERE id = $1 RETURNING (SELECT count(*) FROM broker),
    EXISTS (SELECT 1 FROM broker WHERE until < clock_timestamp() AND id <> $1)";

const BURY: &str = "DELETE FROM broker WHERE until < clock_timestamp() AND id <> $1";

/// What nobody will ask for any more.
const TIDY: &str = "DELETE FROM written WHERE at < clock_timestamp() - interval '1 day'
    AND broker NOT IN (SELECT id FROM broker)";

const LEAVE: &str = "DELETE FROM broker WHERE id = $1";

/// Whether a run may be had by broker `$2`, as far as clusters go: what works on one is where that is.
macro_rules! with_its_cluster {
    () => {
        "(run.cluster IS NULL OR run.cluster NOT LIKE 'on %'
        OR EXISTS (SELECT 1 FROM lease AS its WHERE its.run = substr(run.cluster, 4) AND its.broker = $2)
        OR NOT EXISTS (SELECT 1 FROM run AS holder WHERE holder.id = substr(run.cluster, 4)
            AND holder.state NOT IN ('succeeded', 'failed', 'cancelled')))"
    };
}

/// Whether the broker in a column lives.
macro_rules! lives {
    ($column:literal) => {
        concat!("EXISTS (SELECT 1 FROM broker AS other WHERE other.id = ", $column, ")")
    };
}

const TAKE: &str = concat!(
    "INSERT INTO lease (run, broker, fence)
    SELECT run.id, $2, 1 FROM run WHERE run.id = $1 AND run.",
    open!(),
    " AND EXISTS (SELECT 1 FROM broker WHERE id = $2) AND ",
    with_its_cluster!(),
    " ON CONFLICT (run) DO UPDATE SET broker = $2, fence = lease.fence + 1, wanted = NULL
    WHERE (lease.broker IS NULL OR lease.broker = $2 OR NOT ",
    lives!("lease.broker"),
    ") AND (lease.wanted IS NULL OR lease.wanted = $2 OR NOT ",
    lives!("lease.wanted"),
    ") RETURNING fence"
);

const WANT: &str =
    concat!("UPDATE lease SET wanted = $2 WHERE run = $1 AND broker <> $2 AND ", lives!("lease.broker"));

const GIVE: &str = "UPDATE lease SET broker = NULL WHERE run = $1 AND broker = $2 AND fence = $3";

/// In an order of this broker's own, so that brokers that look at once begin with different ones.
const FREE: &str = concat!(
    "SELECT run.id FROM run LEFT JOIN lease ON lease.run = run.id WHERE run.",
    open!(),
    " AND (lease.broker IS NULL OR NOT ",
    lives!("lease.broker"),
    ") AND (lease.wanted IS NULL OR lease.wanted = $2 OR NOT ",
    lives!("lease.wanted"),
    ") AND $1 = $2 AND ",
    with_its_cluster!(),
    " ORDER BY md5(run.id || $2)"
);

const WANTED: &str = concat!(
    "SELECT lease.run, lease.fence FROM lease JOIN run ON run.id = lease.run WHERE lease.broker = $1
    AND ((lease.wanted <> $1 AND ",
    lives!("lease.wanted"),
    ") OR EXISTS (SELECT 1 FROM lease AS its WHERE run.cluster LIKE 'on %'
        AND its.run = substr(run.cluster, 4) AND its.broker <> $1 AND ",
    lives!("its.broker"),
    "))"
);

const DRIVEN: &str = "SELECT lease.run FROM lease JOIN broker ON broker.id = lease.broker";

/// A broker that begins to live; gives its name.
pub(crate) async fn register(looks: &Looks, way: &Way) -> Result<String> {
    let rows = looks.rows(way, "registering this broker", REGISTER, &[&LASTS.as_secs_f64()]).await?;
    Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
}

/// What of a broker was asked for; `None` stands for one that was buried.
pub(crate) async fn stand(
    looks: &Looks,
    way: &Way,
    writer: &tokio::sync::Mutex<Writer>,
    broker: &str,
) -> Result<Option<Standing>> {
    let params: Vec<Param> = params![broker.to_owned(), LASTS.as_secs_f64()];
    let rows = looks.rows(way, "saying that this broker lives", ALIVE, &refs(&params)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (brokers, overdue): (i64, bool) = (row.get(0), row.get(1));
    // Whoever was cut off says first that it lives, and lets the others do the same, before it takes anybody for dead.
    if overdue && looks.since(way).await?.elapsed() > LASTS {
        let mut writer = writer.lock().await;
        let own: Vec<Param> = params![broker.to_owned()];
        alone(&mut writer, way, "burying a broker", BURY, &own).await?;
        alone(&mut writer, way, "tidying", TIDY, &[]).await?;
    }
    let wanted = looks.rows(way, "looking for runs that others want", WANTED, &[&broker]).await?;
    let free = looks.rows(way, "looking for runs that nobody has", FREE, &[&broker, &broker]).await?;
    let share = free.len().div_ceil(usize::try_from(brokers).unwrap_or(1).max(1));
    let free = free[..share].iter().map(|row| RunId(row.get(0))).collect();
    let wanted = wanted.iter().map(|row| (RunId(row.get(0)), fence(row.get(1)))).collect();
    Ok(Some(Standing { free, wanted, buried: false }))
}

pub(crate) async fn take(writer: &mut Writer, way: &Way, broker: &str, run: &RunId) -> Result<Option<Fence>> {
    let params = params![run.0.clone(), broker.to_owned()];
    let rows = alone(writer, way, "taking a run", TAKE, &params).await?;
    Ok(rows.first().map(|row| fence(row.get(0))))
}

fn fence(number: i64) -> Fence {
    Fence(number.unsigned_abs())
}

pub(crate) async fn want(looks: &Looks, way: &Way, broker: &str, run: &RunId) -> Result<()> {
    looks.rows(way, "asking for a run", WANT, &[&run.0, &broker]).await?;
    announce(looks, way, broker, run).await
}

pub(crate) async fn give(
    writer: &mut Writer,
    looks: &Looks,
    way: &Way,
    broker: &str,
    (run, fence): (&RunId, Fence),
) -> Result<()> {
    let params = params![run.0.clone(), broker.to_owned(), signed(fence.0)];
    alone(writer, way, "giving a run up", GIVE, &params).await?;
    announce(looks, way, broker, run).await
}

async fn announce(looks: &Looks, way: &Way, broker: &str, run: &RunId) -> Result<()> {
    let text = format!("{broker} {run}");
    looks.rows(way, "telling other brokers", ANNOUNCE, &[&text]).await.map(drop)
}

pub(crate) async fn driven(looks: &Looks, way: &Way) -> Result<BTreeSet<RunId>> {
    let rows = looks.rows(way, "looking who drives what", DRIVEN, &[]).await?;
    Ok(rows.iter().map(|row| RunId(row.get(0))).collect())
}

pub(crate) async fn leave(looks: &Looks, way: &Way, broker: &str) -> Result<()> {
    looks.rows(way, "leaving", LEAVE, &[&broker]).await?;
    // About no run: it has them all look for what is free.
    looks.rows(way, "telling other brokers", ANNOUNCE, &[&broker]).await.map(drop)
}

/// A statement with the pen in hand, again when its connection breaks: each of them may be made twice.
async fn alone(
    writer: &mut Writer,
    way: &Way,
    what: &'static str,
    sql: &'static str,
    params: &[Param],
) -> Result<Vec<Row>> {
    let until = Instant::now() + PATIENCE;
    loop {
        let link = writer.take(way, until).await?;
        let made = async {
            let (pen, statement) = (link.prepared(PEN).await?, link.prepared(sql).await?);
            let values = refs(params);
            let client = &link.client;
            let begin = client.batch_execute("BEGIN");
            let ((), _, rows) =
                futures::try_join!(begin, client.query_one(&pen, &[]), client.query(&statement, &values))?;
            client.batch_execute("COMMIT").await?;
            Ok::<_, Error>(rows)
        };
        match made.await {
            Ok(rows) => {
                writer.keep(link);
                return Ok(rows);
            }
            Err(error) if !passes(&error) => return Err(failed(what, error)),
            Err(error) if Instant::now() > until => return Err(way.away(Some(error))),
            Err(_) => {}
        }
    }
}
