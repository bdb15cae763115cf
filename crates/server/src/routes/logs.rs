//! What scripts wrote, by pages: from a line on, or the last lines. What is written later is followed in the events of the run.

use crate::asked::{Named, Wanted};
use crate::bodies::{Answers, turn};
use crate::problem::Problem;
use crate::routes::records::MOST_TAIL;
use crate::routes::runs::within;
use crate::rows::{json, whole};
use crate::served::Served;
use crate::watch;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use welkin_api::wire::Logs;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_broker::RunId;

/// Lines on a page, unless asked otherwise and at most; fewer where they are long.
const PAGE: u32 = 1000;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    task: Option<String>,
    since: Option<u64>,
    tail: Option<u32>,
    limit: Option<u32>,
}

/// Output of a run, as a page of lines.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/runs/{run}/logs",
        operation_id = "show_logs",
        params(
            ("run" = String, Path, description = "The run"),
            ("task" = Option<String>, Query, description = "A task of the run; all when absent"),
            ("since" = Option<u64>, Query, description = "Lines after this number; from the beginning when absent"),
            ("tail" = Option<u32>, Query, description = "Of these the last so many: the page begins with the first of them", maximum = 1000000),
            ("limit" = Option<u32>, Query, description = "Lines on the page, 1,000 when absent; fewer where they have 4 MiB", minimum = 1, maximum = 1000),
        ),
        responses(
            (status = 200, body = Logs),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn show(
    State(served): State<Arc<Served>>,
    answers: Option<Extension<Answers>>,
    Named(run): Named<RunId>,
    Wanted(asked): Wanted<Asked>,
) -> Result<Response, Problem> {
    let held = turn(answers).await;
    let limit = within("limit", asked.limit.unwrap_or(PAGE), 1, PAGE)?;
    let names: Vec<String> = served.reader.plan(&run)?.tasks.into_iter().map(|task| task.task).collect();
    let task = match &asked.task {
        None => None,
        Some(name) => match names.iter().position(|known| known == name) {
            Some(task) => Some(task),
            None => {
                let title = format!("{run} has no task `{name}`");
                return Err(Problem::new(StatusCode::NOT_FOUND, "run::no-such-task", title));
            }
        },
    };
    let since = within("since", asked.since.unwrap_or(0), 0, i64::MAX.unsigned_abs())?;
    let after = match asked.tail {
        None => since,
        Some(tail) => served.reader.tail(&run, task, within("tail", tail, 0, MOST_TAIL)?)?.max(since),
    };
    // One more than is shown: then there are more.
    let mut lines = served.reader.output(&run, &names, task, after, limit + 1)?;
    let bytes: usize = lines.iter().map(|line| line.line.len()).sum();
    let more = lines.len() > limit as usize || bytes >= welkin_records::PAGE_BYTES;
    lines.truncate(limit as usize);
    let next = lines.last().map_or(after, |line| line.id);
    let logs = Logs { lines: lines.into_iter().map(watch::line).collect(), next, more };
    Ok(whole(json(&logs)?, held))
}
