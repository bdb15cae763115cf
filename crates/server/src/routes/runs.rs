//! Runs: submitted, listed, shown, cancelled.

use crate::asked::{Body, Named, Wanted};
use crate::bodies::{Answers, turn};
use crate::guests::{FromElsewhere, Peer, from};
use crate::problem::Problem;
use crate::routes::{plans, uploads};
use crate::rows::{json, whole};
use crate::scope::{Asker, Scope, scope};
use crate::served::Served;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use serde::Deserialize;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{IDEMPOTENCY_KEY, NewRun, RunLine, Runs, Taken};
use welkin_broker::{
    ClusterRole, Manner, RunId, RunSummary, StoreError, Submission, SubmitError, is_cluster_name,
};
use welkin_job::wire::{Mirror, v1};
use welkin_units::Span;

/// The longest key of a submission, in bytes.
const MAX_KEY_BYTES: usize = 200;

/// Runs on a page: unless asked otherwise, and at most.
const PAGE: (u32, u32) = (100, 1000);

/// Takes work: the same key with the same plan gives the same run.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs",
        operation_id = "submit",
        params(
            ("idempotency-key" = String, Header, description = "Made by the client, one for each submission", min_length = 1, max_length = 200),
        ),
        request_body = NewRun,
        responses(
            (status = 201, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 403, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn submit(
    State(served): State<Arc<Served>>,
    peer: FromElsewhere,
    asker: Asker,
    headers: HeaderMap,
    Body(new): Body<NewRun>,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    let key = key(&headers)?;
    let (peer, scope) = (from(peer), scope(asker));
    let traced = Arc::clone(&served);
    // Whoever asked may hang up: a run that is on record is driven all the same.
    served.driver.turn.submitted();
    let work = tokio::spawn(async move {
        let cluster = new.cluster.clone();
        let run = take(&served, new, &key, peer.as_ref(), &scope).await?;
        served.driver.drive(run.clone(), cluster.as_ref());
        Ok(run)
    });
    let run = work.await.unwrap_or_else(|error| {
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", error.to_string()))
    })?;
    Ok((StatusCode::CREATED, Json(Taken { trace: trace(&traced, &run), run })))
}

/// Under which id its steps are collected, where they are.
fn trace(served: &Served, run: &RunId) -> Option<String> {
    let view = served.about.traces.then(|| served.reader.status(run).ok()).flatten()?;
    Some(view.trace_id().to_string())
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(Problem::request(format!(
            "a submission needs a header {IDEMPOTENCY_KEY} of 1 to {MAX_KEY_BYTES} characters"
        )));
    }
    Ok(key.to_owned())
}

async fn take(
    served: &Arc<Served>,
    new: NewRun,
    key: &str,
    peer: Option<&Peer>,
    scope: &Scope,
) -> Result<RunId, Problem> {
    sound(&new.manner, new.cluster.as_ref())?;
    let project = project(served, &new, scope)?;
    let _submitting = served.submitting(key).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "broker::in-use", "the same submission is under way")
            .hint("ask again with the same key")
    })?;
    let plan = plans::meant(served, &new.plan, peer)?;
    let job: v1::Job =
        serde_json::from_str(&new.job).map_err(|error| refused("the job cannot be used").because(&error))?;
    let job = job.domain();
    let submission = Submission {
        plan: &plan,
        job: &job,
        base_dir: PathBuf::from(new.base_dir),
        client_token: Some(key.to_owned()),
        manner: new.manner,
        cluster: new.cluster,
        project,
    };
    let Some(peer) = peer else { return Ok(served.broker.submit(submission).await?) };
    // Asked for twice it is one run, and the upload was used by the first.
    let unpacked = match &new.upload {
        Some(digest) => uploads::unpacked(served, peer, digest).await.map(Some),
        None => Ok(None),
    };
    let (brought, missing) = match unpacked {
        Ok(brought) => (brought, None),
        Err(problem) => (None, Some(problem)),
    };
    let submitted = served.broker.submit_from_elsewhere(submission, brought).await;
    submitted.map_err(|error| missing.unwrap_or_else(|| unseen(served, error, scope)))
}

/// Refuses what the command line would not ask for: what was asked of a cluster later is refused, too, and its name is shown
/// to others.
fn sound(manner: &Manner, cluster: Option<&ClusterRole>) -> Result<(), Problem> {
    sound_idle(manner.idle)?;
    match cluster {
        Some(ClusterRole::Holds(name)) if !is_cluster_name(name) => Err(refused(&format!(
            "{name:?} cannot name a cluster: lower-case letters, digits and `-`, a letter first, at most 40"
        ))),
        _ => Ok(()),
    }
}

/// The project of a submission: that of the cluster it is for, or the one that it names.
fn project(served: &Served, new: &NewRun, scope: &Scope) -> Result<Option<String>, Problem> {
    let Some(ClusterRole::On(run)) = &new.cluster else { return scope.submits(new.project.clone()) };
    let there = served.project_of(run)?.filter(|project| scope.role(project).is_some());
    match there {
        Some(project) => scope.submits(Some(project)).map(|_| new.project.clone()),
        None => Err(SubmitError::NoCluster { run: run.clone() }.into()),
    }
}

/// A refusal that names no run which somebody does not see.
fn unseen(served: &Served, error: SubmitError, scope: &Scope) -> Problem {
    let shows = |run: &RunId| served.shows(scope, run).unwrap_or_default();
    match &error {
        SubmitError::ClusterTaken { name, run } if !shows(run) => {
            refused(&format!("a cluster cannot be named {name}")).hint("another name can be had")
        }
        SubmitError::TokenReused { run } if !shows(run) => refused("the idempotency key was used before"),
        _ => error.into(),
    }
}

fn refused(title: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "run::refused", title)
}

/// A page that begins at a run which was removed is no page; one that begins at none is a mistake.
fn gone(served: &Served, error: StoreError) -> Problem {
    match &error {
        StoreError::NoSuchRun { run } if served.reader.was_there(run).unwrap_or_default() => {
            let title = format!("{run}, where the page begins, was removed");
            Problem::new(StatusCode::GONE, "broker::gone", title).hint("begin with the first page")
        }
        _ => error.into(),
    }
}

/// The same page of those that somebody sees.
async fn seen(
    served: &Served,
    scope: &Scope,
    before: Option<RunId>,
    limit: u32,
) -> Result<Vec<RunSummary>, Problem> {
    if let Some(run) = before.as_ref()
        && !served.shows(scope, run)?
    {
        return Err(Problem::no_such_run(&run.0));
    }
    let (mut seen, mut before) = (Vec::new(), before);
    loop {
        let page = served.reader.page(before.as_ref(), PAGE.1)?;
        let is_last = page.len() < PAGE.1 as usize;
        before = page.last().map(|run| run.id.clone());
        let own = page.into_iter().filter(|run| scope.sees(run.project.as_deref()));
        seen.extend(own.take(limit as usize - seen.len()));
        if is_last || seen.len() == limit as usize {
            return Ok(seen);
        }
        // There may be a million of others, and somebody waits.
        tokio::task::yield_now().await;
    }
}

/// A number, if it is within its bounds.
/// How long a cluster may be idle.
pub(super) fn sound_idle(span: Option<Span>) -> Result<(), Problem> {
    match span.map(Span::millis) {
        Some(0) => Err(Problem::request("`idle` is 0: a cluster that may not be idle at all is none")),
        Some(millis) => within("idle", millis, 1, i64::MAX.unsigned_abs()).map(drop),
        None => Ok(()),
    }
}

pub(super) fn within<T: PartialOrd + Display>(
    name: &str,
    number: T,
    least: T,
    most: T,
) -> Result<T, Problem> {
    match number < least || number > most {
        true => Err(Problem::request(format!("`{name}` is {number}, expected {least} to {most}"))),
        false => Ok(number),
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    before: Option<RunId>,
    limit: Option<u32>,
}

/// Runs, latest first.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/runs",
        operation_id = "list_runs",
        params(
            ("before" = Option<String>, Query, description = "The last run of the page before"),
            ("limit" = Option<u32>, Query, description = "100 when absent", minimum = 1, maximum = 1000),
            ("if-none-match" = Option<String>, Header, description = "The `ETag` of an answer that is at hand"),
        ),
        responses(
            (status = 200, body = Runs, headers(("etag" = String, description = "Another one when the answer is"))),
            (status = 304, description = "The answer is the one at hand"),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 410, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn list(
    State(served): State<Arc<Served>>,
    asker: Asker,
    Wanted(page): Wanted<Page>,
) -> Result<Json<Runs>, Problem> {
    let scope = scope(asker);
    // Before the list: what happens between the two is told twice rather than never.
    let as_of = served.reader.since(u64::MAX >> 1, 0)?.last;
    let limit = within("limit", page.limit.unwrap_or(PAGE.0), 1, PAGE.1)?;
    let runs = match scope.sees_all() {
        true => served.reader.page(page.before.as_ref(), limit).map_err(|error| gone(&served, error))?,
        false => seen(&served, &scope, page.before, limit).await?,
    };
    let next = (runs.len() == limit as usize).then(|| runs.last().map(|run| run.id.clone())).flatten();
    let line = |run: welkin_broker::RunSummary| RunLine {
        id: run.id,
        name: run.name,
        state: run.state,
        submitted: run.submitted,
        cluster: run.cluster,
        project: run.project,
        driven: run.driven,
    };
    Ok(Json(Runs { runs: runs.into_iter().map(line).collect(), next, as_of }))
}

/// One run.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/runs/{run}",
        operation_id = "show_run",
        params(
            ("run" = String, Path, description = "The run"),
            ("if-none-match" = Option<String>, Header, description = "The `ETag` of an answer that is at hand"),
        ),
        responses(
            (status = 200, body = Object, headers(("etag" = String, description = "Another one when the answer is"))),
            (status = 304, description = "The answer is the one at hand"),
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
) -> Result<Response, Problem> {
    let held = turn(answers).await;
    Ok(whole(json(&served.reader.status(&run)?)?, held))
}

/// Takes a run up again at once that could not go on.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs/{run}/resume",
        operation_id = "resume_run",
        params(
            ("run" = String, Path, description = "The run"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        responses(
            (status = 202, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn resume(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    if !served.reader.status(&run)?.state.is_over() {
        served.driver.fetch(&run).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(Taken { run, trace: None })))
}

/// Asks for the end of a run. It is on record when this answers; the end is an event.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs/{run}/cancel",
        operation_id = "cancel_run",
        params(
            ("run" = String, Path, description = "The run"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        responses(
            (status = 202, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn cancel(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
) -> Result<(StatusCode, Json<Taken>), Problem> {
    served.broker.request_cancel(&run).await?;
    served.driver.go_on(run.clone(), None);
    Ok((StatusCode::ACCEPTED, Json(Taken { run, trace: None })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_as_the_command_line_would_and_may_be_idle_for_a_while() {
        let holds = |name: &str| sound(&Manner::default(), Some(&ClusterRole::Holds(name.to_owned())));
        for name in ["dev", "a", "gpu-box-2"] {
            holds(name).unwrap();
        }
        for name in ["", "-x", "2", "Dev", "a b", "a\x1b[2J", "a/b", &"a".repeat(41)] {
            let refused = holds(name).unwrap_err().wire();
            assert_eq!((refused.status, refused.code.as_str()), (422, "run::refused"), "{name:?}");
            assert!(!refused.title.contains('\x1b'), "{}", refused.title);
        }
        let idle = |idle| {
            sound(&Manner { idle, ..Manner::default() }, None).map_err(|problem| problem.wire().status)
        };
        assert_eq!([None, Some(Span::from_secs(1)), Some(Span::ZERO)].map(idle), [Ok(()), Ok(()), Err(400)]);
    }
}
