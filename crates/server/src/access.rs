//! What a member may ask for. Everything is closed until it is named here; the broker's own user, at the socket, may ask
//! for all. Roles are those that somebody has where it counts: see [`crate::scope`].

use crate::audit::{Audit, Line};
use crate::bodies::Bodies;
use crate::guests::{LOOK, Peer};
use crate::logins::Rules;
use crate::members::Role;
use crate::problem::Problem;
use crate::roster::{Caller, Roster};
use crate::scope::Scope;
use crate::served::Served;
use crate::sign_in::SignIns;
use axum::body::{Body, HttpBody};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, MatchedPath, RawPathParams, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{FutureExt, StreamExt, stream};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use welkin_broker::{RunId, StoreError};
use welkin_oidc::Provider;
use welkin_provider::{Clock, SystemClock};

/// Where somebody needs a role to ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// On the broker as a whole.
    OfBroker,
    /// In some project; whoever answers shows of each what its members may see.
    Anywhere,
    /// In the project of the run that the path names.
    OfRun,
    /// In the project that the path names.
    OfProject,
}

use Room::{Anywhere, OfBroker, OfProject, OfRun};

/// Who may ask for what: method, path as routes write it, the least role, and where.
pub(crate) const NAMED: &[(&str, &str, Role, Room)] = &[
    ("GET", "/v1/health", Role::Viewer, Anywhere),
    ("GET", "/v1/runs", Role::Viewer, Anywhere),
    ("GET", "/v1/runs/{run}", Role::Viewer, OfRun),
    ("GET", "/v1/runs/{run}/events", Role::Viewer, OfRun),
    ("GET", "/v1/runs/{run}/logs", Role::Viewer, OfRun),
    ("GET", "/v1/events", Role::Viewer, Anywhere),
    ("POST", "/v1/records", Role::Viewer, Anywhere),
    ("GET", "/v1/openapi.json", Role::Viewer, Anywhere),
    ("GET", "/metrics", Role::Viewer, OfBroker),
    ("GET", "/v1/uploads/{upload}", Role::Member, Anywhere),
    ("POST", "/v1/uploads/{upload}", Role::Member, Anywhere),
    ("PUT", "/v1/plans/{digest}", Role::Member, Anywhere),
    ("POST", "/v1/runs", Role::Member, Anywhere),
    ("POST", "/v1/runs/{run}/cancel", Role::Member, OfRun),
    ("POST", "/v1/runs/{run}/resume", Role::Member, OfRun),
    ("POST", "/v1/runs/{run}/down", Role::Member, OfRun),
    ("PUT", "/v1/runs/{run}/autostop", Role::Member, OfRun),
    ("POST", "/v1/runs/{run}/stop", Role::Member, OfRun),
    ("POST", "/v1/runs/{run}/start", Role::Member, OfRun),
    ("GET", "/v1/runs/{run}/ssh", Role::Viewer, OfRun),
    ("POST", "/v1/runs/{run}/ssh", Role::Member, OfRun),
    ("POST", "/v1/gc", Role::Admin, OfBroker),
    ("POST", "/v1/prune", Role::Admin, OfBroker),
    ("POST", "/v1/stop", Role::Admin, OfBroker),
    ("GET", "/v1/projects", Role::Viewer, Anywhere),
    ("GET", "/v1/projects/{project}", Role::Viewer, OfProject),
    ("PUT", "/v1/projects/{project}", Role::Admin, OfBroker),
    ("DELETE", "/v1/projects/{project}", Role::Admin, OfBroker),
    ("PUT", "/v1/projects/{project}/members/{member}", Role::Admin, OfProject),
    ("DELETE", "/v1/projects/{project}/members/{member}", Role::Admin, OfProject),
];

/// What is sent and changes nothing by itself: questions, and plans and parts of uploads, which do nothing until a
/// submission names them.
const QUIET: &[(&str, &str)] =
    &[("POST", "/v1/records"), ("POST", "/v1/uploads/{upload}"), ("PUT", "/v1/plans/{digest}")];

/// The least role that may ask for this, and where; none when nobody may.
pub(crate) fn least(method: &str, path: &str) -> Option<(Role, Room)> {
    // Whoever may read a page may ask for its head.
    let method = if method == "HEAD" { "GET" } else { method };
    NAMED
        .iter()
        .find(|(named, at, ..)| *named == method && *at == path)
        .map(|(.., role, room)| (*role, *room))
}

/// Members and tokens, and where it is written down what they asked for.
#[derive(Debug)]
pub struct Access {
    pub(crate) roster: Roster,
    audit: Audit,
    bodies: Bodies,
    answers: Bodies,
}

impl Access {
    /// Of these; what they change, and what they are refused, is added to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(roster: Roster, audit: &Path) -> io::Result<Self> {
        let audit = Audit::open(audit)?;
        Ok(Self { roster, audit, bodies: Bodies::default(), answers: Bodies::default() })
    }

    /// Takes in people whom an identity provider names, and writes that down in the same place.
    #[must_use]
    pub fn sign_ins(&self, provider: Provider, rules: Rules) -> SignIns {
        SignIns::new(provider, rules, self.roster.clone(), self.audit.clone())
    }
}

/// What a request is held against.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) access: Arc<Access>,
    pub(crate) served: Arc<Served>,
}

impl Guard {
    /// What somebody may now.
    async fn scope(&self, caller: &Caller) -> Result<Scope, StoreError> {
        let projects = self.served.reader.records().projects().await?;
        Ok(Scope::of(caller, &self.access.roster, &projects))
    }

    /// Whether a path may be asked for. Of what is not there, and of what is of a project in which somebody has no
    /// business, whoever has a role that is enough elsewhere is told the same.
    fn may(&self, scope: &Scope, method: &str, path: &str, at: &Named) -> Result<(), Problem> {
        let closed = |role: Option<Role>| match role {
            Some(role) => refused(&format!("a {role} may not do this")),
            None => refused("only members of the whole broker may do this"),
        };
        let Some((least, room)) = least(method, path) else { return Err(closed(scope.best())) };
        let (role, absent) = match room {
            OfBroker => (scope.broker, None),
            Anywhere => (scope.best(), None),
            OfRun => {
                let run = RunId(at.run.clone().unwrap_or_default());
                let role = self.served.project_of(&run)?.and_then(|project| scope.role(&project));
                (role.or(scope.best()), role.is_none().then(|| Problem::no_such_run(&run.0)))
            }
            OfProject => {
                let name = at.project.as_deref().unwrap_or_default();
                let role = scope.role(name);
                (role.or(scope.best()), role.is_none().then(|| Problem::no_such_project(name)))
            }
        };
        match role {
            Some(role) if role >= least => absent.map_or(Ok(()), Err),
            role => Err(closed(role)),
        }
    }
}

/// What a path names.
#[derive(Debug, Clone, Default)]
struct Named {
    run: Option<String>,
    project: Option<String>,
}

impl Named {
    fn of(params: &RawPathParams) -> Self {
        let word = |key| params.iter().find(|(name, _)| *name == key).map(|(_, word)| word.to_owned());
        Self { run: word("run"), project: word("project") }
    }
}

/// Lets a request pass when the member that makes it may ask for it, and writes down what was changed or refused.
pub(crate) async fn guard(
    State(guard): State<Guard>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let access = &guard.access;
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.clone());
    let found = peer.and_then(|peer| Some((access.roster.find(&peer.fingerprint)?, peer)));
    let Some((caller, peer)) = found else { return gone().into_response() };
    let fingerprint = peer.fingerprint;
    if let Some(token) = caller.token() {
        access.roster.tokens.was_used(token);
    }
    let scope = match guard.scope(&caller).await {
        Ok(scope) => scope,
        Err(error) => return Problem::from(error).into_response(),
    };
    let Caller { name, role, .. } = &caller;
    let pattern = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let at = params.as_ref().map(Named::of).unwrap_or_default();
    let may = match &pattern {
        // The answer to what is nowhere tells nothing.
        None => Ok(()),
        Some(pattern) => guard.may(&scope, method.as_str(), pattern, &at),
    };
    let reads = method == Method::GET
        || method == Method::HEAD
        || pattern.as_deref().is_some_and(|pattern| QUIET.contains(&(method.as_str(), pattern)));
    let line = |status: StatusCode| {
        access.audit.note(&Line {
            at: SystemClock.now().0,
            member: name,
            token: caller.token().is_some(),
            fingerprint: fingerprint.to_string(),
            role: role.name(),
            method: method.as_str(),
            path: &path,
            status: status.as_u16(),
        })
    };
    if let Err(problem) = may {
        // To look for what is not there is no offence.
        if !reads || problem.status() == StatusCode::FORBIDDEN {
            drop(line(problem.status()));
        }
        return problem.into_response();
    }
    let standing =
        pattern.map(|pattern| Standing { guard: guard.clone(), peer, method: method.clone(), pattern, at });
    let _room = access.bodies.room(fingerprint, request.headers()).await;
    request.extensions_mut().insert(access.answers.answers(fingerprint));
    request.extensions_mut().insert(scope);
    // There is nothing at this path.
    let Some(standing) = standing else { return next.run(request).await };
    request.extensions_mut().insert(standing.clone());
    if reads {
        return look(standing, request, next).await;
    }
    // What cannot be written down is not done; how it ended follows.
    if let Err(error) = line(StatusCode::CONTINUE) {
        let problem =
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broker::store", "the audit cannot be written");
        return problem.because(&error).into_response();
    }
    let (request, cut) = sent(standing, request);
    let answered = next.run(request).await;
    let response = match cut.take() {
        // Whatever was made of half a body.
        Some(problem) if answered.status().is_client_error() => problem.into_response(),
        _ => answered,
    };
    drop(line(response.status()));
    response
}

/// Why a body ended before its end, once it has.
#[derive(Debug, Clone, Default)]
struct Cut(Arc<Mutex<Option<Problem>>>);

impl Cut {
    fn take(&self) -> Option<Problem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request whose body comes in only as long as whoever makes it may ask for that: what was judged at its head may be
/// hours old at its end.
fn sent(standing: Standing, request: Request) -> (Request, Cut) {
    let cut = Cut::default();
    if request.body().is_end_stream() {
        return (request, cut);
    }
    let told = cut.clone();
    let request = request.map(|body| {
        let mut pieces = body.into_data_stream();
        let mut lost = Box::pin(async move { standing.lost().await }.fuse());
        Body::from_stream(stream::poll_fn(move |cx| match lost.poll_unpin(cx) {
            Poll::Ready(problem) => {
                *told.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
                let aborted = io::Error::from(io::ErrorKind::ConnectionAborted);
                Poll::Ready(Some(Err(axum::Error::new(aborted))))
            }
            Poll::Pending => pieces.poll_next_unpin(cx),
        }))
    });
    (request, cut)
}

/// Answers what changes nothing, and what may wait for something: until whoever asks may not any more.
async fn look(standing: Standing, request: Request, next: Next) -> Response {
    let response = tokio::select! {
        biased;
        response = next.run(request) => response,
        problem = standing.lost() => return problem.into_response(),
    };
    let streams =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if !streams {
        return response;
    }
    let lost = Box::pin(async move { standing.lost().await });
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(lost)))
}

/// Of a request that waits, or goes on after its answer: who made it, and what for.
#[derive(Clone)]
pub(crate) struct Standing {
    guard: Guard,
    peer: Peer,
    method: Method,
    pattern: String,
    at: Named,
}

impl Standing {
    /// Returns once whoever made the request may not ask for it any more: with what they are answered now.
    pub(crate) async fn lost(&self) -> Problem {
        let mut left = self.peer.gone.clone();
        loop {
            tokio::select! {
                Ok(_) = left.wait_for(|gone| *gone) => return gone(),
                () = tokio::time::sleep(LOOK) => {}
            }
            // Records that cannot be read at present say nothing of anybody.
            if let Err(problem) = self.scope().await
                && problem.is_final()
            {
                return problem;
            }
        }
    }

    /// What whoever made the request may by now.
    ///
    /// # Errors
    /// When they may not ask for it any more, or the records cannot be read.
    pub(crate) async fn scope(&self) -> Result<Scope, Problem> {
        let Self { guard, peer, method, pattern, at } = self;
        let caller = guard.access.roster.find(&peer.fingerprint).ok_or_else(gone)?;
        let scope = guard.scope(&caller).await?;
        guard.may(&scope, method.as_str(), pattern, at)?;
        Ok(scope)
    }
}

fn gone() -> Problem {
    refused("this key is no member's any more, or its token is good no more")
}

fn refused(words: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "broker::role", words)
        .hint("`welkin serve member list` and `welkin serve token list` show who may do what, on the machine that serves")
}

#[cfg(test)]
mod waits;

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
            NAMED.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect();
        named.sort();
        assert_eq!(named, asked);
    }

    #[test]
    fn what_names_a_run_or_a_project_is_held_against_its_own() {
        for (method, path, role, room) in NAMED {
            let own = match () {
                () if path.contains("{run}") => OfRun,
                () if *method != "GET" && *path == "/v1/projects/{project}" => OfBroker,
                () if path.contains("{project}") => OfProject,
                () => *room,
            };
            assert_eq!(*room, own, "{method} {path}");
            assert!(*room != Anywhere || *role < Role::Admin, "{method} {path}: an admin of what?");
        }
    }

    #[test]
    fn what_is_not_named_is_closed() {
        assert_eq!(least("DELETE", "/v1/runs/{run}"), None);
        assert_eq!(least("GET", "/v1/stop"), None);
        assert!(QUIET.iter().all(|(method, path)| least(method, path).is_some()));
        assert_eq!(least("HEAD", "/v1/runs"), Some((Role::Viewer, Anywhere)));
    }
}
