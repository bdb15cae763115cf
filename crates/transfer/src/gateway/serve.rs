//! The gateway: takes connections, passes them on as a relay, or serves what is behind it.
//!
//! ```text
//!  connection ─▶ TLS ─▶ Route ─┬─ hops remain ─▶ may relay?  ─▶ next hop, frames both ways
//!                              └─ none ─▶ [Shake] ─▶ Hello ─▶ session ─▶ lane
//! ```
//!
//! *Who may what:* with TLS, [`super::Trust::clients`] may call and be relayed; [`super::Trust::relays`] may only bring lanes that
//! are sealed for this gateway by one of the clients. A session belongs to the client that began it: its number
//! together with another fingerprint is another session.
//!
//! *Bounds:* `MAX_LANES` connections, `MAX_SESSIONS` clients of [`ServeOptions::client_bytes`] each; no
//! connection may take longer than `FIRST_WORDS_TIME` to say what it wants. Nothing is kept on disk.

use super::error::LaneError;
use super::frame::Kind;
use super::identity::Fingerprint;
use super::lane::{Lane, Tally};
use super::options::{Relaying, ServeOptions};
use super::perform::Performer;
use super::reader::FrameReader;
use super::route::{self, Hello, Hop, Welcome};
use super::session::{MAX_CALLS, Session};
use super::stream::{self, Input, Output, Stream};
use super::trust;
use super::{relay, shake};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Connections at a time: 64 lanes of 8 paths of 8 clients. A lane costs half a megabyte, with TLS up to two.
const MAX_LANES: usize = 4096;

/// Clients at a time.
const MAX_SESSIONS: usize = 64;

/// Until a connection has said what it wants: the handshakes of its relays and its own.
const FIRST_WORDS_TIME: Duration = Duration::from_secs(30);

/// Pause when the system has no descriptors left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A session belongs to a client, or to whoever connects where nobody is asked.
type Key = (Option<Fingerprint>, String);
type Sessions = HashMap<Key, Arc<Session>>;

/// A gateway, a relay, or both, as its [`ServeOptions`] say. [`serve`] is all that most need.
#[derive(Debug)]
pub struct Gateway {
    options: ServeOptions,
    /// For connections, and for handshakes through relays.
    outer: Option<Arc<ServerConfig>>,
    inner: Option<Arc<ServerConfig>>,
    sessions: Mutex<Sessions>,
    lanes: Arc<Semaphore>,
    relayed: AtomicU64,
}

/// Serves whoever connects to `listener` until the future is dropped.
///
/// # Errors
/// [`LaneError::Refused`] when the identity cannot be used.
pub async fn serve(listener: TcpListener, options: ServeOptions) -> Result<(), LaneError> {
    let gateway = Arc::new(Gateway::new(options)?);
    gateway.listen(listener).await;
    Ok(())
}

impl Gateway {
    /// A gateway that is not listening yet.
    ///
    /// # Errors
    /// [`LaneError::Refused`] when the identity cannot be used.
    pub fn new(options: ServeOptions) -> Result<Self, LaneError> {
        let (mut outer, mut inner) = (None, None);
        if let Some(trust) = &options.trust {
            outer = Some(trust::server(&trust.identity, trust.clients.union(&trust.relays))?);
            inner = Some(trust::server(&trust.identity, trust.clients.clone())?);
        }
        let lanes = Arc::new(Semaphore::new(MAX_LANES));
        Ok(Self { options, outer, inner, sessions: Mutex::default(), lanes, relayed: AtomicU64::new(0) })
    }

    /// Serves whoever connects until the future is dropped, and with it every lane.
    pub async fn listen(self: &Arc<Self>, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            let Ok((tcp, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Beyond the bound a connection is closed at once rather than left to wait.
            let Ok(permit) = Arc::clone(&self.lanes).try_acquire_owned() else { continue };
            let gateway = Arc::clone(self);
            tasks.spawn(async move {
                let _permit = permit;
                gateway.take(tcp).await;
            });
        }
    }

    /// Serves one lane over a pair of pipes: what the other side starts with [`super::Via::Command`]. Whoever can
    /// write to them is trusted.
    pub async fn speak(self: &Arc<Self>, input: Input, output: Output) {
        let stream = Stream { input, output, peer: None, child: None };
        self.follow(stream, Entry::Trusted).await;
    }

    /// Bytes that were passed on for others.
    #[must_use]
    pub fn relayed_bytes(&self) -> u64 {
        self.relayed.load(Ordering::Relaxed)
    }

    async fn take(self: &Arc<Self>, tcp: TcpStream) {
        let Ok(stream) = stream::accept(tcp, self.outer.clone(), &self.options.socket).await else { return };
        let entry = match (&self.options.trust, stream.peer) {
            (None, _) => Entry::Trusted,
            (Some(trust), Some(peer)) if trust.clients.contains(&peer) => Entry::Client(peer),
            _ => Entry::Relay,
        };
        self.follow(stream, entry).await;
    }

    /// Reads where a connection goes, and goes there.
    async fn follow(self: &Arc<Self>, stream: Stream, entry: Entry) {
        let Stream { input, mut output, peer, child } = stream;
        let mut reader = FrameReader::new(input);
        let hops = match within_time(route::read(&mut reader)).await {
            Ok(hops) => hops,
            Err(error) => return self.part(reader, output, &error).await,
        };
        if let Some((next, rest)) = hops.split_first() {
            return match within_time(self.next(next, rest)).await {
                Ok(far) => {
                    let (input, ahead) = reader.into_parts();
                    let near = Stream { input, output, peer, child };
                    relay::relay(near, ahead, far, &self.options.name, &self.relayed).await;
                }
                Err(error) => self.part(reader, output, &error).await,
            };
        }
        let (session, seals) = match within_time(self.greet(entry, &mut reader, &mut output)).await {
            Ok(met) => met,
            Err(error) => return self.part(reader, output, &error).await,
        };
        let _joined = session.join();
        let lane = Lane::new(Arc::new(Tally::default()));
        let error = lane.carry(&session, &mut reader, &mut output, seals).await;
        if matches!(error, LaneError::Frame(_) | LaneError::Seal) {
            self.part(reader, output, &error).await;
        }
    }

    async fn part(&self, reader: FrameReader<Input>, mut output: Output, error: &LaneError) {
        let (mut input, _) = reader.into_parts();
        route::farewell(&mut input, &mut output, error, &self.options.name).await;
    }

    /// The next hop of a lane, which has been told where the lane goes from there.
    async fn next(&self, next: &Hop, rest: &[Hop]) -> Result<Stream, LaneError> {
        let allowed = match &self.options.relaying {
            Relaying::Never => false,
            Relaying::Only(addresses) => addresses.contains(&next.address),
            Relaying::Anywhere => true,
        };
        if !allowed {
            return Err(LaneError::Refused(format!("nothing is passed on to {}", next.address)));
        }
        let identity = self.options.trust.as_ref().map(|trust| &*trust.identity);
        let mut far = stream::reach(next, identity, &self.options.socket).await?;
        super::batch::send(&mut far.output, Kind::Route, &route::encode(rest)).await?;
        Ok(far)
    }

    /// The session of a lane that ends here.
    async fn greet(
        self: &Arc<Self>,
        entry: Entry,
        reader: &mut FrameReader<Input>,
        output: &mut Output,
    ) -> Result<(Arc<Session>, Option<super::seal::Seals>), LaneError> {
        let (header, payload) = reader.small(route::MAX_WORDS_BYTES).await?;
        let (mut seals, hello, client): (_, Hello, _) = match (&self.inner, header.kind) {
            (Some(inner), Kind::Shake) => {
                let (seals, client) = shake::answer(Arc::clone(inner), &payload, reader, output).await?;
                let mut seals = Some(seals);
                let hello = route::hear(reader, &mut seals, Kind::Hello).await?;
                (seals, hello, Some(client))
            }
            _ => {
                let client = match entry {
                    Entry::Trusted => None,
                    Entry::Client(client) => Some(client),
                    Entry::Relay => {
                        return Err(LaneError::Refused("a relay brings sealed lanes only".to_owned()));
                    }
                };
                (None, route::understand(&mut None, Kind::Hello, &header, payload)?, client)
            }
        };
        let (session, welcome) = self.session(client, hello)?;
        route::say(output, &mut seals, Kind::Welcome, &welcome).await?;
        Ok((session, seals))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(
        self: &Arc<Self>,
        client: Option<Fingerprint>,
        hello: Hello,
    ) -> Result<(Arc<Session>, Welcome), LaneError> {
        let Some(endpoint) = &self.options.endpoint else {
            return Err(LaneError::Refused("nothing is served here: this is a relay".to_owned()));
        };
        if hello.session.len() != SESSION_DIGITS {
            return Err(super::frame::FrameError::Malformed("its session has no proper number").into());
        }
        let key = (client, hello.session);
        let mut sessions = self.sessions();
        let session = match sessions.get(&key) {
            Some(session) => Arc::clone(session),
            None if sessions.len() >= MAX_SESSIONS => {
                return Err(LaneError::Fault(format!("{MAX_SESSIONS} clients are being served")));
            }
            None => {
                let bytes = self.options.client_bytes;
                let performer = Performer::new(Arc::clone(endpoint), bytes);
                let session = Session::new(random()?, bytes, performer, self.options.compression);
                let session = Arc::new(session);
                sessions.insert(key.clone(), Arc::clone(&session));
                self.watch(key, &session);
                session
            }
        };
        let welcome = Welcome {
            epoch: session.epoch,
            name: endpoint.name(),
            bytes: session.grant.bytes as u64,
            messages: MAX_CALLS as u64,
            limits: endpoint.limits().into(),
        };
        Ok((session, welcome))
    }

    /// Ends a session that nobody comes back to.
    fn watch(self: &Arc<Self>, key: Key, session: &Arc<Session>) {
        let (gateway, session) = (Arc::downgrade(self), Arc::clone(session));
        tokio::spawn(async move {
            session.abandoned().await;
            session.end();
            if let Some(gateway) = gateway.upgrade() {
                gateway.sessions().remove(&key);
            }
        });
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.sessions().drain().for_each(|(_, session)| session.end());
    }
}

/// Digits of a session's number.
pub(super) const SESSION_DIGITS: usize = 32;

/// How somebody came in.
#[derive(Debug, Clone, Copy)]
enum Entry {
    /// Nobody is asked.
    Trusted,
    /// By a certificate.
    Client(Fingerprint),
    /// By a certificate that is good for sealed lanes.
    Relay,
}

async fn within_time<T>(words: impl Future<Output = Result<T, LaneError>>) -> Result<T, LaneError> {
    timeout(FIRST_WORDS_TIME, words).await.map_err(|_| LaneError::Silent(FIRST_WORDS_TIME.as_secs()))?
}

/// 64 bits that nobody can guess.
pub(super) fn random() -> Result<u64, LaneError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| LaneError::Io(io::Error::other("no randomness")))?;
    Ok(u64::from_le_bytes(bytes))
}
