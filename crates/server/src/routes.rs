//! What can be asked, one room for each resource.

pub(crate) mod clusters;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod plans;
pub(crate) mod projects;
pub(crate) mod records;
pub(crate) mod runs;
pub(crate) mod ssh;
pub(crate) mod sweep;
pub(crate) mod uploads;

use crate::access::{Access, Guard, guard};
use crate::problem::Problem;
use crate::served::Served;
use crate::versions::tagged;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use std::sync::Arc;
use welkin_api::wire::{MAX_BODY_BYTES, ROOT};

/// What can be asked, as it is committed; a test makes it again and compares.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

pub(crate) fn all(served: Arc<Served>) -> Router {
    let metered = Arc::clone(&served);
    let paths = Router::new()
        .route("/health", get(health::show))
        .route("/stop", post(health::stop))
        .route("/plans/{digest}", put(plans::show))
        .route("/runs", get(runs::list).post(runs::submit))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/cancel", post(runs::cancel))
        .route("/runs/{run}/resume", post(runs::resume))
        .route("/runs/{run}/down", post(sweep::down))
        .route("/runs/{run}/autostop", put(clusters::autostop))
        .route("/runs/{run}/stop", post(clusters::stop))
        .route("/runs/{run}/start", post(clusters::start))
        .route("/runs/{run}/ssh", get(ssh::count).post(ssh::enter))
        .route("/runs/{run}/events", get(events::of_run))
        .route("/runs/{run}/logs", get(logs::show))
        .route("/events", get(events::of_all))
        .route("/records", post(records::look).layer(DefaultBodyLimit::max(records::MAX_QUESTION_BYTES)))
        .route("/uploads/{upload}", get(uploads::show).post(uploads::add))
        .route("/projects", get(projects::list))
        .route("/projects/{project}", get(projects::show).put(projects::set).delete(projects::end))
        .route("/projects/{project}/members/{member}", put(projects::add).delete(projects::remove))
        .route("/gc", post(sweep::gc))
        .route("/prune", post(sweep::prune))
        .route("/openapi.json", get(openapi))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&served), tagged))
        .with_state(served);
    Router::new()
        .nest(ROOT, paths)
        .route("/metrics", get(metrics::show).with_state(metered))
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(not_too_long))
}

/// A body that says it is too long is refused before it is read.
async fn not_too_long(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let too_long = length.is_some_and(|length| {
        // What is no number of this size is longer still.
        length.parse::<usize>().map_or(true, |length| length > MAX_BODY_BYTES)
    });
    if !too_long {
        return next.run(request).await;
    }
    let words = format!("a body has at most {MAX_BODY_BYTES} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "broker::request", words).into_response()
}

/// The same, for members of a team: each request is held against what its member may ask for.
pub(crate) fn for_members(served: Arc<Served>, access: Arc<Access>) -> Router {
    all(Arc::clone(&served)).layer(middleware::from_fn_with_state(Guard { access, served }, guard))
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

async fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "broker::request", "there is nothing at this path")
}

async fn not_so() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "broker::request", "this path does not take this method")
}
