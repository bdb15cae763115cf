//! Sending requests over connections that are kept.

use crate::http::connection::Connection;
use crate::http::head::is;
use crate::http::pace::Pace;
use crate::http::{Body, Head, HttpError, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use welkin_store::block::Block;

/// Idle connections kept for each server: as many as lanes at most.
const KEEP: usize = 256;

/// How long one is trusted. Stores close after 5 s (some proxies) to some minutes; what was closed
/// meanwhile costs one more attempt.
const TRUST: Duration = Duration::from_secs(20);

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl Target {
    /// Value of the `Host` header.
    pub(crate) fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

/// A client with its pool of connections.
pub(crate) struct Client {
    tls: Arc<rustls::ClientConfig>,
    idle: Mutex<HashMap<Target, Vec<Connection>>>,
}

impl Client {
    pub(crate) fn new(tls: Arc<rustls::ClientConfig>) -> Arc<Self> {
        Arc::new(Self { tls, idle: Mutex::new(HashMap::new()) })
    }

    /// Sends a request and returns the head of the response. A head that is not what it was built of is not sent. A
    /// connection that had been closed while it was idle is replaced once, except for `POST`, which may have taken
    /// effect.
    pub(crate) async fn send(
        self: &Arc<Self>,
        target: &Target,
        head: &Head,
        body: Body<'_>,
    ) -> Result<Response, HttpError> {
        let lines = head.checked()?;
        if let Some(kept) = self.take(target) {
            match self.exchange(kept, target, lines, body).await {
                Err(Exchange { error: HttpError::Broken(_) | HttpError::Malformed(_), answered: false })
                    if !is(lines, "POST") => {}
                Err(failed) => return Err(failed.error),
                Ok(response) => return Ok(response),
            }
        }
        let fresh = Connection::open(&target.host, target.port, target.tls.then_some(&self.tls)).await?;
        self.exchange(fresh, target, lines, body).await.map_err(|failed| failed.error)
    }

    async fn exchange(
        self: &Arc<Self>,
        mut connection: Connection,
        target: &Target,
        lines: &[u8],
        body: Body<'_>,
    ) -> Result<Response, Exchange> {
        let head_only = is(lines, "HEAD");
        let sent = send_request(&mut connection, lines, body).await;
        if let Err(HttpError::Flipped(flipped)) = sent {
            return Err(Exchange { error: flipped.into(), answered: true });
        }
        // A server may refuse before it has read everything; what it said is better than a broken pipe.
        match Response::read(connection, head_only, Arc::clone(self), target.clone()).await {
            Ok(mut response) => {
                if sent.is_err() {
                    response.close();
                }
                Ok(response)
            }
            Err((error, answered)) => Err(Exchange { error: sent.err().unwrap_or(error), answered }),
        }
    }

    fn take(&self, target: &Target) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(target)?;
        // The one used last is the least likely to have been closed.
        let last = kept.pop()?;
        if last.idle_since.elapsed() < TRUST {
            return Some(last);
        }
        kept.clear();
        None
    }

    pub(crate) fn give_back(&self, target: Target, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(target).or_default();
        if kept.len() < KEEP {
            kept.push(connection);
        }
    }
}

struct Exchange {
    error: HttpError,
    /// Whether anything of a response came: then the connection was alive.
    answered: bool,
}

/// Sends a request, the lines of whose head were checked.
async fn send_request(connection: &mut Connection, lines: &[u8], body: Body<'_>) -> Result<(), HttpError> {
    connection.pace = Pace::steady();
    let mut whole = Vec::with_capacity(lines.len() + 48);
    whole.extend_from_slice(lines);
    if body.len() > 0 || !is(lines, "GET") && !is(lines, "HEAD") {
        whole.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    whole.extend_from_slice(b"\r\n");
    match body {
        Body::Empty => connection.write(&whole, &[]).await?,
        Body::Text(bytes) => connection.write(&whole, bytes).await?,
        Body::Block(block) => send_block(connection, &whole, block).await?,
        Body::Framed { before, block, after } => {
            whole.extend_from_slice(before);
            send_block(connection, &whole, block).await?;
            connection.write(after, &[]).await?;
        }
    }
    connection.flush().await
}

async fn send_block(connection: &mut Connection, head: &[u8], block: &Block) -> Result<(), HttpError> {
    let mut slices = block.slices();
    let first = slices.next_slice()?.unwrap_or_default();
    connection.write(head, first).await?;
    while let Some(slice) = slices.next_slice()? {
        connection.write(&[], slice).await?;
    }
    Ok(())
}
