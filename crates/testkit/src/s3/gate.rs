//! One request from its head to its answer: counted, struck by faults, served.

use std::sync::Arc;

use futures::future::BoxFuture;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::Service as HyperService;
use hyper::{Request, Response, StatusCode};
use s3s::service::S3Service;
use s3s::{Body, StdError};
use thiserror::Error;

use super::counters::Counters;
use super::fault::{Fault, Faulty, Schedule, error_reply};
use super::operation::{Call, Operation};
use super::service::Lag;
use super::store::Store;
use super::wire::WireControl;

/// What all connections of a server have in common.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) s3: S3Service,
    /// Whether signatures are looked at.
    pub(super) verifies: bool,
    pub(super) store: Arc<Store>,
    pub(super) schedule: Arc<Schedule>,
    pub(super) counters: Arc<Counters>,
}

/// The requests of one connection.
pub(super) struct Connection {
    pub(super) gate: Gate,
    pub(super) control: Arc<WireControl>,
}

#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// Hyper closes the connection when a service fails.
    #[error("the answer is lost on purpose")]
    Lost,
    #[error("the request broke off")]
    Broken(#[source] StdError),
}

impl HyperService<Request<Incoming>> for Connection {
    type Response = Response<Body>;
    type Error = NoAnswer;
    type Future = BoxFuture<'static, Result<Response<Body>, NoAnswer>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (gate, control) = (self.gate.clone(), Arc::clone(&self.control));
        Box::pin(async move { gate.answer(request, &control).await })
    }
}

impl Gate {
    async fn answer(
        &self,
        request: Request<Incoming>,
        control: &Arc<WireControl>,
    ) -> Result<Response<Body>, NoAnswer> {
        let (mut head, body) = request.into_parts();
        let call = Call::of(&head);
        self.counters.request(call.operation);
        let faults = self.schedule.draw(&call);
        if let Some(refusal) = faults.iter().find_map(refusal) {
            body.collect().await.map_err(|source| NoAnswer::Broken(source.into()))?;
            return Ok(refusal);
        }
        self.prepare(&mut head, &faults);
        let reply = self.s3.call(Request::from_parts(head, Body::from(body))).await;
        let mut reply = reply.map_err(|error| NoAnswer::Broken(StdError::from(error)))?;
        if reply.status().is_success() {
            faults.iter().for_each(|fault| self.afterwards(fault, &call));
        }
        if faults.contains(&Fault::LostAnswer) {
            return Err(NoAnswer::Lost);
        }
        if !faults.is_empty() && call.operation != Operation::HeadObject {
            let len = declared_len(&reply);
            if let Some(len) = len {
                // Hyper then frames by length, whatever the wrapped body says.
                reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(len));
            }
            let len = len.unwrap_or_default();
            reply = reply.map(|body| Faulty::wrap(body, len, &faults, control));
        }
        Ok(reply)
    }

    fn prepare(&self, head: &mut Parts, faults: &[Fault]) {
        if !self.verifies {
            head.headers.remove(AUTHORIZATION);
        }
        for fault in faults {
            if let Fault::ListLag { requests } = fault {
                head.extensions.insert(Lag(*requests));
            }
        }
    }

    /// What happens to the store once the request took effect.
    fn afterwards(&self, fault: &Fault, call: &Call) {
        match (fault, &call.upload) {
            (Fault::FlipStored { bit }, Some((id, part))) => {
                self.store.flip_part(id, *part, *bit);
            }
            (Fault::FlipStored { bit }, None) => {
                self.store.flip(&call.bucket, &call.key, *bit);
            }
            (Fault::Replace, _) => {
                self.store.replace(&call.bucket, &call.key);
            }
            _ => {}
        }
    }
}

/// The answer of a fault that keeps a request from taking effect.
fn refusal(fault: &Fault) -> Option<Response<Body>> {
    let (status, code, message, retry_after_s) = match fault {
        Fault::SlowDown { retry_after_s } => {
            (StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Reduce your request rate.", *retry_after_s)
        }
        Fault::TooManyRequests { retry_after_s } => {
            (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Reduce your request rate.", *retry_after_s)
        }
        Fault::InternalError => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", TRY_AGAIN, 0),
        Fault::ErrorInside200 => (StatusCode::OK, "InternalError", TRY_AGAIN, 0),
        Fault::ExpiredToken => (StatusCode::FORBIDDEN, "ExpiredToken", "The provided token has expired.", 0),
        _ => return None,
    };
    Some(error_reply(status, code, message, retry_after_s))
}

const TRY_AGAIN: &str = "We encountered an internal error. Please try again.";

fn declared_len(reply: &Response<Body>) -> Option<u64> {
    let header = reply.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    header.and_then(|value| value.parse().ok()).or_else(|| reply.body().size_hint().exact())
}
