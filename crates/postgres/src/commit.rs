//! Writes that are committed together, by whoever holds the pen.
//!
//! All statements of all writes are sent at once, and then it is seen whether each did what it should: three round trips for
//! a commit, however many wait for it. When one did not, nothing has happened yet, and the same is done again slowly, each
//! write behind a savepoint of its own, so that the one that fails leaves nothing of itself and its neighbours stay.
//!
//! *A lost answer.* Each commit has a number, which is kept in the same transaction. When the connection breaks before the
//! answer came, the next one waits for the pen, which an earlier transaction of this broker holds until it has been made
//! or has not, and looks: when the number is there, the answer is the one that was about to be given.
//!
//! *Rejected:* a sequence for the numbers of records. It gives them in the order in which they are asked for; a reader who
//! has seen 7 would never see a 6 that is committed later.

use crate::change::params;
use crate::change::{self, Op, Wants};
use crate::link::{Link, PATIENCE, Way, passes};
use crate::projects;
use crate::schema::open;
use crate::text::{Param, Result, failed, refs, signed};
use futures::future::maybe_done;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_postgres::Error;
use welkin_records::{Change, ClaimRow, ClusterRole, Project, RunRow, StoreError, Write, Written};
use welkin_units::Usd;

/// The channel on which brokers tell each other that something was written.
pub(crate) const CHANNEL: &str = "welkin";

/// Longest announcement, in bytes: PostgreSQL takes 8,000.
const MAX_ANNOUNCED: usize = 7000;

/// The pen, with no number taken.
pub(crate) const PEN: &str = "SELECT last FROM pen FOR UPDATE";

const NUMBERS: &str = "UPDATE pen SET last = last + $1 RETURNING last";

const WAS_MADE: &str = "SELECT number FROM written WHERE broker = $1";

const MARK: &str = "INSERT INTO written (broker, number) VALUES ($1, $2)
    ON CONFLICT (broker) DO UPDATE SET number = excluded.number, at = clock_timestamp()";

pub(crate) const ANNOUNCE: &str = "SELECT pg_notify('welkin', $1)";

/// The one connection of this broker that writes.
#[derive(Default)]
pub(crate) struct Writer {
    link: Option<Link>,
    /// Of the last commit.
    number: u64,
}

/// What became of a try.
enum Try {
    Made(Vec<Result<Written>>),
    /// The one before was made, though its answer was lost.
    WasMade,
}

/// A try that came to no end.
enum Broken {
    /// It can be done again; where it may have been made, with the answers it would have given.
    Again(Error, Option<Vec<Result<Written>>>),
    /// It failed.
    Final(StoreError),
}

impl Writer {
    /// A connection that works, as far as anybody knows.
    pub(crate) async fn take(&mut self, way: &Way, until: Instant) -> Result<Link> {
        match self.link.take() {
            Some(link) if !link.client.is_closed() => Ok(link),
            _ => way.link(until).await,
        }
    }

    /// Puts it back for the next.
    pub(crate) fn keep(&mut self, link: Link) {
        self.link = Some(link);
    }

    /// Commits writes in one transaction, in their order; one answer each.
    pub(crate) async fn commit(&mut self, way: &Way, broker: &str, writes: &[Write]) -> Vec<Result<Written>> {
        self.number += 1;
        let until = Instant::now() + PATIENCE;
        let mut unsure = None;
        loop {
            let link = match self.take(way, until).await {
                Ok(link) => link,
                Err(error) => return told_to_all(error, writes.len()),
            };
            let work = Work { link: &link, broker, number: self.number, writes };
            match work.attempt(unsure.is_some()).await {
                Ok(Try::Made(answers)) => {
                    self.keep(link);
                    return answers;
                }
                Ok(Try::WasMade) => {
                    self.keep(link);
                    return unsure.unwrap_or_default();
                }
                Err(Broken::Final(error)) => return told_to_all(error, writes.len()),
                Err(Broken::Again(error, answers)) => {
                    // An earlier one was looked for before this was tried, and was not there.
                    unsure = answers.or(unsure);
                    if Instant::now() > until {
                        return told_to_all(way.away(Some(error)), writes.len());
                    }
                }
            }
        }
    }
}

/// The same failure for each who waits.
fn told_to_all(error: StoreError, count: usize) -> Vec<Result<Written>> {
    let shared = Arc::new(error);
    let again = |_| {
        Err(match &*shared {
            StoreError::Away { place, .. } => {
                StoreError::Away { place: place.clone(), source: shared.chain().into() }
            }
            other => StoreError::Database {
                what: "writing",
                damaged: other.is_damage(),
                source: other.chain().into(),
            },
        })
    };
    (0..count).map(again).collect()
}

struct Work<'a> {
    link: &'a Link,
    broker: &'a str,
    number: u64,
    writes: &'a [Write],
}

impl Work<'_> {
    async fn attempt(&self, check: bool) -> std::result::Result<Try, Broken> {
        if let Some(made) = self.quickly(check).await? {
            return Ok(made);
        }
        self.slowly().await.map(Try::Made)
    }

    /// All at once; none when some write does not do what it should, and then nothing was done.
    async fn quickly(&self, check: bool) -> std::result::Result<Option<Try>, Broken> {
        let again = |error| broken(error, None);
        let records = self.writes.iter().flat_map(|write| &write.0);
        let wanted = records.filter(|change| matches!(change, Change::Recorded { .. })).count() as u64;
        let last = self.begin(wanted).await.map_err(again)?;
        if check && self.was_made().await.map_err(again)? {
            self.run("ROLLBACK").await.map_err(again)?;
            return Ok(Some(Try::WasMade));
        }
        let mut next = last - wanted;
        let mut number = || {
            next += 1;
            next
        };
        let mut answers = Vec::with_capacity(self.writes.len());
        let mut ops = Vec::new();
        for (at, write) in self.writes.iter().enumerate() {
            let mut written = Written::default();
            for change in &write.0 {
                let mut count = || {
                    let given = number();
                    written.records.push(given);
                    given
                };
                match change::ops(change, self.broker, &mut count) {
                    Ok(more) => ops.extend(more.into_iter().map(|op| (at, op))),
                    Err(_) => return self.undone().await,
                }
            }
            answers.push(written);
        }
        ops.extend(self.closing().into_iter().map(|op| (0, op)));
        for ((at, op), done) in ops.iter().zip(self.sent(&ops).await.map_err(again)?) {
            match done {
                Ok(rows) if matches!(op.wants, Wants::One | Wants::Judged) && rows != 1 => {
                    return self.undone().await;
                }
                Ok(rows) if op.wants == Wants::Lines => answers[*at].lines += rows,
                Ok(_) => {}
                Err(error) if passes(&error) => return Err(broken(error, None)),
                Err(_) => return self.undone().await,
            }
        }
        let answers: Vec<_> = answers.into_iter().map(Ok).collect();
        match self.run("COMMIT").await {
            Ok(()) => Ok(Some(Try::Made(answers))),
            Err(error) => Err(broken(error, Some(answers))),
        }
    }

    async fn undone(&self) -> std::result::Result<Option<Try>, Broken> {
        self.run("ROLLBACK").await.map_err(|error| broken(error, None))?;
        Ok(None)
    }

    /// Begins, and takes the pen and so many numbers; gives the last.
    async fn begin(&self, numbers: u64) -> std::result::Result<u64, Error> {
        let sql = if numbers == 0 { PEN } else { NUMBERS };
        let statement = self.link.prepared(sql).await?;
        let params = if numbers == 0 { Vec::new() } else { params![signed(numbers)] };
        let refs = refs(&params);
        let begin = self.link.client.batch_execute("BEGIN");
        let ((), row) = futures::try_join!(begin, self.link.client.query_one(&statement, &refs))?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    async fn was_made(&self) -> std::result::Result<bool, Error> {
        let statement = self.link.prepared(WAS_MADE).await?;
        let row = self.link.client.query_opt(&statement, &[&self.broker]).await?;
        Ok(row.is_some_and(|row| row.get::<_, i64>(0) == signed(self.number)))
    }

    /// What goes with every commit.
    fn closing(&self) -> [Op; 2] {
        let op = |sql, params| Op { sql, params, wants: Wants::Any, what: "closing a write" };
        [
            op(MARK, params![self.broker.to_owned(), signed(self.number)]),
            op(ANNOUNCE, params![announced(self.broker, self.writes)]),
        ]
    }

    /// Sends statements one behind the other, and then waits for their answers.
    async fn sent(
        &self,
        ops: &[(usize, Op)],
    ) -> std::result::Result<Vec<std::result::Result<u64, Error>>, Error> {
        let mut statements = Vec::with_capacity(ops.len());
        for (_, op) in ops {
            statements.push(self.link.prepared(op.sql).await?);
        }
        let values: Vec<_> = ops.iter().map(|(_, op)| refs(&op.params)).collect();
        let calls = statements.iter().zip(&values);
        let mut calls: Vec<_> = calls
            .map(|(statement, values)| Box::pin(maybe_done(self.link.client.execute(statement, values))))
            .collect();
        // The first look at each sends it.
        std::future::poll_fn(|context| {
            for call in &mut calls {
                let _ = call.as_mut().poll(context);
            }
            std::task::Poll::Ready(())
        })
        .await;
        let mut done = Vec::with_capacity(calls.len());
        for call in &mut calls {
            call.as_mut().await;
            done.push(Pin::as_mut(call).take_output().expect("it is done"));
        }
        Ok(done)
    }

    /// One after the other, each behind a savepoint.
    async fn slowly(&self) -> std::result::Result<Vec<Result<Written>>, Broken> {
        let again = |error| broken(error, None);
        self.begin(0).await.map_err(again)?;
        let mut answers = Vec::with_capacity(self.writes.len());
        for write in self.writes {
            self.run("SAVEPOINT one").await.map_err(again)?;
            let answer = match self.one(write).await {
                Err(OneFailed::Link(error)) => return Err(broken(error, None)),
                Err(OneFailed::Own(error)) => {
                    self.run("ROLLBACK TO one").await.map_err(again)?;
                    Err(error)
                }
                Ok(written) => Ok(written),
            };
            self.run("RELEASE one").await.map_err(again)?;
            answers.push(answer);
        }
        for op in self.closing() {
            self.execute(&op).await.map_err(again)?;
        }
        match self.run("COMMIT").await {
            Ok(()) => Ok(answers),
            Err(error) => Err(broken(error, Some(answers))),
        }
    }

    async fn one(&self, write: &Write) -> std::result::Result<Written, OneFailed> {
        let mut written = Written::default();
        for change in &write.0 {
            let mut given = 0;
            if matches!(change, Change::Recorded { .. }) {
                let statement = self.link.prepared(NUMBERS).await.map_err(OneFailed::Link)?;
                let row = self.link.client.query_one(&statement, &[&1_i64]).await;
                given = row.map_err(OneFailed::Link)?.get::<_, i64>(0).unsigned_abs();
                written.records.push(given);
            }
            for op in change::ops(change, self.broker, &mut || given).map_err(OneFailed::Own)? {
                if op.wants == Wants::Judged {
                    self.judge(change).await?;
                    continue;
                }
                match self.execute(&op).await {
                    Ok(rows) if op.wants == Wants::One && rows != 1 => {
                        return Err(self.refused(change).await);
                    }
                    Ok(rows) if op.wants == Wants::Lines => written.lines += rows,
                    Ok(_) => {}
                    Err(error) if passes(&error) => return Err(OneFailed::Link(error)),
                    Err(error) => return Err(OneFailed::Own(failed(op.what, error))),
                }
            }
        }
        Ok(written)
    }

    /// Why a change that has to touch a row touched none.
    async fn refused(&self, change: &Change) -> OneFailed {
        match change {
            Change::Held { run, .. } => OneFailed::Own(StoreError::NotHeld { run: run.clone() }),
            Change::Project { was, project } => match self.project_refused(*was, project).await {
                Ok(error) => OneFailed::Own(error),
                Err(error) => OneFailed::Link(error),
            },
            Change::Submitted { row, .. } => match self.submission_refused(row).await {
                Ok(error) => OneFailed::Own(error),
                Err(error) => OneFailed::Link(error),
            },
            _ => unreachable!("no other change has to touch a row"),
        }
    }

    /// Holds a claim against what its project may use: with the pen in hand, so that nobody claims anything meanwhile.
    async fn judge(&self, change: &Change) -> std::result::Result<(), OneFailed> {
        let Change::Claimed { run, at, lease, claim: Some(claim), .. } = change else { return Ok(()) };
        let own = |what: &'static str, error: Error| match passes(&error) {
            true => OneFailed::Link(error),
            false => OneFailed::Own(failed(what, error)),
        };
        let (client, what) = (&self.link.client, "looking for the project of a run");
        let row = client.query_opt(projects::OF_RUN, &[&run.0]).await.map_err(|error| own(what, error))?;
        let Some(name) = row.map(|row| row.get::<_, String>(0)) else { return Ok(()) };
        let what = "reading what a project uses";
        let statement = self.link.prepared(projects::USE).await.map_err(|error| own(what, error))?;
        let rows = client.query(&statement, &[&name]).await.map_err(|error| own(what, error))?;
        let used = projects::used(&rows).map_err(OneFailed::Own)?;
        if !used.is_open(&name) {
            return Err(OneFailed::Own(StoreError::NoProject { name }));
        }
        let is_it = |row: &&ClaimRow| row.run == *run && row.lease == *lease;
        let spent = used.claims.iter().find(is_it).map_or(Usd::ZERO, |row| row.spent);
        let row = ClaimRow { run: run.clone(), lease: lease.clone(), claim: claim.clone(), spent };
        used.judge(row, *at).map_err(|over| OneFailed::Own(StoreError::Over(Box::new(over))))
    }

    async fn project_refused(&self, was: u64, project: &Project) -> std::result::Result<StoreError, Error> {
        const AS_IT_WAS: &str = "SELECT EXISTS (SELECT 1 FROM project WHERE name = $1 AND version = $2)";
        let name = project.name.clone();
        let version = signed(was);
        let is_as_it_was = self.link.client.query_one(AS_IT_WAS, &[&name, &version]).await?.get(0);
        Ok(match is_as_it_was {
            true => StoreError::ProjectInUse { name },
            false => StoreError::ProjectChanged { name },
        })
    }

    async fn submission_refused(&self, row: &RunRow) -> std::result::Result<StoreError, Error> {
        const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM run WHERE id = $1)
            OR EXISTS (SELECT 1 FROM meta WHERE key = $2)";
        const HOLDER: &str = concat!("SELECT id FROM run WHERE cluster = $1 AND ", open!(), " LIMIT 1");
        let (client, taken) = (&self.link.client, StoreError::Taken { run: row.id.clone() });
        if client.query_one(TAKEN, &[&row.id.0, &change::forgotten(&row.id)]).await?.get(0) {
            return Ok(taken);
        }
        match &row.cluster {
            Some(role @ ClusterRole::Holds(name)) => {
                let holder = client.query_opt(HOLDER, &[&role.key()]).await?;
                let run = holder.map(|holder| welkin_records::RunId(holder.get(0)));
                Ok(run.map_or(taken, |run| StoreError::ClusterTaken { name: name.clone(), run }))
            }
            Some(ClusterRole::On(run)) => Ok(StoreError::NoCluster { run: run.clone() }),
            // Its token was used: whoever asked looks for the run of it.
            None => Ok(taken),
        }
    }

    async fn execute(&self, op: &Op) -> std::result::Result<u64, Error> {
        let statement = self.link.prepared(op.sql).await?;
        self.link.client.execute(&statement, &refs(&op.params)).await
    }

    async fn run(&self, sql: &str) -> std::result::Result<(), Error> {
        self.link.client.batch_execute(sql).await
    }
}

/// Why one write of many was not made.
enum OneFailed {
    /// It is at fault.
    Own(StoreError),
    /// The connection is, or the transaction as a whole.
    Link(Error),
}

fn broken(error: Error, answers: Option<Vec<Result<Written>>>) -> Broken {
    match passes(&error) {
        true => Broken::Again(error, answers),
        false => Broken::Final(failed("writing", error)),
    }
}

/// What others are told: who writes, and about which runs.
fn announced(broker: &str, writes: &[Write]) -> String {
    let runs: BTreeSet<&str> = writes.iter().flat_map(|write| &write.0).filter_map(change::about).collect();
    let mut text = broker.to_owned();
    for run in runs {
        text.push(' ');
        text.push_str(run);
        if text.len() > MAX_ANNOUNCED {
            return format!("{broker} *");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::UnixMillis;
    use welkin_records::RunId;

    #[test]
    fn an_announcement_names_each_run_once_or_says_that_there_are_too_many() {
        let cancel = |number: usize| {
            let run = RunId(format!("run-{number}"));
            Write::from(Change::CancelRequested { run, at: UnixMillis(1) })
        };
        assert_eq!(announced("me", &[cancel(1), cancel(2), cancel(1)]), "me run-1 run-2");
        assert_eq!(announced("me", &(0..2000).map(cancel).collect::<Vec<_>>()), "me *");
    }
}
