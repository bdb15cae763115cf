//! A node on a host: its steps, with the data that go there before and come back after.
//!
//! What a step reads is brought to the node's own data before it starts ([`super::carry`]), and the step is told to
//! fetch it from there. What it publishes it puts there, and it is fetched from there before the event that tells
//! of it is passed on: who hears that an output is there finds it there.

use super::notes::Notes;
use crate::remote::{Answer, Ask, Opened, Reach};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::Child;
use welkin_provider::{
    ErrorKind, Event, EventKind, LeaseId, Login, Node, ProviderError, Step, StepId, StoreAccess,
};
use welkin_units::Span;

/// A node of a lease.
#[derive(Debug)]
pub(super) struct SshNode {
    pub(super) reach: Arc<Reach>,
    /// As the host calls it.
    pub(super) lease: LeaseId,
    /// Rank there.
    pub(super) rank: u32,
    /// Where its data lie there.
    pub(super) data: String,
    /// Where its outputs go here.
    pub(super) notes: Notes,
    /// What this process has brought back already.
    pub(super) brought: Mutex<BTreeSet<(StepId, String)>>,
}

#[async_trait]
impl Node for SshNode {
    async fn start(&self, step: &Step) -> Result<(), ProviderError> {
        let mut there = step.clone();
        for fetch in &mut there.fetch {
            self.bring(&fetch.store, &fetch.prefix).await?;
            fetch.store = self.own();
        }
        if !step.publish.is_empty() {
            self.note(&step.id, &step.publish).await?;
        }
        for publish in &mut there.publish {
            publish.store = self.own();
        }
        let operation = format!("start step {}", step.id);
        let (lease, rank) = (self.lease.clone(), self.rank);
        self.done(&operation, &Ask::Start { lease, rank, step: Box::new(there) }, &[]).await
    }

    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Vec<Event>, ProviderError> {
        let operation = format!("read events of step {step}");
        let (lease, rank) = (self.lease.clone(), self.rank);
        let ask = Ask::Events { lease, rank, step: step.clone(), from, wait };
        let events = match self.reach.call(&operation, &ask, &[], wait.duration()).await? {
            (Answer::Events(events), _) => events,
            _ => return Err(self.odd(&operation)),
        };
        for event in &events {
            if let EventKind::Published { name, .. } = &event.kind {
                self.fetch_back(step, name).await?;
            }
        }
        Ok(events)
    }

    async fn say(&self, step: &StepId, id: &str, line: Option<&str>) -> Result<(), ProviderError> {
        let operation = format!("say something to step {step}");
        let (lease, rank, step) = (self.lease.clone(), self.rank, step.clone());
        let (id, line) = (id.to_owned(), line.map(str::to_owned));
        self.done(&operation, &Ask::Say { lease, rank, step, id, line }, &[]).await
    }

    async fn stop(&self, step: &StepId, grace: Span) -> Result<(), ProviderError> {
        let operation = format!("stop step {step}");
        let (lease, rank) = (self.lease.clone(), self.rank);
        let ask = Ask::Stop { lease, rank, step: step.clone(), grace };
        match self.reach.call(&operation, &ask, &[], grace.duration()).await? {
            (Answer::Done, _) => Ok(()),
            _ => Err(self.odd(&operation)),
        }
    }

    async fn login(&self, key: &str, env: &BTreeMap<String, String>) -> Result<Login, ProviderError> {
        let (lease, rank) = (self.lease.clone(), self.rank);
        let ask = Ask::Login { lease, rank, key: key.to_owned(), env: env.clone() };
        let (door, Opened { input, output, child }) = self.reach.login("log in", &ask).await?;
        Ok(Login { door, bytes: Box::new(Carried { input, output: Some(output), _child: child }) })
    }

    async fn logins(&self) -> Result<u32, ProviderError> {
        let ask = Ask::Logins { lease: self.lease.clone(), rank: self.rank };
        match self.reach.call("count logins", &ask, &[], Duration::ZERO).await? {
            (Answer::Logins(open), _) => Ok(open),
            _ => Err(self.odd("count logins")),
        }
    }
}

/// A login that a process of its own carries to the host. It ends with this.
struct Carried {
    input: Box<dyn AsyncRead + Send + Unpin>,
    /// None once this way is at its end: a pipe says that by being closed.
    output: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    _child: Option<Child>,
}

impl AsyncRead for Carried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_read(cx, buf)
    }
}

impl AsyncWrite for Carried {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.output {
            Some(output) => Pin::new(output).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.output {
            Some(output) => Pin::new(output).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().poll_flush(cx))?;
        self.output = None;
        Poll::Ready(Ok(()))
    }
}

impl SshNode {
    /// The node's own data, as its agent finds them.
    fn own(&self) -> StoreAccess {
        StoreAccess::folder(&self.data)
    }

    pub(super) async fn done(&self, operation: &str, ask: &Ask, body: &[u8]) -> Result<(), ProviderError> {
        match self.reach.call(operation, ask, body, Duration::ZERO).await? {
            (Answer::Done, _) => Ok(()),
            _ => Err(self.odd(operation)),
        }
    }

    pub(super) fn odd(&self, operation: &str) -> ProviderError {
        let message = format!("{} answered something else", self.reach.host());
        self.reach.error(operation, ErrorKind::Invalid, message)
    }

    pub(super) fn disk(&self, operation: &str, error: &io::Error) -> ProviderError {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let kind = match error.kind() {
            StorageFull | QuotaExceeded | ReadOnlyFilesystem => ErrorKind::NoCapacity,
            _ => ErrorKind::Transient,
        };
        self.reach.error(operation, kind, format!("on this machine: {error}"))
    }

    pub(super) fn brought(&self) -> std::sync::MutexGuard<'_, BTreeSet<(StepId, String)>> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
