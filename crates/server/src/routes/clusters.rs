//! Clusters, by the runs that hold them: how long they may be idle.

use crate::asked::{Body, Named};
use crate::problem::Problem;
use crate::served::Served;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{Autostop, Taken};
use welkin_broker::{RunId, Wish};
use welkin_units::Span;

/// Says how long nothing may be under way on a cluster before it ends, counted from now. On record when it answers.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        put,
        path = "/v1/runs/{run}/autostop",
        operation_id = "autostop",
        params(("run" = String, Path, description = "The run that holds the cluster")),
        request_body = Autostop,
        responses(
            (status = 200, body = Taken),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
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
    Body(autostop): Body<Autostop>,
) -> Result<Json<Taken>, Problem> {
    if autostop.idle == Some(Span::ZERO) {
        return Err(Problem::request("`idle` is 0: a cluster that may not be idle at all is none"));
    }
    wish(&served, run, Wish::Idle(autostop.idle)).await
}

/// Asks whoever drives the run; one that paused is taken up for it.
async fn wish(served: &Arc<Served>, run: RunId, wish: Wish) -> Result<Json<Taken>, Problem> {
    if served.reader.status(&run)?.state.is_over() {
        let title = format!("{run} is over");
        return Err(Problem::new(StatusCode::CONFLICT, "run::refused", title));
    }
    served.driver.drive(run.clone());
    served.broker.wish(&run, wish).await?;
    Ok(Json(Taken { run }))
}
