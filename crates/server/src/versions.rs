//! Versions of what can be asked: a tag with each list and each run, by which nothing is sent twice and nobody acts on what
//! has changed since they looked.
//!
//! The tag of a run is the number of its last record, so it is another one whenever anything was put on record about it; that
//! of a list is a digest of it. A write whose `If-Match` names none
//! that the run has at present is not done (412). Writes of one run that name a tag are held against it and done one after
//! the other: of two that were sent with the same tag the second is refused, if the first has put anything on record. What
//! the run itself does meanwhile is no conflict: a wish is what its driver makes of it. The tag of a project is how often it was
//! changed.

use crate::problem::Problem;
use crate::served::Served;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;
use welkin_broker::RunId;

/// Lists that have a tag.
const LIST: &str = "/v1/runs";

/// What else has one.
const ONE: &str = "/v1/runs/{run}";

/// What is held against its tag by whoever answers it: in the write itself.
const PROJECT: &str = "/v1/projects/{project}";

/// Likewise, once body and headers were read: what is wrong with a request is said before what has changed (RFC 9110, 13.2.1).
const READ_FIRST: [&str; 2] = ["/v1/runs/{run}/autostop", "/v1/runs/{run}/ssh"];

/// An answer that is longer has none: it would have to be in memory whole.
const MOST_BYTES: usize = 64 << 20;

/// Those that write at a run with a tag, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<BTreeMap<RunId, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, run: &RunId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(run).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(run.clone(), Arc::downgrade(&turn));
        turn
    }
}

/// Puts a tag to what is read, and holds what is written against the tag that comes with it.
pub(crate) async fn tagged(
    State(served): State<Arc<Served>>,
    path: MatchedPath,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    // A path that cannot be read is refused by whoever answers it, in the form of all refusals.
    let Ok(params) = params else { return next.run(request).await };
    if request.method() == Method::HEAD {
        return next.run(request).await;
    }
    let run = params.iter().find(|(name, _)| *name == "run").map(|(_, run)| RunId(run.to_owned()));
    if request.method() == Method::GET {
        let known = header_of(request.headers(), header::IF_NONE_MATCH);
        // Before the answer is made: what is newer than its tag is at worst refused once.
        let tag = match (path.as_str(), &run) {
            (LIST, _) => None,
            (ONE, Some(run)) => Some(version(&served, run)),
            _ => return next.run(request).await,
        };
        return read(next.run(request).await, tag, known.as_deref()).await;
    }
    let Some(wanted) = header_of(request.headers(), header::IF_MATCH) else { return next.run(request).await };
    if path.as_str().starts_with(PROJECT) || READ_FIRST.contains(&path.as_str()) {
        return next.run(request).await;
    }
    let Some(run) = run else {
        return Problem::request("only what is written at a run or a project takes `If-Match`")
            .into_response();
    };
    let (_alone, refused) = held(&served, &run, &wanted).await;
    match refused {
        None => next.run(request).await,
        Some(refused) => refused,
    }
}

/// As [`held`], by the headers of a request.
pub(crate) async fn held_by(
    served: &Served,
    run: &RunId,
    headers: &HeaderMap,
) -> Result<Option<OwnedMutexGuard<()>>, Box<Response>> {
    let Some(wanted) = header_of(headers, header::IF_MATCH) else { return Ok(None) };
    match held(served, run, &wanted).await {
        (_, Some(refused)) => Err(Box::new(refused)),
        (alone, None) => Ok(Some(alone)),
    }
}

/// Waits for the turn of a write at a run, and holds it against the tag that came with it: the answer to one that is not done.
async fn held(served: &Served, run: &RunId, wanted: &str) -> (OwnedMutexGuard<()>, Option<Response>) {
    let alone = served.turns.of(run).lock_owned().await;
    // What is wrong with the run is told as without a tag.
    if served.reader.status(run).is_err() {
        return (alone, None);
    }
    let present = version(served, run);
    if matches(wanted, &present, false) {
        return (alone, None);
    }
    let title = format!("{run} has changed since it was looked at");
    let problem = Problem::new(StatusCode::PRECONDITION_FAILED, "broker::changed", title);
    let problem = problem.hint("look at it again, and send the `ETag` that comes with it");
    (alone, Some(with_tag(problem.into_response(), &present)))
}

/// The tag of a run. One that cannot be read has an answer that says so, and no tag.
fn version(served: &Served, run: &RunId) -> String {
    let last = served.reader.events(run, 0).unwrap_or_default().last().map_or(0, |record| record.seq);
    format!("\"{last}\"")
}

async fn read(response: Response, tag: Option<String>, known: Option<&str>) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        let words = "the answer is too long";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", words).into_response();
    };
    let tag = tag.unwrap_or_else(|| digest(&body));
    let body = if known.is_some_and(|known| matches(known, &tag, true)) {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::CONTENT_TYPE);
        Bytes::new()
    } else {
        body
    };
    with_tag(Response::from_parts(head, Body::from(body)), &tag)
}

fn digest(body: &[u8]) -> String {
    format!("\"{}\"", &blake3::hash(body).to_hex()[..32])
}

fn with_tag(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A header that may come in several parts.
pub(crate) fn header_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let parts: Vec<&str> = headers.get_all(name).iter().map(|part| part.to_str().unwrap_or("?")).collect();
    (!parts.is_empty()).then(|| parts.join(","))
}

/// Whether a list of tags, or `*`, names this one (RFC 9110, 13.1). Weak tags count for what is read alone. Tags of ours hold
/// no comma.
pub(crate) fn matches(list: &str, tag: &str, weakly: bool) -> bool {
    let named = |part: &str| {
        let part = part.trim();
        part == "*" || part == tag || weakly && part.strip_prefix("W/") == Some(tag)
    };
    list.split(',').any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_a_tag_as_the_standard_has_it() {
        let tag = digest(b"body");
        for (list, strongly, weakly) in [
            (tag.clone(), true, true),
            (format!("\"x\" , {tag}"), true, true),
            (format!("W/{tag}"), false, true),
            ("*".to_owned(), true, true),
            ("\"x\"".to_owned(), false, false),
            (tag.trim_matches('"').to_owned(), false, false),
            (String::new(), false, false),
        ] {
            assert_eq!(
                (matches(&list, &tag, false), matches(&list, &tag, true)),
                (strongly, weakly),
                "{list}"
            );
        }
    }
}
