//! The records, to look at: for commands on other machines, which make of them what they show here too.

use crate::asked::Body;
use crate::problem::Problem;
use crate::routes::runs::within;
use crate::served::Served;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::Question;
use welkin_broker::StoreError;

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
    Body(question): Body<Question>,
) -> Result<Json<Value>, Problem> {
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

fn json(value: &impl Serialize) -> Result<Json<Value>, Problem> {
    Ok(Json(serde_json::to_value(value).map_err(|source| StoreError::Body { source })?))
}
