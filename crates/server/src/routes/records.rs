//! The records, to look at: for commands on other machines, which make of them what they show here too.

use crate::asked::Body;
use crate::bodies::{Answers, turn};
use crate::problem::Problem;
use crate::routes::runs::within;
use crate::rows::{Rows, answer, whole};
use crate::scope::{Asker, Scope, scope};
use crate::served::Served;
use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use welkin_api::wire::Question;
#[cfg(feature = "document")]
use welkin_api::wire::{Problem as Failure, QuestionWire};
use welkin_broker::StoreError;
use welkin_records::{Records, RunLine, Which};

/// A question names a run or two.
pub(crate) const MAX_QUESTION_BYTES: usize = 64 << 10;

/// Rows in one answer, at most.
const MOST: u32 = 1000;

/// Lines that a tail has, at most: of each one number is kept meanwhile.
pub(crate) const MOST_TAIL: u32 = 1_000_000;

/// A look at the records, as rows.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/records",
        operation_id = "look_at_records",
        request_body(content = QuestionWire, description = "The name of a call of the records, or an object of it and what it is given"),
        responses(
            (status = 200, body = serde_json::Value, description = "What the call of this name gives"),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn look(
    State(served): State<Arc<Served>>,
    asker: Asker,
    answers: Option<Extension<Answers>>,
    Body(question): Body<Question>,
) -> Result<Response, Problem> {
    sound(&question)?;
    let scope = scope(asker);
    let held = turn(answers).await;
    if !scope.sees_all()
        && let Some(Json(answer)) = narrowed(&served, &scope, &question).await?
    {
        return Ok(whole(answer.to_string(), held));
    }
    let rows = match question {
        Question::Runs(Which::All) => Rows::Runs(scope, Vec::new()),
        Question::History(run, after) => Rows::History(run, after, false),
        Question::Entries(run) => Rows::Entries(run, 0),
        Question::Story(run) => {
            let Some(mut row) = served.reader.records().row(&run).await? else {
                return Ok(whole("null".to_owned(), held));
            };
            // It may hold secrets, sealed for this machine.
            row.job = None;
            let head = format!("[{},[", json(&row)?.0);
            return answer(served, Rows::History(run, 0, true), head, "]]", held).await;
        }
        question => return Ok(whole(short(&served, question).await?.0.to_string(), held)),
    };
    answer(served, rows, "[".to_owned(), "]", held).await
}

/// Indices of tasks, and numbers of records and rows, as the document has them.
fn sound(question: &Question) -> Result<(), Problem> {
    let (task, number) = match question {
        Question::Logs(_, task, number, _) => (task.unwrap_or(0), *number),
        Question::Tail(_, task, _) => (task.unwrap_or(0), 0),
        Question::History(_, number) | Question::Since(number, _) => (0, *number),
        _ => return Ok(()),
    };
    within("task", task, 0, i32::MAX as usize)?;
    within("number", number, 0, i64::MAX.unsigned_abs()).map(drop)
}

/// An answer that is no longer than what the broker holds in memory of itself, or than what was asked for.
async fn short(served: &Served, question: Question) -> Result<Json<Value>, Problem> {
    let records = served.reader.records();
    match question {
        Question::Identity(key) => json(&records.identity(&key).await?),
        Question::IsFree(run) => json(&records.is_free(&run).await?),
        Question::Runs(which) => {
            if let Which::Before(_, limit) | Which::After(_, limit) = which {
                within("limit", limit, 0, MOST)?;
            }
            json(&records.runs(which).await?)
        }
        Question::Since(after, limit) => json(&records.since(after, within("limit", limit, 0, MOST)?).await?),
        Question::Logs(run, task, after, limit) => {
            json(&records.logs(&run, task, after, within("limit", limit, 0, MOST)?).await?)
        }
        Question::Tail(run, task, lines) => {
            json(&records.tail(&run, task, within("lines", lines, 0, MOST_TAIL)?).await?)
        }
        Question::LogBytes(run) => json(&records.log_bytes(&run).await?),
        Question::Cancels => json(&records.cancels().await?),
        Question::Moved(month) => json(&records.moved(month).await?),
        Question::ProvidersUsed => json(&records.providers_used().await?),
        Question::NewestOfOpen => json(&records.newest_of_open().await?),
        // Sent row by row.
        Question::Story(_) | Question::History(..) | Question::Entries(_) => json(&()),
    }
}

/// What somebody is answered who does not see everything; none where the answer is the same for all who may ask. What they
/// do not see is as what is not there.
async fn narrowed(
    served: &Served,
    scope: &Scope,
    question: &Question,
) -> Result<Option<Json<Value>>, Problem> {
    let records = served.reader.records();
    let run = match question {
        Question::IsFree(run)
        | Question::Story(run)
        | Question::History(run, _)
        | Question::Logs(run, ..)
        | Question::Tail(run, ..)
        | Question::LogBytes(run)
        | Question::Entries(run) => run,
        // What is kept beside is for everybody, but for the names of runs that were forgotten.
        Question::Identity(key) => {
            let is_known = ["salt", "owner"].contains(&key.as_str());
            return if is_known { Ok(None) } else { json(&None::<String>).map(Some) };
        }
        // Row by row.
        Question::Runs(Which::All) => return Ok(None),
        Question::Runs(which @ (Which::Before(_, limit) | Which::After(_, limit))) => {
            let limit = within("limit", *limit, 0, MOST)?;
            let sees = |line: &RunLine| scope.sees(line.project.as_deref());
            return json(&found(records, which.clone(), limit, sees).await?).map(Some);
        }
        Question::Runs(Which::Latest(name)) => {
            let sees = |line: &RunLine| {
                scope.sees(line.project.as_deref()) && name.as_ref().is_none_or(|name| line.name == *name)
            };
            return json(&found(records, Which::Before(None, MOST), 1, sees).await?).map(Some);
        }
        Question::Runs(which) => {
            let mut lines = records.runs(which.clone()).await?;
            lines.retain(|line| scope.sees(line.project.as_deref()));
            return json(&lines).map(Some);
        }
        Question::Since(after, limit) => {
            let mut since = records.since(*after, within("limit", *limit, 0, MOST)?).await?;
            let mut seen = Vec::with_capacity(since.records.len());
            for (run, record) in std::mem::take(&mut since.records) {
                if served.shows(scope, &run)? {
                    seen.push((run, record));
                }
            }
            since.records = seen;
            return json(&since).map(Some);
        }
        Question::Cancels => {
            let mut seen = BTreeSet::new();
            for run in records.cancels().await? {
                if served.shows(scope, &run)? {
                    seen.insert(run);
                }
            }
            return json(&seen).map(Some);
        }
        // Sums, which name nobody: what moves is priced by them.
        Question::Moved(_) | Question::ProvidersUsed | Question::NewestOfOpen => return Ok(None),
    };
    if served.shows(scope, run)? {
        return Ok(None);
    }
    Ok(Some(match question {
        Question::IsFree(_) => json(&true)?,
        Question::Story(_) => json(&None::<()>)?,
        Question::Tail(..) | Question::LogBytes(_) => json(&0)?,
        _ => json(&Vec::<()>::new())?,
    }))
}

/// The first so many runs of a list that are looked for, which is read in pages.
async fn found(
    records: &dyn Records,
    which: Which,
    limit: u32,
    sees: impl Fn(&RunLine) -> bool,
) -> Result<Vec<RunLine>, StoreError> {
    let (mut after, onwards) = match which {
        Which::After(after, _) => (after, true),
        Which::Before(before, _) => (before, false),
        _ => (None, false),
    };
    let mut found = Vec::new();
    loop {
        let which = if onwards { Which::After(after, MOST) } else { Which::Before(after, MOST) };
        let lines = records.runs(which).await?;
        let more = lines.len() >= MOST as usize;
        after = lines.last().map(|line| line.id.clone());
        found.extend(lines.into_iter().filter(|line| sees(line)));
        found.truncate(limit as usize);
        if !more || found.len() >= limit as usize {
            return Ok(found);
        }
        // There may be a million of others, and somebody waits.
        tokio::task::yield_now().await;
    }
}

fn json(value: &impl Serialize) -> Result<Json<Value>, Problem> {
    Ok(Json(serde_json::to_value(value).map_err(|source| StoreError::Body { source })?))
}
