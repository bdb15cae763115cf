//! The records, to look at: for commands on other machines, which make of them what they show here too.

use crate::asked::Body;
use crate::problem::Problem;
use crate::routes::runs::within;
use crate::scope::{Asker, Scope, scope};
use crate::served::Served;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::Question;
use welkin_broker::StoreError;
use welkin_records::Which;

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
        request_body = Object,
        responses(
            (status = 200, description = "What the call of this name gives"),
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
    Body(question): Body<Question>,
) -> Result<Json<Value>, Problem> {
    let scope = scope(asker);
    if !scope.sees_all()
        && let Some(answer) = narrowed(&served, &scope, &question).await?
    {
        return Ok(answer);
    }
    let records = served.reader.records();
    match question {
        Question::Identity(key) => json(&records.identity(&key).await?),
        Question::IsFree(run) => json(&records.is_free(&run).await?),
        Question::Runs(which) => json(&records.runs(which).await?),
        Question::Story(run) => {
            let mut story = records.story(&run).await?;
            if let Some((row, _)) = &mut story {
                // It may hold secrets, sealed for this machine.
                row.job = None;
            }
            json(&story)
        }
        Question::History(run, after) => json(&records.history(&run, after).await?),
        Question::Since(after, limit) => json(&records.since(after, within("limit", limit, 0, MOST)?).await?),
        Question::Logs(run, task, after, limit) => {
            json(&records.logs(&run, task, after, within("limit", limit, 0, MOST)?).await?)
        }
        Question::Tail(run, task, lines) => {
            json(&records.tail(&run, task, within("lines", lines, 0, MOST_TAIL)?).await?)
        }
        Question::LogBytes(run) => json(&records.log_bytes(&run).await?),
        Question::Entries(run) => json(&records.entries(&run).await?),
        Question::Cancels => json(&records.cancels().await?),
        Question::Moved(month) => json(&records.moved(month).await?),
        Question::ProvidersUsed => json(&records.providers_used().await?),
        Question::NewestOfOpen => json(&records.newest_of_open().await?),
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
        Question::Runs(Which::Before(before, limit)) => {
            let mut lines = records.runs(Which::All).await?;
            lines.retain(|line| scope.sees(line.project.as_deref()));
            lines.reverse();
            if let Some(at) = before.as_ref().and_then(|run| lines.iter().position(|line| line.id == *run)) {
                lines.drain(..=at);
            }
            lines.truncate(*limit as usize);
            return json(&lines).map(Some);
        }
        Question::Runs(Which::Latest(name)) => {
            let mut lines = records.runs(Which::All).await?;
            lines.retain(|line| {
                scope.sees(line.project.as_deref()) && name.as_ref().is_none_or(|name| line.name == *name)
            });
            lines.drain(..lines.len().saturating_sub(1));
            return json(&lines).map(Some);
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

fn json(value: &impl Serialize) -> Result<Json<Value>, Problem> {
    Ok(Json(serde_json::to_value(value).map_err(|source| StoreError::Body { source })?))
}
