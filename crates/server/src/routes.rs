//! What can be asked, one room for each resource.

mod events;
mod health;
mod runs;
mod sweep;

use crate::problem::Problem;
use crate::served::Served;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use std::sync::Arc;
use welkin_api::wire::{MAX_BODY_BYTES, ROOT};

pub(crate) fn all(served: Arc<Served>) -> Router {
    let paths = Router::new()
        .route("/health", get(health::show))
        .route("/stop", post(health::stop))
        .route("/runs", get(runs::list).post(runs::submit))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/cancel", post(runs::cancel))
        .route("/runs/{run}/down", post(sweep::down))
        .route("/runs/{run}/events", get(events::of_run))
        .route("/events", get(events::of_all))
        .route("/gc", post(sweep::gc))
        .route("/prune", post(sweep::prune))
        .with_state(served);
    Router::new()
        .nest(ROOT, paths)
        .fallback(nothing)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

async fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "broker::request", "there is nothing at this path")
}

async fn not_so() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "broker::request", "this path does not take this method")
}
