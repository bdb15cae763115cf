//! The asking side.

mod far;
mod follow;
mod login;
pub(crate) mod sse;

pub use far::{Far, Way};
pub use follow::Follow;
pub use login::Login;

use crate::wire::{Arrived, Health, IDEMPOTENCY_KEY, NewRun, Problem, ROOT, Shown, Stop, Taken, plan_digest};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use welkin_records::{RunId, is_project_name};

/// Why a request has no answer that can be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens: there is no socket, or nothing behind it.
    #[error("no broker listens at {}", path.display())]
    Nobody {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A broker elsewhere cannot be reached, or is not the one that was expected.
    #[error("the broker at {address} cannot be reached")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: welkin_gateway::LaneError,
    },
    /// A broker elsewhere does not know who asks.
    #[error("the broker at {address} does not let {fingerprint} in")]
    Unknown {
        /// Where.
        address: String,
        /// Who asked.
        fingerprint: welkin_gateway::Fingerprint,
        /// By what.
        way: Way,
    },
    /// The connection broke before there was a whole answer: what was asked may have been done.
    #[error("the connection to the broker broke")]
    Broken(#[source] hyper::Error),
    /// Somebody listens and does not answer.
    #[error("the broker does not answer within {} s", HEALTH_WITHIN.as_secs())]
    Silent,
    /// The broker ended the connection: it is about to end itself.
    #[error("the broker ended the connection")]
    Ended,
    /// The broker said no.
    #[error("{}", .0.title)]
    Refused(Box<Problem>),
    /// An answer that makes no sense to this version.
    #[error("the broker's answer is not understood ({0})")]
    Strange(String),
}

impl ClientError {
    /// Whether the broker may just have ended: asking the next one makes sense.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Nobody { .. } | Self::Unreachable { .. } | Self::Broken(_) | Self::Ended)
    }
}

/// How long a broker may take to say who it is: it answers within milliseconds unless it is stopped or its machine is
/// far too busy.
const HEALTH_WITHIN: Duration = Duration::from_secs(30);

/// The longest answer: a list of a million runs has some 200 MB.
const MAX_ANSWER_BYTES: usize = 512 << 20;

type Result<T> = std::result::Result<T, ClientError>;

/// Asks a broker. Each request has a connection of its own: one on this machine costs some microseconds, one to another
/// some milliseconds, and none can be half dead.
#[derive(Debug, Clone)]
pub struct Client {
    link: Link,
}

/// The way to a broker.
#[derive(Debug, Clone)]
enum Link {
    /// The socket of one on this machine.
    Socket(PathBuf),
    Far(Arc<Far>),
}

/// A connection.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Client {
    /// For the broker that listens at a socket; nobody is asked yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { link: Link::Socket(socket.into()) }
    }

    /// For a broker elsewhere; nobody is asked yet.
    #[must_use]
    pub fn far(far: Far) -> Self {
        Self { link: Link::Far(Arc::new(far)) }
    }

    /// Who is there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&self) -> Result<Health> {
        tokio::time::timeout(HEALTH_WITHIN, self.get("/health")).await.unwrap_or(Err(ClientError::Silent))
    }

    /// Shows a plan, as it was written, to be run in a project; work is submitted under its [`plan_digest`] and this key then.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn show_plan(&self, plan: &str, project: Option<&str>, key: &str) -> Result<Shown> {
        let digest = plan_digest(plan.as_bytes());
        // Names of projects are plain; what else is said is none, and the submission is told so.
        let project = project.filter(|name| is_project_name(name));
        let query = project.map_or_else(String::new, |name| format!("?project={name}"));
        let path = uri(&format!("/plans/{digest}{query}"));
        let request =
            Request::put(path).header("content-type", "application/json").header(IDEMPOTENCY_KEY, key);
        self.answer(self.send_bytes(request, plan.as_bytes().to_vec()).await?).await
    }

    /// Submits work. The same key with the same work gives the same run.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn submit(&self, run: &NewRun, key: &str) -> Result<Taken> {
        let request = Request::builder().header(IDEMPOTENCY_KEY, key);
        self.json(request.method(Method::POST).uri(uri("/runs")), Some(run)).await
    }

    /// Adds bytes to the upload of this name (`DIGEST-OWN`), where the broker has `at` of it; gives how much it has now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn upload(&self, name: &str, at: u64, part: Vec<u8>) -> Result<Arrived> {
        let path = uri(&format!("/uploads/{name}?at={at}"));
        let request = Request::post(path).header("content-type", "application/octet-stream");
        self.answer(self.send_bytes(request, part).await?).await
    }

    /// Asks the broker to end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stop(&self, stop: &Stop) -> Result<Health> {
        self.post("/stop", stop).await
    }

    /// Follows a run from its beginning.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn follow(&self, run: &RunId) -> Result<Follow> {
        Follow::begin(self.clone(), run.clone()).await
    }

    /// What is at a path below [`ROOT`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(Request::get(uri(path)), None::<&()>).await
    }

    /// What a path below [`ROOT`] answers to a body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.json(Request::post(uri(path)), Some(body)).await
    }

    /// The same, for what is to be as the body says.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.json(Request::put(uri(path)), Some(body)).await
    }

    /// The same, if what is at the path is as `held` says, by its tag; when it is nothing yet, where that is none.
    ///
    /// # Errors
    /// [`ClientError`]; refused when it is not.
    pub async fn put_if<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        held: Option<&str>,
    ) -> Result<T> {
        let request = Request::put(uri(path));
        let request = match held {
            Some(tag) => request.header("if-match", tag),
            None => request.header("if-none-match", "*"),
        };
        self.json(request, Some(body)).await
    }

    /// What a path below [`ROOT`] answers to a body, if what it is about is as it was at this tag.
    ///
    /// # Errors
    /// [`ClientError`]; refused when it is not.
    pub async fn post_if<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        tag: &str,
    ) -> Result<T> {
        self.json(Request::post(uri(path)).header("if-match", tag), Some(body)).await
    }

    /// Removes what is at a path below [`ROOT`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(Request::delete(uri(path)), None::<&()>).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        request: hyper::http::request::Builder,
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        self.answer(self.send(request, body).await?).await
    }

    async fn answer<T: DeserializeOwned>(&self, answer: Response<Incoming>) -> Result<T> {
        let bytes = whole(answer.into_body(), MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Strange(error.to_string()))
    }

    /// Sends a request; an answer that is no success is an error.
    async fn send(
        &self,
        request: hyper::http::request::Builder,
        body: Option<&impl Serialize>,
    ) -> Result<Response<Incoming>> {
        let bytes = match body {
            Some(body) => {
                serde_json::to_vec(body).map_err(|error| ClientError::Strange(error.to_string()))?
            }
            None => Vec::new(),
        };
        self.send_bytes(request.header("content-type", "application/json"), bytes).await
    }

    async fn send_bytes(
        &self,
        request: hyper::http::request::Builder,
        bytes: Vec<u8>,
    ) -> Result<Response<Incoming>> {
        let request = request
            .header("host", "welkin")
            .body(Full::new(Bytes::from(bytes)))
            .map_err(|error| ClientError::Strange(error.to_string()))?;
        let stream: Box<dyn Wire> = match &self.link {
            Link::Socket(path) => Box::new(
                connect(path).await.map_err(|source| ClientError::Nobody { path: path.clone(), source })?,
            ),
            Link::Far(far) => far.connect().await?,
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        // Ends with the answer's body, or with the broker; what becomes something else goes on by itself.
        tokio::spawn(connection.with_upgrades());
        let answer = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        let (status, became) = (answer.status(), StatusCode::SWITCHING_PROTOCOLS);
        if status.is_success() || status == became { Ok(answer) } else { Err(refused(answer).await) }
    }
}

impl Client {
    /// What a connection that broke before there was an answer means.
    fn broken(&self, error: hyper::Error) -> ClientError {
        match &self.link {
            Link::Far(far) if far::is_refusal(&error) => far.unknown(),
            _ => ClientError::Broken(error),
        }
    }
}

fn uri(path: &str) -> String {
    format!("{ROOT}{path}")
}

async fn refused(answer: Response<Incoming>) -> ClientError {
    let status = answer.status();
    let body = match whole(answer.into_body(), MAX_ANSWER_BYTES).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    match serde_json::from_slice(&body) {
        Ok(problem) => ClientError::Refused(Box::new(problem)),
        Err(_) => ClientError::Strange(plain(status)),
    }
}

/// A body to its end, unless that does not come.
async fn whole<B: Body<Data = Bytes>>(body: B, most: usize) -> Result<Bytes>
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, most).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) => Err(match error.downcast() {
            Ok(broken) => ClientError::Broken(*broken),
            Err(_) => ClientError::Strange(format!("it has more than {most} bytes")),
        }),
    }
}

fn plain(status: StatusCode) -> String {
    format!("HTTP {status}")
}

/// Longest path that the kernel takes for a socket.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// A socket whose path is longer is reached below a descriptor of its folder.
async fn connect(socket: &Path) -> io::Result<UnixStream> {
    if socket.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
        return UnixStream::connect(socket).await;
    }
    let (folder, name) = short(socket)?;
    let path = format!("/proc/self/fd/{}/{name}", std::os::fd::AsRawFd::as_raw_fd(&folder));
    UnixStream::connect(path).await
}

/// The open folder of a socket, and its name there.
///
/// # Errors
/// When the folder cannot be opened, or the path names no file.
pub(crate) fn short(socket: &Path) -> io::Result<(std::os::fd::OwnedFd, String)> {
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    };
    let way = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    Ok((rustix::fs::open(folder, way, rustix::fs::Mode::empty())?, name.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_refused() {
        let answer = || Full::new(Bytes::from_static(b"12345678"));
        assert_eq!(whole(answer(), 8).await.unwrap(), "12345678");
        let refused = whole(answer(), 7).await.unwrap_err();
        assert!(
            matches!(&refused, ClientError::Strange(words) if words.contains("more than 7")),
            "{refused}"
        );
    }
}
