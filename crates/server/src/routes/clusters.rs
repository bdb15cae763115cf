//! Clusters, by the runs that hold them: how long they may be idle, stopped and started.

use crate::asked::{Body, Named};
use crate::problem::Problem;
use crate::routes::runs::sound_idle;
use crate::served::Served;
use crate::versions::held_by;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{Autostop, Taken};
use welkin_broker::{Idle, RunId, Wish, WishError};

/// Says how long nothing may be under way on a cluster before it ends or stops, counted from now. On record when it answers.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        put,
        path = "/v1/runs/{run}/autostop",
        operation_id = "autostop",
        params(
            ("run" = String, Path, description = "The run that holds the cluster"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        request_body = Autostop,
        responses(
            (status = 200, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn autostop(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
    headers: HeaderMap,
    Body(autostop): Body<Autostop>,
) -> Result<Response, Problem> {
    sound_idle(autostop.idle)?;
    let _alone = match held_by(&served, &run, &headers).await {
        Ok(alone) => alone,
        Err(refused) => return Ok(*refused),
    };
    let Autostop { idle, stops } = autostop;
    let taken = wish(&served, run, Wish::Idle(idle.map(|span| Idle { span, stops }))).await?;
    Ok(taken.into_response())
}

/// Stops the machines of a cluster and keeps their disks; what is on it ends. On record when this answers; the stop is an
/// event.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs/{run}/stop",
        operation_id = "stop_cluster",
        params(
            ("run" = String, Path, description = "The run that holds the cluster"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        responses(
            (status = 200, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn stop(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
) -> Result<Json<Taken>, Problem> {
    wish(&served, run, Wish::Stop).await
}

/// Starts them again. On record when this answers; the start is an event.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs/{run}/start",
        operation_id = "start_cluster",
        params(
            ("run" = String, Path, description = "The run that holds the cluster"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        responses(
            (status = 200, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn start(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
) -> Result<Json<Taken>, Problem> {
    wish(&served, run, Wish::Start).await
}

/// Asks whoever drives the run; one that paused is taken up for it.
async fn wish(served: &Arc<Served>, run: RunId, wish: Wish) -> Result<Json<Taken>, Problem> {
    if served.reader.status(&run)?.state.is_over() {
        let title = format!("{run} is over");
        return Err(Problem::new(StatusCode::CONFLICT, "run::refused", title));
    }
    served.driver.fetch(&run).await?;
    let Err(error) = served.broker.wish(&run, wish).await else {
        return Ok(Json(Taken { run, trace: None }));
    };
    if matches!(error, WishError::Undriven { .. })
        && let Some(why) = why(served, &run).await
    {
        return Err(Problem::cannot_go_on(&run, why));
    }
    Err(error.into())
}

/// How long, and how often, it is looked for what keeps a run from going on: it is known a moment after that it does.
const LOOKS: (usize, Duration) = (50, Duration::from_millis(20));

/// What keeps a run from going on.
async fn why(served: &Served, run: &RunId) -> Option<String> {
    for _ in 0..LOOKS.0 {
        if let Some(why) = served.driver.stopped(run) {
            return Some(why);
        }
        tokio::time::sleep(LOOKS.1).await;
    }
    None
}
