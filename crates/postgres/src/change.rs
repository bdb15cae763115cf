//! What each change is in SQL: statements as data, so that those of many writes can be sent without waiting for the answers
//! in between.

use crate::schema::{WITH_PROJECTS, open};
use crate::text::{Param, Result, json, millis, signed};
use welkin_ledger::{Entry, EntryKind, Usage, month_of};
use welkin_provider::{Event, UnixMillis};
use welkin_records::{
    Change, Claim, ClusterRole, Gone, LEFT_OUT, Project, RunId, RunRow, RunState, StepKey, left_out_words,
    line_of, spent_by,
};
use welkin_units::Usd;

/// A statement with its values.
pub(crate) struct Op {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Param>,
    pub(crate) wants: Wants,
    /// What is tried, for whoever reads that it failed.
    pub(crate) what: &'static str,
}

/// How many rows it has to touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Any number.
    Any,
    /// One; the write is refused otherwise.
    One,
    /// Any number, which is counted as lines that went.
    Lines,
    /// One where there is nothing to judge; what is claimed is judged otherwise.
    Judged,
}

/// Key under which is kept how far runs were forgotten. No run has such a name.
pub(crate) const HORIZON: &str = "forgotten up to record";

/// Of a run that was forgotten.
pub(crate) fn forgotten(run: &RunId) -> String {
    format!("forgotten {run}")
}

const HELD: &str = "SELECT 1 FROM lease WHERE run = $1 AND broker = $2 AND fence = $3
    AND EXISTS (SELECT 1 FROM broker WHERE id = $2)";

const SUBMITTED: &str = concat!(
    "INSERT INTO run (id, client_token, name, plan, job, base_dir, state, submitted, cluster, project)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $13
    WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = $10)
    AND NOT EXISTS (SELECT 1 FROM run WHERE $11 AND cluster = $9 AND ",
    open!(),
    ")
    AND ($12::text IS NULL OR EXISTS (
        SELECT 1 FROM run WHERE id = $12 AND state IN ('planned', 'running') AND cluster LIKE 'holds %'))
    ON CONFLICT DO NOTHING"
);

/// Whoever takes a submission has the run, unless it works on a cluster that another broker has: where that goes, it goes.
const SUBMITTED_LEASE: &str = "INSERT INTO lease (run, broker, fence) SELECT $1, $2, 1
    WHERE $3::text IS NULL OR EXISTS (SELECT 1 FROM lease WHERE run = $3 AND broker = $2)";

const PROVIDERS: &str = "INSERT INTO provider_used (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";

const RECORDED: &str = "INSERT INTO record (seq, run, at, body) VALUES ($1, $2, $3, $4)";

const STATE: &str = "UPDATE run SET state = $2, job = CASE WHEN $3 THEN NULL ELSE job END WHERE id = $1";

const NO_LEASE: &str = "DELETE FROM lease WHERE run = $1";

const TOLD: &str = "INSERT INTO node_event (run, task, attempt, phase, rank, seq, at, stream, body)
    SELECT $1, $2, $3, $4, $5, event.seq, event.at, event.stream, event.body
    FROM unnest($6::bigint[], $7::bigint[], $8::text[], $9::bytea[]) WITH ORDINALITY
        AS event (seq, at, stream, body, place)
    ORDER BY event.place ON CONFLICT DO NOTHING";

const LINES_GONE: &str = "DELETE FROM node_event
    WHERE run = $1 AND task = $2 AND attempt = $3 AND phase = $4 AND rank = $5
    AND seq BETWEEN $6 AND $7 AND seq <> $8 AND stream IS NOT NULL";

const LINES_MARK: &str = "UPDATE node_event SET stream = $7, body = $8
    WHERE run = $1 AND task = $2 AND attempt = $3 AND phase = $4 AND rank = $5 AND seq = $6";

const BOOKED: &str =
    "INSERT INTO ledger (id, run, at, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";

/// What was spent, for the project and for the run itself, and what moved, where something did. Sums end where numbers do.
const BOOKED_SPENT: &str = "WITH added AS (
        INSERT INTO ledger (id, run, at, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING RETURNING 1),
    moving AS (
        INSERT INTO moved (month, source, target, bytes) SELECT $5, $6, $7, $8 FROM added WHERE $5::bigint IS NOT NULL
        ON CONFLICT (month, source, target) DO UPDATE SET bytes = moved.bytes + excluded.bytes),
    own AS (
        UPDATE claim SET spent = least(claim.spent::numeric + $9::bigint, 9223372036854775807)::bigint
        WHERE run = $2 AND lease = '' AND EXISTS (SELECT 1 FROM added))
    INSERT INTO spent (project, month, nanos)
        SELECT coalesce(run.project, 'default'), part.month, part.nanos
        FROM added, run, unnest($10::bigint[], $11::bigint[]) AS part (month, nanos) WHERE run.id = $2
    ON CONFLICT (project, month)
        DO UPDATE SET nanos = least(spent.nanos::numeric + excluded.nanos, 9223372036854775807)::bigint";

const NEW_PROJECT: &str =
    "INSERT INTO project (name, version, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const SET_PROJECT: &str = "UPDATE project SET version = $2, body = $3 WHERE name = $1 AND version = $4";

/// The pen is held: nothing begins in it meanwhile.
const REMOVE_PROJECT: &str = "UPDATE project SET version = $2, body = $3 WHERE name = $1 AND version = $4
    AND NOT EXISTS (SELECT 1 FROM claim WHERE project = $1)";

/// Programs that do not count what they use are let in no more.
const SHUT_OUT: &str = "UPDATE version SET least = greatest(least, $1)";

/// One row where nobody has limited what a run takes.
const UNLIMITED: &str = "SELECT 1 FROM run WHERE id = $1 AND project IS NULL
    AND NOT EXISTS (SELECT 1 FROM project WHERE name = 'default')";

const CLAIMED: &str = "INSERT INTO claim (run, lease, project, body)
    SELECT id, $2, coalesce(project, 'default'), $3 FROM run WHERE id = $1
    ON CONFLICT (run, lease) DO UPDATE SET body = excluded.body";

const UNCLAIMED: &str = "DELETE FROM claim WHERE run = $1 AND lease = $2";

const RELEASED: &str = "DELETE FROM claim WHERE run = $1";

const CANCEL: &str = "INSERT INTO request (run, what, at) VALUES ($1, 'cancel', $2) ON CONFLICT DO NOTHING";

const IDENTITY: &str = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const LINES_FORGOTTEN: &str = "DELETE FROM node_event
    WHERE id IN (SELECT id FROM node_event WHERE run = $1 ORDER BY id LIMIT $2)";

const SET_HORIZON: &str = "INSERT INTO meta (key, value) SELECT $1, last::text FROM pen
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// Everything that is kept of a run.
const FORGOTTEN: [&str; 7] = [
    "DELETE FROM node_event WHERE run = $1",
    "DELETE FROM record WHERE run = $1",
    "DELETE FROM ledger WHERE run = $1",
    "DELETE FROM request WHERE run = $1",
    RELEASED,
    NO_LEASE,
    "DELETE FROM run WHERE id = $1",
];

fn op(what: &'static str, sql: &'static str, params: Vec<Param>) -> Op {
    Op { sql, params, wants: Wants::Any, what }
}

macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as Param),*] };
}
pub(crate) use params;

/// The run that a change is about, for those who watch it.
pub(crate) fn about(change: &Change) -> Option<&str> {
    match change {
        Change::Identity { .. } | Change::Held { .. } | Change::Project { .. } => None,
        Change::Submitted { row, .. } => Some(&row.id.0),
        Change::Booked { entry, .. } => Some(&entry.run),
        Change::Recorded { run, .. }
        | Change::State { run, .. }
        | Change::Claimed { run, .. }
        | Change::Told { run, .. }
        | Change::CancelRequested { run, .. }
        | Change::LinesForgotten { run, .. }
        | Change::Forgotten { run } => Some(&run.0),
    }
}

/// The statements of a change that `broker` makes; `number` gives the next number of a record.
pub(crate) fn ops(change: &Change, broker: &str, number: &mut impl FnMut() -> u64) -> Result<Vec<Op>> {
    Ok(match change {
        Change::Held { run, fence } => {
            let params = params![run.0.clone(), broker.to_owned(), signed(fence.0)];
            vec![Op { wants: Wants::One, ..op("looking who has a run", HELD, params) }]
        }
        Change::Identity { key, value } => {
            vec![op("writing the identity of the store", IDENTITY, params![*key, value.clone()])]
        }
        Change::Submitted { row, client_token, providers } => {
            let names: Vec<String> = providers.iter().map(String::from).collect();
            let mut ops = submitted(row, client_token.as_deref(), broker);
            ops.push(op("recording the providers of a plan", PROVIDERS, params![names]));
            ops
        }
        Change::Project { was, project } => project_of(*was, project)?,
        Change::Claimed { run, lease, claim, judged, .. } => {
            claimed(run, lease.as_deref(), claim.as_ref(), *judged)?
        }
        Change::Recorded { run, at, record } => {
            let params = params![signed(number()), run.0.clone(), millis(*at), json(record)?];
            vec![op("appending a record", RECORDED, params)]
        }
        Change::State { run, state } => state_of(run, *state),
        Change::Told { run, step, events, gone } => told(run, *step, events, gone.as_ref())?,
        Change::Booked { at, entry } => vec![booked(*at, entry)?],
        Change::CancelRequested { run, at } => {
            vec![op("recording a request", CANCEL, params![run.0.clone(), millis(*at)])]
        }
        Change::LinesForgotten { run, most } => {
            let params = params![run.0.clone(), i64::from(*most)];
            vec![Op { wants: Wants::Lines, ..op("deleting the logs of a run", LINES_FORGOTTEN, params) }]
        }
        Change::Forgotten { run } => {
            let each = |sql| op("deleting a run", sql, params![run.0.clone()]);
            let mut ops: Vec<Op> = FORGOTTEN.into_iter().map(each).collect();
            ops.push(op("remembering a name", IDENTITY, params![forgotten(run), String::new()]));
            ops.push(op("writing how far runs were forgotten", SET_HORIZON, params![HORIZON]));
            ops
        }
    })
}

fn submitted(row: &RunRow, client_token: Option<&str>, broker: &str) -> Vec<Op> {
    let on = match &row.cluster {
        Some(ClusterRole::On(run)) => Some(run.0.clone()),
        _ => None,
    };
    let holds = matches!(row.cluster, Some(ClusterRole::Holds(_)));
    let params = params![
        row.id.0.clone(),
        client_token.map(str::to_owned),
        row.name.clone(),
        row.plan.clone(),
        row.job.clone(),
        row.base_dir.clone(),
        row.state.clone(),
        millis(row.submitted),
        row.cluster.as_ref().map(ClusterRole::key),
        forgotten(&row.id),
        holds,
        on.clone(),
        row.project.clone(),
    ];
    let what = "recording a submission";
    vec![
        Op { wants: Wants::One, ..op(what, SUBMITTED, params) },
        op(what, SUBMITTED_LEASE, params![row.id.0.clone(), broker.to_owned(), on]),
    ]
}

fn state_of(run: &RunId, state: RunState) -> Vec<Op> {
    let what = "recording the state of a run";
    let mut ops = vec![op(what, STATE, params![run.0.clone(), state.name(), state.is_over()])];
    if state.is_over() {
        ops.push(op(what, NO_LEASE, params![run.0.clone()]));
        ops.push(op(what, RELEASED, params![run.0.clone()]));
    }
    ops
}

fn project_of(was: u64, project: &Project) -> Result<Vec<Op>> {
    let what = "recording a project";
    let mut params = params![project.name.clone(), signed(project.version), json(project)?];
    let sql = match was {
        0 => NEW_PROJECT,
        was => {
            params.push(Box::new(signed(was)));
            if project.removed { REMOVE_PROJECT } else { SET_PROJECT }
        }
    };
    Ok(vec![Op { wants: Wants::One, ..op(what, sql, params) }, op(what, SHUT_OUT, params![WITH_PROJECTS])])
}

fn claimed(run: &RunId, lease: Option<&str>, claim: Option<&Claim>, judged: bool) -> Result<Vec<Op>> {
    let what = "recording what a run takes of its project";
    let lease = lease.unwrap_or_default().to_owned();
    let Some(claim) = claim else { return Ok(vec![op(what, UNCLAIMED, params![run.0.clone(), lease])]) };
    let judge = Op { wants: Wants::Judged, ..op(what, UNLIMITED, params![run.0.clone()]) };
    let claim = op(what, CLAIMED, params![run.0.clone(), lease, json(claim)?]);
    Ok(judged.then_some(judge).into_iter().chain([claim]).collect())
}

fn told(run: &RunId, step: StepKey, events: &[Event], gone: Option<&Gone>) -> Result<Vec<Op>> {
    let mut ops = Vec::new();
    if !events.is_empty() {
        let (mut numbers, mut times) = (Vec::new(), Vec::new());
        let (mut streams, mut bodies): (Vec<Option<String>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for event in events {
            let (stream, body) = match line_of(&event.kind) {
                Some((stream, text)) => (Some(stream), text.to_owned()),
                None => (None, json(&event.kind)?),
            };
            numbers.push(signed(event.seq));
            times.push(millis(event.at));
            streams.push(stream);
            // A line may hold any character; text of PostgreSQL may not.
            bodies.push(body.into_bytes());
        }
        let mut params = key(run, step);
        params.extend(params![numbers, times, streams, bodies]);
        ops.push(op("appending events of a node", TOLD, params));
    }
    if let Some(gone) = gone {
        let what = "shortening the log of a step";
        let mark = signed(gone.mark);
        let mut params = key(run, step);
        params.extend(params![signed(gone.from), signed(gone.to), mark]);
        ops.push(op(what, LINES_GONE, params));
        let mut params = key(run, step);
        params.extend(params![mark, LEFT_OUT, left_out_words(gone.lines).into_bytes()]);
        ops.push(op(what, LINES_MARK, params));
    }
    Ok(ops)
}

/// Which step, as the first five values.
pub(crate) fn key(run: &RunId, step: StepKey) -> Vec<Param> {
    let StepKey { attempt, phase, rank } = step;
    let task = signed(attempt.task as u64);
    params![run.0.clone(), task, i64::from(attempt.number), phase.name(), i64::from(rank)]
}

fn booked(at: UnixMillis, entry: &Entry) -> Result<Op> {
    let what = "appending to the ledger";
    let mut params = params![entry.id().0, entry.run.clone(), millis(at), json(entry)?];
    let spent = spent_by(entry, at);
    let moved = match &entry.kind {
        EntryKind::Charge { event } => match &event.usage {
            Usage::Egress(moved) => Some((event, moved)),
            Usage::Vm(_) => None,
        },
        _ => None,
    };
    if spent.is_empty() && moved.is_none() {
        return Ok(op(what, BOOKED, params));
    }
    params.extend(match moved {
        Some((event, moved)) => {
            let (source, target) = (json(&event.place)?, json(&moved.to)?);
            let month = i64::from(month_of(event.to));
            params![Some(month), Some(source), Some(target), Some(signed(moved.bytes.get()))]
        }
        None => params![None::<i64>, None::<String>, None::<String>, None::<i64>],
    });
    let sum: Usd = spent.iter().map(|(_, amount)| *amount).sum();
    let months: Vec<i64> = spent.iter().map(|(month, _)| i64::from(*month)).collect();
    let nanos: Vec<i64> = spent.iter().map(|(_, amount)| amount.nanos()).collect();
    params.extend(params![sum.nanos(), months, nanos]);
    Ok(op(what, BOOKED_SPENT, params))
}
