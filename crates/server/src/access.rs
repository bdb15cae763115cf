//! What a member may ask for. Everything is closed until it is named here; the broker's own user, at the socket, may ask
//! for all.

use crate::bodies::Bodies;
use crate::guests::{LOOK, Peer};
use crate::members::Role;
use crate::problem::Problem;
use crate::roster::{Caller, Roster};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_gateway::Fingerprint;
use welkin_provider::{Clock, SystemClock};

/// Who may ask for what: method, path as routes write it, the least role.
pub(crate) const NAMED: &[(&str, &str, Role)] = &[
    ("GET", "/v1/health", Role::Viewer),
    ("GET", "/v1/runs", Role::Viewer),
    ("GET", "/v1/runs/{run}", Role::Viewer),
    ("GET", "/v1/runs/{run}/events", Role::Viewer),
    ("GET", "/v1/runs/{run}/logs", Role::Viewer),
    ("GET", "/v1/events", Role::Viewer),
    ("POST", "/v1/records", Role::Viewer),
    ("GET", "/v1/openapi.json", Role::Viewer),
    ("GET", "/metrics", Role::Viewer),
    ("GET", "/v1/uploads/{upload}", Role::Member),
    ("POST", "/v1/uploads/{upload}", Role::Member),
    ("PUT", "/v1/plans/{digest}", Role::Member),
    ("POST", "/v1/runs", Role::Member),
    ("POST", "/v1/runs/{run}/cancel", Role::Member),
    ("POST", "/v1/runs/{run}/resume", Role::Member),
    ("POST", "/v1/runs/{run}/down", Role::Member),
    ("PUT", "/v1/runs/{run}/autostop", Role::Member),
    ("POST", "/v1/runs/{run}/stop", Role::Member),
    ("POST", "/v1/runs/{run}/start", Role::Member),
    ("GET", "/v1/runs/{run}/ssh", Role::Viewer),
    ("POST", "/v1/runs/{run}/ssh", Role::Member),
    ("POST", "/v1/gc", Role::Admin),
    ("POST", "/v1/prune", Role::Admin),
    ("POST", "/v1/stop", Role::Admin),
];

/// What is sent and changes nothing by itself: questions, and plans and parts of uploads, which do nothing until a
/// submission names them.
const QUIET: &[(&str, &str)] =
    &[("POST", "/v1/records"), ("POST", "/v1/uploads/{upload}"), ("PUT", "/v1/plans/{digest}")];

/// The least role that may ask for this; none when nobody may.
pub(crate) fn least(method: &str, path: &str) -> Option<Role> {
    // Whoever may read a page may ask for its head.
    let method = if method == "HEAD" { "GET" } else { method };
    NAMED.iter().find(|(named, at, _)| *named == method && *at == path).map(|(.., role)| *role)
}

/// Members and tokens, and where it is written down what they asked for.
#[derive(Debug)]
pub struct Access {
    pub(crate) roster: Roster,
    audit: Mutex<File>,
    bodies: Bodies,
}

impl Access {
    /// Of these; what they change, and what they are refused, is added to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(roster: Roster, audit: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = File::options().create(true).append(true).mode(0o600).custom_flags(link).open(audit)?;
        Ok(Self { roster, audit: Mutex::new(file), bodies: Bodies::default() })
    }

    fn note(&self, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        // In one write: lines of two requests do not mix.
        self.audit.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}

/// A line of the audit.
#[derive(Debug, Serialize)]
struct Line<'a> {
    at: u64,
    member: &'a str,
    /// Whether that is the name of a token.
    token: bool,
    fingerprint: String,
    role: &'a str,
    method: &'a str,
    path: &'a str,
    status: u16,
}

/// Lets a request pass when the member that makes it may ask for it, and writes down what was changed or refused.
pub(crate) async fn guard(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.fingerprint);
    let found = peer.and_then(|fingerprint| Some((fingerprint, access.roster.find(&fingerprint)?)));
    let Some((fingerprint, Caller { name, role, token })) = found else {
        return refused("this key is no member's any more, or its token is good no more").into_response();
    };
    if let Some(token) = &token {
        access.roster.tokens.was_used(token);
    }
    let pattern = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let may = match &pattern {
        // The answer to what is nowhere tells nothing.
        None => true,
        Some(pattern) => least(method.as_str(), pattern).is_some_and(|least| role >= least),
    };
    let reads = method == Method::GET
        || method == Method::HEAD
        || pattern.as_deref().is_some_and(|pattern| QUIET.contains(&(method.as_str(), pattern)));
    let line = |status: StatusCode| {
        access.note(&Line {
            at: SystemClock.now().0,
            member: &name,
            token: token.is_some(),
            fingerprint: fingerprint.to_string(),
            role: role.name(),
            method: method.as_str(),
            path: &path,
            status: status.as_u16(),
        })
    };
    if !may {
        drop(line(StatusCode::FORBIDDEN));
        return refused(&format!("a {role} may not do this")).into_response();
    }
    let _room = access.bodies.room(fingerprint, request.headers()).await;
    if reads {
        return next.run(request).await;
    }
    request.extensions_mut().insert(Standing { roster: access.roster.clone(), fingerprint, role });
    // What cannot be written down is not done; how it ended follows.
    if let Err(error) = line(StatusCode::CONTINUE) {
        let problem =
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", "the audit cannot be written");
        return problem.because(&error).into_response();
    }
    let response = next.run(request).await;
    drop(line(response.status()));
    response
}

/// Of a request that goes on after its answer: what whoever made it is.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    roster: Roster,
    fingerprint: Fingerprint,
    role: Role,
}

impl Standing {
    /// Returns once whoever made the request is no member any more, or has a lesser role.
    pub(crate) async fn lost(self) {
        let has = |standing: &Self| standing.roster.find(&standing.fingerprint).map(|caller| caller.role);
        while has(&self).is_some_and(|role| role >= self.role) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn refused(words: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "broker::role", words)
        .hint("`welkin serve member list` and `welkin serve token list` show who may do what, on the machine that serves")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

    #[test]
    fn everything_that_can_be_asked_is_named_once_and_nothing_else_is() {
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        let paths = document["paths"].as_object().expect("it has paths");
        let mut asked: Vec<(String, String)> = Vec::new();
        for (path, methods) in paths {
            let methods = methods.as_object().expect("a path has methods");
            asked.extend(methods.keys().map(|method| (method.to_uppercase(), path.clone())));
        }
        // The document does not describe itself.
        asked.push(("GET".to_owned(), "/v1/openapi.json".to_owned()));
        asked.sort();
        let mut named: Vec<(String, String)> =
            NAMED.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
        named.sort();
        assert_eq!(named, asked);
    }

    #[test]
    fn what_is_not_named_is_closed() {
        assert_eq!(least("DELETE", "/v1/runs/{run}"), None);
        assert_eq!(least("GET", "/v1/stop"), None);
        assert!(QUIET.iter().all(|(method, path)| least(method, path).is_some()));
        assert_eq!(least("HEAD", "/v1/runs"), Some(Role::Viewer));
    }
}
