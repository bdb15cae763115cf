//! The broker's side of the socket.

use crate::socket::{MAX_SOCKET_NAME_BYTES, Reach, fits};
use crate::wire::{AgentInfo, Envelope, FrameError, PROTOCOL, Request, Response};
use crate::wire::{read_frame, write_frame};
use crate::word::Word;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};
use welkin_provider::{ErrorKind, Event, Login, Node, ProviderError, Step, StepId, UnixMillis};
use welkin_units::Span;

/// Time an agent gets for an answer beyond what it was asked to wait: it answers within
/// milliseconds, so this much silence means that it hangs or its machine does.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Longest wait of one request: a longer poll is made of several, each a sign of life.
const POLL_TIME: Duration = Duration::from_secs(10);

/// Pause between two looks at an agent that is still starting.
const READY_PERIOD: Duration = Duration::from_millis(2);

/// Time to make what a login takes: some programs are run on the node, at the first login a key is made.
const LOGIN_TIME: Span = Span::from_secs(20);

/// Whether an agent answers that it does not know what is asked of it.
fn knows_none(error: &ProviderError) -> bool {
    error.kind == ErrorKind::Invalid && error.message.contains("unknown variant")
}

/// A node whose agent listens on a unix socket of this machine.
///
/// Failures: an absent socket, or one that nobody listens on, is [`ErrorKind::Transient`] while the
/// agent may still be starting, and [`ErrorKind::LeaseLost`] once it has answered before (by this
/// value, or by [`AgentNode::assume_seen`]): an agent never comes back by itself.
#[derive(Debug)]
pub struct AgentNode {
    socket: PathBuf,
    provider: String,
    word: Word,
    seen: AtomicBool,
}

impl AgentNode {
    /// The node behind `socket`; `provider` names the provider in errors. Does not connect yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, provider: impl Into<String>) -> Self {
        Self {
            socket: socket.into(),
            provider: provider.into(),
            word: Word::default(),
            seen: AtomicBool::new(false),
        }
    }

    /// Speaks with the word of the lease.
    #[must_use]
    pub fn with_word(self, word: Word) -> Self {
        Self { word, ..self }
    }

    /// Says that the agent is known to have answered before.
    #[must_use]
    pub fn assume_seen(self) -> Self {
        self.seen.store(true, Ordering::Relaxed);
        self
    }

    /// Path of the socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks who serves the node.
    ///
    /// # Errors
    /// As [`Node`]'s methods.
    pub async fn hello(&self) -> Result<AgentInfo, ProviderError> {
        match self.call("hello", Request::Hello, Span::ZERO).await? {
            Response::Hello(info) => Ok(info),
            other => Err(self.unexpected("hello", &other)),
        }
    }

    /// Waits until the agent answers, at most for `patience`.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn wait_ready(&self, patience: Span) -> Result<AgentInfo, ProviderError> {
        let deadline = Instant::now() + patience.duration();
        loop {
            match self.hello().await {
                Err(error) if error.kind == ErrorKind::Transient && Instant::now() < deadline => {
                    sleep(READY_PERIOD).await;
                }
                result => return result,
            }
        }
    }

    /// Gives a sign of life.
    ///
    /// # Errors
    /// As [`Node`]'s methods.
    pub async fn ping(&self) -> Result<(), ProviderError> {
        self.done("ping", Request::Ping, Span::ZERO).await
    }

    /// Tells the node, and every script on it, that the provider will take it away. Idempotent.
    ///
    /// # Errors
    /// As [`Node`]'s methods.
    pub async fn preempt(&self, at: UnixMillis) -> Result<(), ProviderError> {
        self.done("announce preemption", Request::Preempt { at }, Span::ZERO).await
    }

    async fn done(&self, operation: &str, request: Request, wait: Span) -> Result<(), ProviderError> {
        match self.call(operation, request, wait).await? {
            Response::Done => Ok(()),
            other => Err(self.unexpected(operation, &other)),
        }
    }

    /// One request on a connection of its own: connecting costs some 20 µs, and a long poll then
    /// never stands in the way of a stop.
    async fn call(&self, operation: &str, request: Request, wait: Span) -> Result<Response, ProviderError> {
        self.ask(operation, request, wait).await.map(|(response, _)| response)
    }

    /// The same, with the connection.
    async fn ask(
        &self,
        operation: &str,
        request: Request,
        wait: Span,
    ) -> Result<(Response, UnixStream), ProviderError> {
        let exchange = async {
            let mut stream = self.connect(operation).await?;
            let envelope = Envelope { protocol: PROTOCOL, word: self.word.clone(), request };
            write_frame(&mut stream, &envelope).await.map_err(|e| self.broken(operation, &e))?;
            let response = read_frame(&mut stream).await.map_err(|e| self.broken(operation, &e))?;
            let hung_up = || self.error(operation, ErrorKind::Transient, "the agent hung up");
            Ok((response.ok_or_else(hung_up)?, stream))
        };
        let limit = wait.duration().saturating_add(ANSWER_TIME);
        let (response, stream) = timeout(limit, exchange)
            .await
            .map_err(|_| self.error(operation, ErrorKind::Transient, "the agent does not answer"))??;
        self.seen.store(true, Ordering::Relaxed);
        match response {
            Response::Failed { kind, message } => Err(self.error(operation, kind, message)),
            response => Ok((response, stream)),
        }
    }

    async fn connect(&self, operation: &str) -> Result<UnixStream, ProviderError> {
        if !fits(&self.socket) {
            let message = format!("the socket's name is longer than {MAX_SOCKET_NAME_BYTES} bytes");
            return Err(self.error(operation, ErrorKind::Invalid, message));
        }
        let connected = async {
            let reach = Reach::of(&self.socket)?;
            UnixStream::connect(reach.path()).await
        };
        connected.await.map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                    if self.seen.load(Ordering::Relaxed) =>
                {
                    ErrorKind::LeaseLost
                }
                io::ErrorKind::PermissionDenied => ErrorKind::Forbidden,
                _ => ErrorKind::Transient,
            };
            self.error(operation, kind, format!("cannot reach the agent: {error}"))
        })
    }

    fn broken(&self, operation: &str, error: &FrameError) -> ProviderError {
        let kind = match error {
            FrameError::Io(_) => ErrorKind::Transient,
            FrameError::TooLong(_) | FrameError::Malformed(_) => ErrorKind::Invalid,
        };
        let cause = match error {
            FrameError::Io(source) => format!("{error}: {source}"),
            other => other.to_string(),
        };
        self.error(operation, kind, cause)
    }

    fn unexpected(&self, operation: &str, _response: &Response) -> ProviderError {
        self.error(operation, ErrorKind::Invalid, "the agent answered something else")
    }

    fn error(&self, operation: &str, kind: ErrorKind, message: impl Into<String>) -> ProviderError {
        let operation = format!("{operation} on {}", self.socket.display());
        ProviderError::new(self.provider.clone(), operation, kind, message)
    }
}

#[async_trait]
impl Node for AgentNode {
    async fn start(&self, step: &Step) -> Result<(), ProviderError> {
        let request = Request::Start { step: Box::new(step.clone()) };
        self.done(&format!("start step {}", step.id), request, Span::ZERO).await
    }

    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Vec<Event>, ProviderError> {
        let operation = format!("read events of step {step}");
        let deadline = Instant::now().checked_add(wait.duration());
        loop {
            let left = deadline.map_or(POLL_TIME, |at| at.saturating_duration_since(Instant::now()));
            let lap = Span::from_millis(left.min(POLL_TIME).as_millis() as u64);
            let request = Request::Events { step: step.clone(), from, wait: lap };
            match self.call(&operation, request, lap).await? {
                Response::Events { events, over } if over || !events.is_empty() || left <= POLL_TIME => {
                    return Ok(events);
                }
                Response::Events { .. } => {}
                other => return Err(self.unexpected(&operation, &other)),
            }
        }
    }

    async fn stop(&self, step: &StepId, grace: Span) -> Result<(), ProviderError> {
        let request = Request::Stop { step: step.clone(), grace };
        self.done(&format!("stop step {step}"), request, grace).await
    }

    async fn say(&self, step: &StepId, id: &str, line: Option<&str>) -> Result<(), ProviderError> {
        let (id, line) = (id.to_owned(), line.map(str::to_owned));
        let request = Request::Say { step: step.clone(), id, line };
        self.done(&format!("say something to step {step}"), request, Span::ZERO).await
    }

    async fn login(&self, key: &str, env: &BTreeMap<String, String>) -> Result<Login, ProviderError> {
        let request = Request::Login { key: key.to_owned(), env: env.clone() };
        match self.ask("log in", request, LOGIN_TIME).await {
            Ok((Response::Login(door), stream)) => Ok(Login { door, bytes: Box::new(stream) }),
            Ok((other, _)) => Err(self.unexpected("log in", &other)),
            Err(error) if knows_none(&error) => {
                let message = "the agent of this node is of a version without logins: a node that is made anew has them";
                Err(ProviderError { kind: ErrorKind::NotSupported, message: message.to_owned(), ..error })
            }
            Err(error) => Err(error),
        }
    }

    async fn logins(&self) -> Result<u32, ProviderError> {
        match self.call("count logins", Request::Logins, Span::ZERO).await {
            Ok(Response::Logins { open }) => Ok(open),
            Ok(other) => Err(self.unexpected("count logins", &other)),
            Err(error) if knows_none(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }
}
