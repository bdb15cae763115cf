//! Plans are shown before they are run: a submission names the digest of one.

use crate::asked::{Named, Raw, Wanted};
use crate::guests::{FromElsewhere, Peer, from};
use crate::plans::is_digest;
use crate::problem::Problem;
use crate::scope::{Asker, scope};
use crate::served::Served;
use crate::versions::header_of;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use std::io;
use std::sync::Arc;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{IDEMPOTENCY_KEY, MAX_PLAN_BYTES, Shown, plan_digest};
use welkin_placement::Plan;

#[derive(Debug, Deserialize)]
pub(crate) struct Of {
    project: Option<String>,
}

/// Takes a plan under the digest of its bytes; a submission then names it. It is kept for a day after its last use.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        put,
        path = "/v1/plans/{digest}",
        operation_id = "show_plan",
        params(
            ("digest" = String, Path, description = "BLAKE3 of the body, in 64 hexadecimal digits", pattern = "^[0-9a-f]{64}$"),
            ("project" = Option<String>, Query, description = "A project: refused when it has not enough left"),
            ("idempotency-key" = Option<String>, Header, description = "That of the submission, so that one that was taken is not refused here when it is sent again"),
        ),
        request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "What `welkin plan --save` writes, byte for byte: JSON whose keys keep their order, or its id is not its own any more"),
        responses(
            (status = 200, body = Shown, description = "It was there"),
            (status = 201, body = Shown),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 403, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 422, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
            (status = 507, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn show(
    State(served): State<Arc<Served>>,
    peer: FromElsewhere,
    asker: Asker,
    headers: HeaderMap,
    Wanted(of): Wanted<Of>,
    Named(digest): Named<String>,
    Raw(plan): Raw<MAX_PLAN_BYTES>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    if !is_digest(&digest) {
        return Err(Problem::request("a plan is named by the 64 hexadecimal digits of its BLAKE3"));
    }
    let project = match of.project {
        Some(name) => Some(scope(asker).submits(Some(name))?),
        None => None,
    };
    let key = header_of(&headers, HeaderName::from_static(IDEMPOTENCY_KEY));
    let owner = owner(from(peer).as_ref());
    let work = tokio::task::spawn_blocking(move || {
        let actual = plan_digest(&plan);
        if actual != digest {
            let words = format!("the plan is not the one of this digest: its own is {actual}");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "run::refused", words));
        }
        let read = Plan::read(&plan).map_err(|error| unusable().because(&error))?;
        Ok((read, digest, plan))
    });
    let (read, digest, plan) = work.await.unwrap_or_else(|error| Err(unwritten(&io::Error::other(error))))?;
    // What no submission would be taken for is not kept.
    if let Some(project) = project {
        served.broker.would_take(project.as_deref(), &read, key.as_deref()).await?;
    }
    let work = tokio::task::spawn_blocking(move || {
        let new = served.plans.keep(&owner, &digest, &plan).map_err(|error| unwritten(&error))?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, Json(Shown { plan: read.id })))
    });
    work.await.unwrap_or_else(|error| Err(unwritten(&io::Error::other(error))))
}

/// The plan that a submission means: one that was shown under its digest, or the plan itself, as commands of version 0.1.0
/// sent it.
pub(crate) fn meant(served: &Served, said: &str, peer: Option<&Peer>) -> Result<Plan, Problem> {
    let read = |text: &str| Plan::read(text).map_err(|error| unusable().because(&error));
    if !is_digest(said) {
        return read(said);
    }
    match served.plans.read(&owner(peer), said) {
        Ok(Some(text)) => read(&text),
        Ok(None) => {
            let words = format!("no plan with the digest {said} was shown");
            Err(Problem::new(StatusCode::NOT_FOUND, "broker::no-plan", words)
                .hint("PUT it to /v1/plans/DIGEST first; one that nobody uses is kept for a day"))
        }
        Err(error) => {
            let words = "the plan that was shown cannot be read";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", words).because(&error))
        }
    }
}

/// Whose plans these are, as the name of a folder.
fn owner(peer: Option<&Peer>) -> String {
    peer.map_or_else(|| "own".to_owned(), Peer::folder)
}

fn unusable() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "run::refused", "the plan cannot be used")
}

fn unwritten(error: &io::Error) -> Problem {
    let status = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, "broker::store", "the plan cannot be written").because(error)
}
