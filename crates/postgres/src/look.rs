//! Answers to questions, each from one statement, so that all of it is of one moment.

use crate::change::{HORIZON, forgotten, key};
use crate::link::{Link, PATIENCE, Way, passes};
use crate::projects;
use crate::schema::open;
use crate::text::{Result, failed, parse, signed};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_records::{
    AttemptId, ClusterRole, Extent, LEFT_OUT, Lines, LogRow, Moved, Numbered, Open, Project, RunId, RunLine,
    RunRow, Since, StepKey, Told, Use, Which, cut_page, left_out_count,
};
use welkin_units::Bytes;

macro_rules! lines {
    ($rest:expr) => {
        concat!("SELECT id, name, state, submitted, cluster, project FROM run ", $rest)
    };
}

macro_rules! row {
    () => {
        "id, name, plan, job, base_dir, state, submitted, cluster, project"
    };
}

const ALL: &str = lines!("ORDER BY submitted, place");
const OPEN: &str = concat!(lines!("WHERE "), open!(), " ORDER BY submitted, place");
const ONE: &str = lines!("WHERE id = $1");
const PAGE: &str = lines!("ORDER BY submitted DESC, place DESC LIMIT $1");
const BEFORE: &str = lines!(
    "WHERE (submitted, place) < (SELECT submitted, place FROM run WHERE id = $2)
    ORDER BY submitted DESC, place DESC LIMIT $1"
);
const FIRST: &str = lines!("ORDER BY submitted, place LIMIT $1");
const AFTER: &str = lines!(
    "WHERE (submitted, place) > (SELECT submitted, place FROM run WHERE id = $2)
    ORDER BY submitted, place LIMIT $1"
);
const LATEST: &str = lines!("ORDER BY submitted DESC, place DESC LIMIT 1");
const LATEST_OF: &str = lines!("WHERE name = $1 ORDER BY submitted DESC, place DESC LIMIT 1");
const IN_CLUSTER: &str = lines!("WHERE cluster = $1 ORDER BY submitted, place");
const OPEN_IN_CLUSTER: &str =
    concat!(lines!("WHERE cluster = $1 AND "), open!(), " ORDER BY submitted, place");

const OF_TOKEN: &str = concat!("SELECT ", row!(), " FROM run WHERE client_token = $1");

const ROW: &str = concat!("SELECT ", row!(), " FROM run WHERE id = $1");

const STORY: &str = concat!(
    "SELECT ",
    row!(),
    ", array(SELECT seq FROM record WHERE record.run = $1 ORDER BY seq),
    array(SELECT at FROM record WHERE record.run = $1 ORDER BY seq),
    array(SELECT body FROM record WHERE record.run = $1 ORDER BY seq) FROM run WHERE id = $1"
);

const HISTORY: &str = "SELECT seq, at, body FROM record WHERE run = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// A row at least, so that the number of the last record and how far runs were forgotten are there too.
const SINCE: &str =
    "SELECT pen.last, (SELECT value FROM meta WHERE key = $3), news.seq, news.run, news.at, news.body
    FROM pen LEFT JOIN LATERAL (
        SELECT seq, run, at, body FROM record WHERE seq > $1 ORDER BY seq LIMIT $2) AS news ON true
    ORDER BY news.seq";

macro_rules! of_step {
    () => {
        "FROM node_event WHERE run = $1 AND task = $2 AND attempt = $3 AND phase = $4 AND rank = $5"
    };
}

const TOLD: &str = concat!(
    "SELECT coalesce(max(seq) + 1, 0),
    coalesce(array_agg(body ORDER BY seq) FILTER (WHERE stream IS NULL), '{}') ",
    of_step!()
);

const LINES: &str = concat!(
    "SELECT seq, octet_length(body)::bigint, CASE WHEN stream = $6 THEN body END ",
    of_step!(),
    " AND stream IS NOT NULL ORDER BY seq"
);

const LOGS: &str = "SELECT id, task, attempt, phase, rank, at, stream, body FROM node_event
    WHERE run = $1 AND id > $2 AND stream IS NOT NULL AND ($3::bigint IS NULL OR task = $3) ORDER BY id LIMIT $4";

const TAIL: &str = "SELECT id FROM node_event
    WHERE run = $1 AND stream IS NOT NULL AND ($2::bigint IS NULL OR task = $2) ORDER BY id DESC OFFSET $3 LIMIT 1";

const LOG_BYTES: &str = "SELECT coalesce(sum(octet_length(body)), 0)::bigint FROM node_event
    WHERE run = $1 AND stream IS NOT NULL";

const CANCELS: &str = concat!(
    "SELECT id FROM run WHERE ",
    open!(),
    " AND EXISTS (SELECT 1 FROM request WHERE run = run.id AND what = 'cancel')"
);

const NEWEST: &str = concat!(
    "SELECT max(greatest(submitted,
        (SELECT at FROM record WHERE record.run = run.id ORDER BY seq DESC LIMIT 1))) FROM run WHERE ",
    open!()
);

const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
    WHERE relnamespace = 'welkin'::regnamespace AND relkind = 'r'";

/// The connection over which questions go, several at a time.
#[derive(Default)]
pub(crate) struct Looks(Mutex<Option<Arc<Link>>>);

impl Looks {
    /// Rows, as soon as the database answers.
    pub(crate) async fn rows(
        &self,
        way: &Way,
        what: &'static str,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let link = self.link(way, until).await?;
            let asked = async {
                let statement = link.prepared(sql).await?;
                link.client.query(&statement, params).await
            };
            match asked.await {
                Ok(rows) => return Ok(rows),
                Err(error) if !passes(&error) => return Err(failed(what, error)),
                Err(error) if Instant::now() > until => return Err(way.away(Some(error))),
                Err(_) => self.broken(&link).await,
            }
        }
    }

    /// Since when there is a connection.
    pub(crate) async fn since(&self, way: &Way) -> Result<Instant> {
        Ok(self.link(way, Instant::now() + PATIENCE).await?.since)
    }

    async fn link(&self, way: &Way, until: Instant) -> Result<Arc<Link>> {
        let mut kept = self.0.lock().await;
        if let Some(link) = kept.as_ref().filter(|link| !link.client.is_closed()) {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(way.link(until).await?);
        *kept = Some(Arc::clone(&link));
        Ok(link)
    }

    async fn broken(&self, link: &Arc<Link>) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, link)) {
            *kept = None;
        }
    }
}

/// Everything that is asked of the records.
pub(crate) struct Look<'a> {
    pub(crate) looks: &'a Looks,
    pub(crate) way: &'a Way,
}

impl Look<'_> {
    async fn rows(
        &self,
        what: &'static str,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        self.looks.rows(self.way, what, sql, params).await
    }

    async fn row(
        &self,
        what: &'static str,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>> {
        Ok(self.rows(what, sql, params).await?.into_iter().next())
    }

    pub(crate) async fn identity(&self, key: &str) -> Result<Option<String>> {
        let sql = "SELECT value FROM meta WHERE key = $1";
        let row = self.row("reading the identity of the store", sql, &[&key]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    pub(crate) async fn is_free(&self, run: &RunId) -> Result<bool> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM run WHERE id = $1) OR EXISTS (SELECT 1 FROM meta WHERE key = $2)";
        let row = self.row("looking for a run", sql, &[&run.0, &forgotten(run)]).await?;
        Ok(row.is_some_and(|row| !row.get::<_, bool>(0)))
    }

    pub(crate) async fn runs(&self, which: &Which) -> Result<Vec<RunLine>> {
        let what = "listing runs";
        let rows = match which {
            Which::All => self.rows(what, ALL, &[]).await,
            Which::Open => self.rows(what, OPEN, &[]).await,
            Which::One(run) => self.rows(what, ONE, &[&run.0]).await,
            Which::Before(None, limit) => self.rows(what, PAGE, &[&i64::from(*limit)]).await,
            Which::Before(Some(run), limit) => self.rows(what, BEFORE, &[&i64::from(*limit), &run.0]).await,
            Which::After(None, limit) => self.rows(what, FIRST, &[&i64::from(*limit)]).await,
            Which::After(Some(run), limit) => self.rows(what, AFTER, &[&i64::from(*limit), &run.0]).await,
            Which::Latest(None) => self.rows(what, LATEST, &[]).await,
            Which::Latest(Some(name)) => self.rows(what, LATEST_OF, &[name]).await,
            Which::InCluster(role, Open::OrOver) => self.rows(what, IN_CLUSTER, &[&role.key()]).await,
            Which::InCluster(role, Open::Only) => self.rows(what, OPEN_IN_CLUSTER, &[&role.key()]).await,
        };
        Ok(rows?.iter().map(line_of).collect())
    }

    pub(crate) async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>> {
        Ok(self.row("looking for a submission", OF_TOKEN, &[&token]).await?.map(|row| row_of(&row)))
    }

    pub(crate) async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        let Some(row) = self.row("reading a run", STORY, &[&run.0]).await? else { return Ok(None) };
        let (numbers, times): (Vec<i64>, Vec<i64>) = (row.get(9), row.get(10));
        let bodies: Vec<String> = row.get(11);
        let records = numbers.into_iter().zip(times).zip(&bodies);
        let records = records.map(|((seq, at), body)| numbered(seq, at, body)).collect::<Result<_>>()?;
        Ok(Some((row_of(&row), records)))
    }

    pub(crate) async fn run(&self, run: &RunId) -> Result<Option<RunRow>> {
        Ok(self.row("reading a run", ROW, &[&run.0]).await?.map(|row| row_of(&row)))
    }

    pub(crate) async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        let params: [&(dyn ToSql + Sync); 3] = [&run.0, &signed(after), &i64::from(limit)];
        let rows = self.rows("reading the history of a run", HISTORY, &params).await?;
        rows.iter().map(|row| numbered(row.get(0), row.get(1), row.get(2))).collect()
    }

    pub(crate) async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        let params: [&(dyn ToSql + Sync); 3] = [&signed(after), &i64::from(limit), &HORIZON];
        let rows = self.rows("reading what has happened", SINCE, &params).await?;
        let mut since = Since::default();
        for row in rows {
            since.last = row.get::<_, i64>(0).unsigned_abs();
            let horizon: Option<&str> = row.get(1);
            since.forgotten = horizon.and_then(|text| text.parse().ok()).unwrap_or_default();
            if let Some(seq) = row.get::<_, Option<i64>>(2) {
                since.records.push((RunId(row.get(3)), numbered(seq, row.get(4), row.get(5))?));
            }
        }
        Ok(since)
    }

    pub(crate) async fn told(&self, run: &RunId, step: StepKey) -> Result<Told> {
        let key = key(run, step);
        let row = self.row("reading events of a node", TOLD, &crate::text::refs(&key)).await?;
        let Some(row) = row else { return Ok(Told { events: Vec::new(), next: 0 }) };
        let bodies: Vec<Vec<u8>> = row.get(1);
        let events = bodies.iter().map(|body| parse(&text(body))).collect::<Result<_>>()?;
        Ok(Told { events, next: row.get::<_, i64>(0).unsigned_abs() })
    }

    pub(crate) async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines> {
        let mut key = key(run, step);
        key.push(Box::new(LEFT_OUT));
        let rows = self.rows("measuring the log of a step", LINES, &crate::text::refs(&key)).await?;
        let mut lines = Lines::default();
        for row in rows {
            let seq = row.get::<_, i64>(0).unsigned_abs();
            match row.get::<_, Option<&[u8]>>(2) {
                Some(words) => lines.gone = Some((seq, left_out_count(&text(words)))),
                None => lines.kept.push(Extent::line(seq, row.get::<_, i64>(1).unsigned_abs())),
            }
        }
        Ok(lines)
    }

    pub(crate) async fn logs(
        &self,
        run: &RunId,
        task: Option<usize>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>> {
        let task = task.map(|task| signed(task as u64));
        let params: [&(dyn ToSql + Sync); 4] = [&run.0, &signed(after), &task, &i64::from(limit)];
        let rows = self.rows("reading logs", LOGS, &params).await?;
        let narrow = |row: &Row, at| u32::try_from(row.get::<_, i64>(at)).unwrap_or(u32::MAX);
        let log = |row: &Row| LogRow {
            id: row.get::<_, i64>(0).unsigned_abs(),
            attempt: AttemptId {
                task: usize::try_from(row.get::<_, i64>(1)).unwrap_or(usize::MAX),
                number: narrow(row, 2),
            },
            phase: row.get(3),
            rank: narrow(row, 4),
            at: at(row, 5),
            stream: row.get(6),
            line: text(row.get(7)),
        };
        let mut rows = rows.iter().map(log).collect();
        cut_page(&mut rows);
        Ok(rows)
    }

    pub(crate) async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        let task = task.map(|task| signed(task as u64));
        let params: [&(dyn ToSql + Sync); 3] = [&run.0, &task, &i64::from(lines)];
        let row = self.row("looking for the last lines", TAIL, &params).await?;
        Ok(row.map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
    }

    pub(crate) async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        let row = self.row("measuring the logs of a run", LOG_BYTES, &[&run.0]).await?;
        Ok(Bytes::new(row.map_or(0, |row| row.get::<_, i64>(0).unsigned_abs())))
    }

    pub(crate) async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        let sql = "SELECT body FROM ledger WHERE run = $1 ORDER BY seq LIMIT $2 OFFSET $3";
        let params: [&(dyn ToSql + Sync); 3] = [&run.0, &i64::from(limit), &signed(skip)];
        let rows = self.rows("reading the ledger", sql, &params).await?;
        rows.iter().map(|row| parse(row.get(0))).collect()
    }

    pub(crate) async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        let rows = self.rows("reading requests", CANCELS, &[]).await?;
        Ok(rows.iter().map(|row| RunId(row.get(0))).collect())
    }

    pub(crate) async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        let sql = "SELECT source, target, bytes FROM moved WHERE month = $1";
        let rows = self.rows("reading the data that moved this month", sql, &[&i64::from(month)]).await?;
        let moved = |row: &Row| {
            let bytes = Bytes::new(row.get::<_, i64>(2).unsigned_abs());
            Ok(Moved { source: parse(row.get(0))?, target: parse(row.get(1))?, bytes })
        };
        rows.iter().map(moved).collect()
    }

    pub(crate) async fn projects(&self) -> Result<Vec<Project>> {
        let rows = self.rows("reading projects", projects::ALL, &[]).await?;
        rows.iter().map(|row| parse(row.get(0))).collect()
    }

    pub(crate) async fn project_use(&self, name: &str) -> Result<Use> {
        projects::used(&self.rows("reading what a project uses", projects::USE, &[&name]).await?)
    }

    pub(crate) async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        let rows = self.rows("reading the providers of earlier plans", "SELECT name FROM provider_used", &[]);
        // What no provider can be called none was ever opened by.
        Ok(rows.await?.iter().filter_map(|row| row.get::<_, &str>(0).parse().ok()).collect())
    }

    pub(crate) async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        let row = self.row("reading the newest moments", NEWEST, &[]).await?;
        let newest = row.and_then(|row| row.get::<_, Option<i64>>(0));
        Ok(newest.map(|at| UnixMillis(at.unsigned_abs())))
    }

    pub(crate) async fn size(&self) -> Result<u64> {
        let row = self.row("measuring the database", SIZE, &[]).await?;
        Ok(row.map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
    }
}

fn numbered(seq: i64, at: i64, body: &str) -> Result<Numbered> {
    Ok((seq.unsigned_abs(), UnixMillis(at.unsigned_abs()), parse(body)?))
}

fn row_of(row: &Row) -> RunRow {
    RunRow {
        id: RunId(row.get(0)),
        name: row.get(1),
        plan: row.get(2),
        job: row.get(3),
        base_dir: row.get(4),
        state: row.get(5),
        submitted: at(row, 6),
        cluster: row.get::<_, Option<&str>>(7).and_then(ClusterRole::of_key),
        project: row.get(8),
    }
}

fn line_of(row: &Row) -> RunLine {
    RunLine {
        id: RunId(row.get(0)),
        name: row.get(1),
        state: row.get(2),
        submitted: at(row, 3),
        cluster: row.get::<_, Option<&str>>(4).and_then(ClusterRole::of_key),
        project: row.get(5),
    }
}

fn at(row: &Row, column: usize) -> UnixMillis {
    UnixMillis(row.get::<_, i64>(column).unsigned_abs())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
