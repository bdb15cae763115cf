//! A host as the broker sees it: there, on the way, or gone.
//!
//! The first call makes the connection, and whoever comes meanwhile waits for the same one. When it breaks,
//! the next call makes another. A host that has not been heard of for [`LOST_AFTER`] is gone until a
//! connection stands again: who owns leases there must not wait for ever. The first login of a process may take longer,
//! and a host is not gone for that before a try has failed.
//!
//! *Guarantee.* No call waits for a host that is gone; a connection that stands again is told to whoever
//! sweeps. That something is not there, or is lost, no call is told but by the host.

use super::link::{CallError, Link};
use super::wire::{self, Answer, Ask, Frame, HostInfo, PROTOCOL};
use async_trait::async_trait;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use welkin_provider::{Door, ErrorKind, ProviderError};

/// How long a host may be out of reach before what runs on it counts as lost.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(8);

/// Longest time of a connection to stand, the upload of the program included: 100 MB over a line of 10 Mbit/s
/// take 80 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(180);

/// Pause between two tries to reach a host that is gone.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// A host that is gone is still given this much, in case it is back.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// Time of one call beyond what it was asked to wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Makes connections to one host.
#[async_trait]
pub(crate) trait Transport: Send + Sync + fmt::Debug {
    /// A connection on which the program on the host has greeted.
    async fn open(&self) -> Result<Opened, Unreached>;
}

/// A connection to the program on a host.
pub(crate) struct Opened {
    pub(crate) input: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) output: Box<dyn AsyncWrite + Send + Unpin>,
    /// What carries it, and is killed with it.
    pub(crate) child: Option<tokio::process::Child>,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreached {
    /// What it means: [`ErrorKind::Transient`] where waiting may help.
    pub(crate) kind: ErrorKind,
    /// What happened.
    pub(crate) message: String,
    /// What would mend it.
    pub(crate) remedy: Option<String>,
}

/// One host.
#[derive(Debug)]
pub(crate) struct Reach {
    provider: String,
    host: String,
    transport: Arc<dyn Transport>,
    state: Mutex<State>,
    /// Held by whoever makes the connection.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    link: Option<Standing>,
    /// The last failure, and when.
    failed: Option<(Instant, Unreached)>,
    /// How many connections have stood.
    stood: u64,
    /// While there is no connection: the last sign of life, or the first try without any.
    silent_since: Option<Instant>,
}

impl State {
    /// Whether a try has come to its end: before, silence says nothing.
    const fn was_tried(&self) -> bool {
        self.stood > 0 || self.failed.is_some()
    }
}

/// A connection that stands.
#[derive(Debug, Clone)]
struct Standing {
    link: Arc<Link>,
    info: HostInfo,
    /// Its number.
    stood: u64,
}

impl Reach {
    pub(crate) fn new(provider: &str, host: &str, transport: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self {
            provider: provider.to_owned(),
            host: host.to_owned(),
            transport,
            state: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether nothing was heard for so long that what ran there is lost.
    pub(crate) fn is_gone(&self) -> bool {
        let state = self.state();
        let silent = state.silent_since.is_some_and(|since| since.elapsed() >= LOST_AFTER);
        state.link.is_none() && silent && state.was_tried()
    }

    /// The number of the connection, where one stands.
    pub(crate) fn stood(&self) -> Option<u64> {
        self.present().map(|standing| standing.stood)
    }

    /// What the host is and has, and the number of the connection by which it said so.
    pub(crate) async fn info(self: &Arc<Self>) -> Result<(HostInfo, u64), Unreached> {
        self.standing().await.map(|standing| (standing.info, standing.stood))
    }

    /// Asks the host.
    pub(crate) async fn call(
        self: &Arc<Self>,
        operation: &str,
        ask: &Ask,
        body: &[u8],
        wait: Duration,
    ) -> Result<(Answer, Vec<u8>), ProviderError> {
        let standing = match self.standing().await {
            Ok(standing) => standing,
            Err(unreached) => {
                return Err(self.error(operation, unheard(unreached.kind), unreached.message));
            }
        };
        match standing.link.call(ask, body, wait.saturating_add(ANSWER_WITHIN)).await {
            Ok((Answer::Failed { kind, message, retry_after }, _)) => {
                Err(ProviderError { retry_after, ..self.error(operation, kind, wire::words(message)) })
            }
            Ok(answer) => Ok(answer),
            Err(CallError::Over(why)) => {
                let message = format!("the connection to {} broke: {why}", self.host);
                Err(self.error(operation, ErrorKind::Transient, message))
            }
            Err(CallError::Late(time)) => {
                let message = format!("{} did not answer within {} s", self.host, time.as_secs());
                Err(self.error(operation, ErrorKind::Transient, message))
            }
            Err(CallError::Unasked(why)) => Err(self.error(operation, ErrorKind::Invalid, why)),
        }
    }

    /// Logs in on a connection of its own: what is behind the answer is no conversation any more.
    pub(crate) async fn login(&self, operation: &str, ask: &Ask) -> Result<(Door, Opened), ProviderError> {
        let fault = |kind, message| self.error(operation, kind, message);
        let late = || fault(ErrorKind::Transient, format!("{} does not answer", self.host));
        let opened = timeout(CONNECT_WITHIN, self.transport.open()).await.map_err(|_| late())?;
        let mut opened = opened.map_err(|unreached| fault(unheard(unreached.kind), unreached.message))?;
        let broken = |error: wire::WireError| {
            fault(ErrorKind::Transient, format!("the connection to {} broke: {error}", self.host))
        };
        let asked =
            wire::encode(0, ask, &[]).map_err(|error| fault(ErrorKind::Invalid, error.to_string()))?;
        let answered = timeout(ANSWER_WITHIN, async {
            wire::write(&mut opened.output, &asked).await?;
            wire::read::<Answer>(&mut opened.input).await
        });
        match answered.await.map_err(|_| late())?.map_err(broken)? {
            Some(Frame { head: Answer::Login(door), .. }) => Ok((door, opened)),
            Some(Frame { head: Answer::Failed { kind, message, .. }, .. }) => {
                Err(fault(kind, wire::words(message)))
            }
            Some(_) => Err(fault(ErrorKind::Invalid, format!("{} answered something else", self.host))),
            None => Err(fault(ErrorKind::Transient, format!("{} hung up", self.host))),
        }
    }

    pub(crate) fn error(&self, operation: &str, kind: ErrorKind, message: String) -> ProviderError {
        ProviderError::new(self.provider.clone(), format!("{operation} on {}", self.host), kind, message)
    }

    /// The connection, made where there is none. Nobody waits for it longer than until the host is gone;
    /// making it goes on without them.
    async fn standing(self: &Arc<Self>) -> Result<Standing, Unreached> {
        if let Some(standing) = self.present() {
            return Ok(standing);
        }
        let within = {
            let mut state = self.state();
            match state.silent_since {
                Some(since) if state.was_tried() => LOST_AFTER.saturating_sub(since.elapsed()),
                // A host that nobody has met yet may need the program first.
                Some(since) => CONNECT_WITHIN.saturating_sub(since.elapsed()),
                None => {
                    state.silent_since = Some(Instant::now());
                    CONNECT_WITHIN
                }
            }
        };
        let this = Arc::clone(self);
        let made = tokio::spawn(async move { this.make().await });
        match timeout(within.max(SHORTEST_WAIT), made).await {
            Ok(Ok(made)) => made,
            Ok(Err(_)) | Err(_) => Err(self.last_failure()),
        }
    }

    fn last_failure(&self) -> Unreached {
        let known = self.state().failed.as_ref().map(|(_, why)| why.clone());
        known.unwrap_or_else(|| Unreached {
            kind: ErrorKind::Transient,
            message: format!("{} cannot be reached", self.host),
            remedy: None,
        })
    }

    /// The connection that stands, if one does.
    fn present(&self) -> Option<Standing> {
        let mut state = self.state();
        let standing = state.link.clone()?;
        if standing.link.over().is_none() {
            return Some(standing);
        }
        state.link = None;
        state.silent_since = Some(standing.link.heard());
        None
    }

    async fn make(&self) -> Result<Standing, Unreached> {
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(standing) = self.present() {
            return Ok(standing);
        }
        if let Some((at, why)) = &self.state().failed
            && at.elapsed() < TRY_EVERY
        {
            return Err(why.clone());
        }
        let connected = timeout(CONNECT_WITHIN, self.connect()).await;
        let connected = connected.unwrap_or_else(|_| {
            let message = format!("no connection to {} within {} s", self.host, CONNECT_WITHIN.as_secs());
            Err(Unreached { kind: ErrorKind::Transient, message, remedy: None })
        });
        let mut state = self.state();
        match connected {
            Ok((link, info)) => {
                state.stood += 1;
                let standing = Standing { link: Arc::new(link), info, stood: state.stood };
                (state.link, state.failed, state.silent_since) = (Some(standing.clone()), None, None);
                Ok(standing)
            }
            Err(why) => {
                state.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    async fn connect(&self) -> Result<(Link, HostInfo), Unreached> {
        let unreached = |message| Unreached { kind: ErrorKind::Transient, message, remedy: None };
        let Opened { input, output, child } = self.transport.open().await?;
        let link = Link::new(input, output, child);
        match link.call(&Ask::Hello, &[], ANSWER_WITHIN).await {
            Ok((Answer::Hello(info), _)) if info.protocol == PROTOCOL && info.is_sensible() => {
                Ok((link, *info))
            }
            Ok((Answer::Hello(info), _)) if info.protocol == PROTOCOL => {
                Err(unreached(format!("{} says of itself what cannot be", self.host)))
            }
            Ok((Answer::Hello(info), _)) => {
                let message = format!("{} speaks protocol {}, not {PROTOCOL}", self.host, info.protocol);
                Err(Unreached { kind: ErrorKind::NotSupported, message, remedy: None })
            }
            Ok(_) => Err(unreached(format!("{} answers something else", self.host))),
            Err(CallError::Over(why) | CallError::Unasked(why)) => {
                Err(unreached(format!("the connection to {} broke: {why}", self.host)))
            }
            Err(CallError::Late(_)) => Err(unreached(format!("{} does not answer", self.host))),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kind of a call that never came to the host. Whether there is a lease, whether it is lost, and whether what it needs
/// has room is for the host alone to say: who takes the way there for its answer strikes off what it still holds.
const fn unheard(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::NotFound | ErrorKind::LeaseLost | ErrorKind::NoCapacity | ErrorKind::Conflict => {
            ErrorKind::Transient
        }
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a minute to fail.
    #[derive(Debug)]
    struct Slow;

    #[async_trait]
    impl Transport for Slow {
        async fn open(&self) -> Result<Opened, Unreached> {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Err(Unreached { kind: ErrorKind::Transient, message: "refused".to_owned(), remedy: None })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_is_not_gone_while_the_first_login_is_being_made() {
        let reach = Reach::new("ssh", "h1", Arc::new(Slow));
        let ask = |reach: Arc<Reach>| async move { reach.info().await.err().map(|why| why.message) };
        let first = tokio::spawn(ask(Arc::clone(&reach)));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(!reach.is_gone());
        // Whoever comes meanwhile waits for the same.
        let began = Instant::now();
        assert_eq!(ask(Arc::clone(&reach)).await.as_deref(), Some("refused"));
        assert_eq!(began.elapsed().as_secs(), 30);
        assert_eq!(first.await.unwrap().as_deref(), Some("refused"));
        assert!(reach.is_gone());
    }
}
