//! Who answers, and its end.

use crate::asked::Body;
use crate::guests::{FromElsewhere, from};
use crate::problem::Problem;
use crate::served::Served;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{Health, Stop};

/// Who answers.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/health",
        operation_id = "health",
        responses(
            (status = 200, body = Health),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn show(
    State(served): State<Arc<Served>>,
    peer: FromElsewhere,
) -> Result<Json<Health>, Problem> {
    let mut health = served.health()?;
    if from(peer).is_some() {
        // Digests of what may be guessed are for its own user alone.
        health.environment.clear();
    }
    Ok(Json(health))
}

/// Ends the broker. Runs that are not over go on with the next one.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/stop",
        operation_id = "stop",
        request_body = Stop,
        responses(
            (status = 200, body = Health),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn stop(
    State(served): State<Arc<Served>>,
    Body(stop): Body<Stop>,
) -> Result<Json<Health>, Problem> {
    let health = served.health()?;
    if stop.if_idle && health.driven > 0 {
        let title = format!("{} runs are being driven", health.driven);
        return Err(Problem::new(StatusCode::CONFLICT, "broker::in-use", title));
    }
    served.ending.send_replace(true);
    Ok(Json(health))
}
