//! Giving back and forgetting.

use crate::asked::{Body, Named};
use crate::problem::Problem;
use crate::served::Served;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{Collected, Prune, Pruned};
use welkin_broker::RunId;

/// Gives back what no run needs.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/gc",
        operation_id = "give_back",
        responses(
            (status = 200, body = Collected),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn gc(State(served): State<Arc<Served>>) -> Result<Json<Collected>, Problem> {
    let swept = served.broker.gc().await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", "the sweep cannot begin")
            .because(&error)
    })?;
    let strays = served.broker.strays().await;
    let mut collected = wire(swept);
    collected.failures.extend(strays.failures);
    collected.strays = strays.leases.iter().map(ToString::to_string).collect();
    Ok(Json(collected))
}

/// Ends a run, then looks for anything of it at every provider.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs/{run}/down",
        operation_id = "take_down_run",
        params(
            ("run" = String, Path, description = "The run"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        responses(
            (status = 200, body = Collected),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
            (status = 502, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn down(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
) -> Result<Json<Collected>, Problem> {
    // Whoever asked may hang up: machines that are being given back are not left half way.
    let going = served.activity.begin();
    let work = tokio::spawn(async move {
        let _going = going;
        served.broker.down(&run).await
    });
    match work.await {
        Ok(done) => Ok(Json(wire(done?))),
        Err(stopped) => {
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", stopped.to_string()))
        }
    }
}

/// Forgets runs that are over.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/prune",
        operation_id = "forget_runs",
        request_body = Prune,
        responses(
            (status = 200, body = Pruned),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 415, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn prune(
    State(served): State<Arc<Served>>,
    Body(what): Body<Prune>,
) -> Result<Json<Pruned>, Problem> {
    let welkin_broker::Pruned { runs, objects, object_bytes, database_bytes, kept, failures } =
        served.broker.prune(&what.runs).await?;
    let kept = kept.into_iter().map(|kept| (kept.run, kept.why)).collect();
    Ok(Json(Pruned { runs, objects, object_bytes, database_bytes, kept, failures }))
}

fn wire(collected: welkin_broker::Collected) -> Collected {
    let welkin_broker::Collected { leases, objects, failures, unreadable } = collected;
    Collected { leases, objects, failures, unreadable, strays: Vec::new() }
}
