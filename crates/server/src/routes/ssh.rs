//! Logins to the machines of clusters: a request that becomes a connection to an SSH server on a node.
//!
//! The broker carries bytes that it cannot read. It ends them when it ends itself, when the member who came in is one no
//! more, and when the machine has nothing more to say; whoever is logged in is told why, where it is not their own doing.

use crate::access::Standing;
use crate::asked::{Named, Wanted};
use crate::problem::Problem;
use crate::served::Served;
use crate::versions::held_by;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Json};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::sync::Arc;
use welkin_api::carry::{HOST_KEY, KEY, PROTOCOL, USER, carry_to_node};
use welkin_api::wire::Logins;
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_broker::{LoginError, RunId};
use welkin_provider::{ErrorKind, Login};

#[derive(Debug, Deserialize)]
pub(crate) struct Rank {
    #[serde(default)]
    rank: u32,
}

/// Logs in to a machine of a cluster: after the answer the connection carries the protocol of SSH, in pieces.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/runs/{run}/ssh",
        operation_id = "log_in",
        params(
            ("run" = String, Path, description = "The run that holds the cluster"),
            ("rank" = Option<u32>, Query, description = "Rank of the node; 0 when absent"),
            ("upgrade" = String, Header, description = "`welkin-login/1`, with `Connection: upgrade`"),
            ("welkin-key" = String, Header, description = "The Ed25519 key that is let in, as `authorized_keys` has it"),
            ("if-match" = Option<String>, Header, description = "The `ETag` that the run had when it was looked at"),
        ),
        responses(
            (status = 101, description = "The connection is a login: `welkin-user` is the account, `welkin-host-key` the key of the machine"),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 412, body = Failure, content_type = "application/problem+json"),
            (status = 426, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
            (status = 502, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn enter(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
    Wanted(Rank { rank }): Wanted<Rank>,
    standing: Option<Extension<Standing>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let key = key(request.headers())?;
    let upgrade = upgrade(&mut request)?;
    let _alone = match held_by(&served, &run, request.headers()).await {
        Ok(alone) => alone,
        Err(refused) => return Ok(*refused),
    };
    let Login { door, bytes } = served.broker.login(&run, rank, &key).await?;
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, PROTOCOL)
        .header(USER, &door.user)
        .header(HOST_KEY, &door.host_key)
        .body(Body::empty());
    let odd = |error: axum::http::Error| {
        let words = "the machine answers something else than an account and a key";
        Problem::new(StatusCode::BAD_GATEWAY, "cluster::login", words).because(&error)
    };
    let response = response.map_err(odd)?;
    tokio::spawn(async move {
        // Whoever asked may be gone already: then nothing is carried.
        let Ok(wire) = upgrade.await else { return };
        let given_up = given_up(&served, &run, standing.map(|Extension(standing)| standing));
        // A machine that stops, or goes with its cluster, ends what is on it without a word.
        let reason = async { served.broker.is_closed(&run).await.map(|closed| closed.to_string()) };
        drop(carry_to_node(TokioIo::new(wire), bytes, given_up, reason).await);
    });
    Ok(response)
}

/// How many are logged in to the machines of a cluster.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/runs/{run}/ssh",
        operation_id = "logins",
        params(("run" = String, Path, description = "The run that holds the cluster")),
        responses(
            (status = 200, body = Logins),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 409, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
            (status = 502, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn count(
    State(served): State<Arc<Served>>,
    Named(run): Named<RunId>,
) -> Result<Json<Logins>, Problem> {
    Ok(Json(Logins { open: served.broker.logins(&run).await? }))
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get(KEY).and_then(|key| key.to_str().ok());
    key.map(str::to_owned).ok_or_else(|| Problem::request(format!("a login needs a header {KEY}")))
}

fn upgrade(request: &mut Request) -> Result<OnUpgrade, Problem> {
    let wanted = request.headers().get(header::UPGRADE).is_some_and(|protocol| protocol == PROTOCOL);
    match request.extensions_mut().remove::<OnUpgrade>().filter(|_| wanted) {
        Some(upgrade) => Ok(upgrade),
        None => {
            let words = format!("a login needs `Connection: upgrade` and `Upgrade: {PROTOCOL}`");
            Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "broker::request", words))
        }
    }
}

/// Returns when a login has to be over, with the reason.
async fn given_up(served: &Served, run: &RunId, standing: Option<Standing>) -> String {
    let mut ending = served.ending.subscribe();
    let left = async {
        match standing {
            Some(standing) => drop(standing.lost().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = ending.wait_for(|ending| *ending) => {
            format!("the broker was told to end; {run} goes on, and the next command starts a broker: log in again")
        }
        () = left => "whoever is logged in may not be any more".to_owned(),
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        let closed = |status, words: &str| Self::new(status, "cluster::login", words);
        let (title, conflict) = (error.to_string(), StatusCode::CONFLICT);
        match error {
            LoginError::Store(error) => error.into(),
            LoginError::NoCluster { .. } => {
                closed(conflict, &title).hint("`welkin clusters` shows the runs that hold one")
            }
            LoginError::Stopped { cluster } => {
                closed(conflict, &title).hint(&format!("`welkin start {cluster}` starts them"))
            }
            LoginError::NoNode { .. } => closed(StatusCode::NOT_FOUND, &title),
            LoginError::Node { cluster, source } => {
                let (status, hint) = match source.kind {
                    ErrorKind::Invalid => (StatusCode::BAD_REQUEST, None),
                    ErrorKind::NotSupported | ErrorKind::RateLimited => (conflict, None),
                    _ => (
                        StatusCode::BAD_GATEWAY,
                        Some(format!("`welkin status {cluster}` says how it stands")),
                    ),
                };
                let mut problem = closed(status, &title).because(&source);
                if let Some(hint) = hint {
                    problem = problem.hint(&hint);
                }
                problem
            }
            _ => closed(conflict, &title).hint("`welkin clusters` says how it stands"),
        }
    }
}
