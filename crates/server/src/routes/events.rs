//! What happened: over all runs as pages, of one run as a stream.

use crate::access::Standing;
use crate::asked::{Named, Wanted};
use crate::guests::LOOK;
use crate::problem::Problem;
use crate::routes::runs::within;
use crate::scope::{Asker, Scope, scope};
use crate::served::Served;
use crate::watch::{self, Cursor};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{Event, Events};
use welkin_broker::RunId;

/// Events on a page: unless asked otherwise, and at most.
const PAGE: (u32, u32) = (1000, 10_000);

/// The longest that a question waits for something to happen, in seconds.
const MAX_WAIT_S: u64 = 60;

#[derive(Debug, Deserialize)]
pub(crate) struct Since {
    #[serde(default)]
    since: u64,
    limit: Option<u32>,
    /// Seconds.
    #[serde(default)]
    wait: u64,
}

/// What happened after a number, over all runs.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/events",
        operation_id = "events",
        params(
            ("since" = Option<u64>, Query, description = "A number; from the beginning when absent"),
            ("limit" = Option<u32>, Query, description = "1,000 when absent", minimum = 1, maximum = 10000),
            ("wait" = Option<u64>, Query, description = "Seconds to wait for something", maximum = 60),
        ),
        responses(
            (status = 200, body = Events),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 410, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn of_all(
    State(served): State<Arc<Served>>,
    asker: Asker,
    standing: Option<Extension<Standing>>,
    Wanted(asked): Wanted<Since>,
) -> Result<Json<Events>, Problem> {
    let (mut scope, mut judged) = (scope(asker), Instant::now());
    let mut woken = served.hub.records();
    let mut ending = served.ending.subscribe();
    let limit = within("limit", asked.limit.unwrap_or(PAGE.0), 1, PAGE.1)?;
    let wait = within("wait", asked.wait, 0, MAX_WAIT_S)?;
    let mut since = within("since", asked.since, 0, i64::MAX.unsigned_abs())?;
    let until = Instant::now() + Duration::from_secs(wait);
    loop {
        woken.borrow_and_update();
        // Whoever waits may have been taken out of a project meanwhile.
        if let Some(Extension(standing)) = &standing
            && judged.elapsed() >= LOOK
        {
            (scope, judged) = (standing.scope().await?, Instant::now());
        }
        let page = page(&served, &scope, (asked.since, since), limit)?;
        if !page.events.is_empty() {
            return Ok(Json(page));
        }
        // All of it was of others: there may be more.
        if page.next > since {
            since = page.next;
            // There may be a million of them, and others wait.
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            _ = woken.changed() => {}
            // Nothing happened: the same number is where to go on.
            () = tokio::time::sleep_until(until) => return Ok(Json(page)),
            _ = ending.wait_for(|ending| *ending) => return Ok(Json(page)),
        }
    }
}

/// What is not there yet: whoever read on from other records, since replaced, would wait for it for ever.
fn beyond(what: &str, asked: u64, last: u64) -> Problem {
    let title = format!("there is no {what} {asked} yet: the last one is {last}");
    Problem::new(StatusCode::NOT_FOUND, "broker::gone", title)
        .hint("list the runs again, and go on from `as_of`")
}

/// Events after `since`, for whoever asked for those after `asked`.
fn page(served: &Served, scope: &Scope, (asked, since): (u64, u64), limit: u32) -> Result<Events, Problem> {
    let found = served.reader.since(since, limit)?;
    if since > found.last {
        return Err(beyond("record", since, found.last));
    }
    // Whoever asks for all that there is misses nothing, however far this has looked for them.
    if asked > 0 && asked < found.forgotten {
        let title = format!("events after {asked} are gone in part: runs were forgotten");
        return Err(Problem::new(StatusCode::GONE, "broker::gone", title)
            .oldest(found.forgotten)
            .hint("list the runs again, and go on from `as_of`"));
    }
    let event = |(run, (seq, at, record))| Event { seq, at, run, record };
    let next = found.records.last().map_or(since, |(_, (seq, ..))| *seq);
    let mut events = Vec::with_capacity(found.records.len());
    for (run, record) in found.records {
        if served.shows(scope, &run)? {
            events.push(event((run, record)));
        }
    }
    Ok(Events { events, next })
}

/// A run from its beginning, or from where `Last-Event-ID` says, to its end: a stream of items.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/runs/{run}/events",
        operation_id = "follow_run",
        params(
            ("run" = String, Path, description = "The run"),
            ("last-event-id" = Option<String>, Header, description = "The id of the last event that was seen"),
        ),
        responses(
            (status = 200, body = String, content_type = "text/event-stream"),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn of_run(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let from = Cursor::read(last)
        .ok_or_else(|| Problem::request(format!("`{last}` is no id of an event of this stream")))?;
    let (record, line) = (served.reader.since(u64::MAX >> 1, 0)?.last, served.reader.tail(&run, None, 0)?);
    match from {
        Cursor { record: asked, .. } if asked > record => return Err(beyond("record", asked, record)),
        Cursor { line: asked, .. } if asked > line => return Err(beyond("line", asked, line)),
        _ => {}
    }
    let pieces = watch::follow(served, run, from)?;
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((head, Body::from_stream(pieces)).into_response())
}
