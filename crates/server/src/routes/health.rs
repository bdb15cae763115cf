//! Who answers, and its end.

use crate::asked::Body;
use crate::problem::Problem;
use crate::served::Served;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use welkin_api::wire::{Health, Stop};

pub(super) async fn show(State(served): State<Arc<Served>>) -> Result<Json<Health>, Problem> {
    Ok(Json(served.health()?))
}

pub(super) async fn stop(
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
