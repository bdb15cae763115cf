//! The gateway: takes connections, passes them on as a relay, or serves what is behind it.
//!
//! ```text
//!  connection ─▶ TLS, role ─▶ Route ─┬─ hops remain ─▶ may it? may we? ─▶ next hop, as a relay; frames both ways
//!                                    └─ none ─▶ [Shake] ─▶ Hello ─▶ session ─▶ lane
//! ```
//!
//! *Who may what:* the role that the handshake agreed on decides, and the [`crate::Roster`] what that role may.
//!
//! | came as | its route goes on | its route ends here |
//! |---|---|---|
//! | client, known as one | passed on, with the right to go through | served, by its rights, unsealed |
//! | relay, known as one | passed on | sealed lanes alone, by the rights of the client that sealed them |
//! | anything else | refused | refused |
//!
//! A connection to the next hop is always a relay's, whoever the lane is from. A session belongs to the client that
//! began it: its number together with another fingerprint is another session.
//!
//! *Bounds:* [`crate::server::strangers`] for whoever is not known yet, [`crate::server::account`] for each client,
//! [`ServeOptions::connections`] for all; nobody takes longer than [`FIRST_WORDS_TIME`] to say what it wants. Nothing is
//! kept on disk.

use crate::error::LaneError;
use crate::server::account::{Account, Owner};
use crate::server::log::{Caller, Event};
use crate::server::options::ServeOptions;
use crate::server::perform::Performer;
use crate::server::relay;
use crate::server::session::{MAX_CALLS, Session};
use crate::server::sessions::{Key, Sessions};
use crate::server::strangers::{STRANGER_TIME, Strangers};
use crate::trust::certificates::{self, Who};
use crate::trust::identity::Fingerprint;
use crate::trust::role::Role;
use crate::trust::roster::{Right, Rights, Roster, Standing};
use crate::wire::frame::{FrameError, Kind, MAX_WORDS_BYTES};
use crate::wire::handshake;
use crate::wire::lane::{Lane, Tally};
use crate::wire::reader::FrameReader;
use crate::wire::route::{self, Hello, Hop, Welcome};
use crate::wire::seal::Seals;
use crate::wire::stream::{self, Input, Output, Stream};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use welkin_store::Under;

/// Until a connection that is known has said what it wants: the handshakes of its relays and its own.
const FIRST_WORDS_TIME: Duration = Duration::from_secs(30);

/// Pause when the system has no descriptors left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often rights are looked at that run out.
const EXPIRY_PERIOD: Duration = Duration::from_secs(1);

/// A gateway, a relay, or both, as its [`ServeOptions`] say. [`serve`] is all that most need.
#[derive(Debug)]
pub struct Gateway {
    options: ServeOptions,
    /// For connections, and for handshakes through relays.
    outer: Option<Arc<ServerConfig>>,
    inner: Option<Arc<ServerConfig>>,
    roster: Standing,
    /// Told when the roster has changed.
    revised: watch::Sender<()>,
    sessions: Sessions,
    strangers: Strangers,
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
        let roster =
            Standing::new(options.trust.as_ref().map(|trust| trust.roster.clone()).unwrap_or_default());
        let (mut outer, mut inner) = (None, None);
        if let Some(trust) = &options.trust {
            outer = Some(certificates::server(&trust.identity, Who::Known(roster.clone()))?);
            inner = Some(certificates::server(&trust.identity, Who::Clients(roster.clone()))?);
        }
        let lanes = Arc::new(Semaphore::new(options.connections));
        Ok(Self {
            options,
            outer,
            inner,
            roster,
            revised: watch::channel(()).0,
            sessions: Sessions::default(),
            strangers: Strangers::default(),
            lanes,
            relayed: AtomicU64::new(0),
        })
    }

    /// Exchanges who may do what. Sessions and lanes of whoever lost something are ended.
    pub fn revise(&self, roster: Roster) {
        self.roster.replace(roster);
        self.revised.send_replace(());
    }

    /// Serves whoever connects until the future is dropped, and with it every lane.
    pub async fn listen(self: &Arc<Self>, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            let Ok((tcp, address)) = accepted else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let gateway = Arc::clone(self);
            let number = self.strangers.number();
            let task = tasks.spawn(async move {
                let stranger = Stranger { gateway: &gateway, number };
                gateway.take(tcp, address, stranger).await;
            });
            self.strangers.enter(number, task);
        }
    }

    /// Serves one lane over a pair of pipes: what the other side starts with [`crate::Via::Command`]. Whoever can
    /// write to them is trusted.
    pub async fn speak(self: &Arc<Self>, input: Input, mut output: Output) {
        if crate::wire::batch::send(&mut output, Kind::Greet, &[]).await.is_ok() {
            let stream = Stream { input, output, peer: None, child: None };
            self.follow(stream, Caller { fingerprint: None, role: Role::Client, address: None }, None).await;
        }
    }

    /// Bytes that were passed on for others.
    #[must_use]
    pub fn relayed_bytes(&self) -> u64 {
        self.relayed.load(Ordering::Relaxed)
    }

    async fn take(self: &Arc<Self>, tcp: TcpStream, address: SocketAddr, stranger: Stranger<'_>) {
        let accepted =
            timeout(STRANGER_TIME, stream::accept(tcp, self.outer.clone(), &self.options.socket)).await;
        let Ok(Ok((stream, wrong))) = accepted else { return };
        let (fingerprint, role) = stream.peer.map_or((None, Role::Client), |(who, role)| (Some(who), role));
        let caller = Caller { fingerprint, role, address: Some(address) };
        match wrong {
            None => self.follow(stream, caller, Some(stranger)).await,
            Some(error) => {
                let Stream { input, output, .. } = stream;
                self.part(FrameReader::new(input), output, &error, caller, &mut None).await;
            }
        }
    }

    /// Reads where a connection goes, and goes there.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        stream: Stream,
        caller: Caller,
        stranger: Option<Stranger<'_>>,
    ) {
        let Stream { input, mut output, peer, child } = stream;
        let mut reader = FrameReader::new(input);
        let read = timeout(STRANGER_TIME, route::read(&mut reader)).await;
        let read = read.map_err(|_| LaneError::Silent(STRANGER_TIME.as_secs())).and_then(|read| read);
        let entered = read.and_then(|hops| Ok((hops, self.enter(caller)?)));
        drop(stranger);
        let (hops, _permit) = match entered {
            Ok(entered) => entered,
            Err(error) => return self.part(reader, output, &error, caller, &mut None).await,
        };
        if let Some((next, rest)) = hops.split_first() {
            let near = Stream { input: Box::new(tokio::io::empty()), output, peer, child };
            return self.pass(reader, near, caller, next, rest).await;
        }
        let mut seals = None;
        let greeted = within_time(self.greet(caller, &mut reader, &mut output, &mut seals)).await;
        let (key, session, _lane) = match greeted {
            Ok(met) => met,
            Err(error) => return self.part(reader, output, &error, caller, &mut seals).await,
        };
        let _joined = session.join();
        let lane = Lane::new(Arc::new(Tally::default()));
        let error = tokio::select! {
            error = lane.carry(&session, &mut reader, &mut output, &mut seals) => error,
            why = session.over() => LaneError::Fault(format!("the session was ended: {why}")),
        };
        if matches!(error, LaneError::Over) {
            session.end("the client is done");
            self.sessions.close(&key, &session);
        } else if matches!(error, LaneError::Frame(_) | LaneError::Seal | LaneError::Fault(_)) {
            self.part(reader, output, &error, caller, &mut seals).await;
        }
    }

    /// Counts a connection that is known.
    fn enter(&self, caller: Caller) -> Result<tokio::sync::OwnedSemaphorePermit, LaneError> {
        let full = |_| LaneError::Fault("too many connections are open".to_owned());
        let known = caller.fingerprint.is_none_or(|who| self.is_known(who, caller.role));
        if !known {
            let role = caller.role.word();
            return Err(LaneError::Refused(format!(
                "this certificate is not known here as that of a {role}"
            )));
        }
        Arc::clone(&self.lanes).try_acquire_owned().map_err(full)
    }

    fn is_known(&self, who: Fingerprint, role: Role) -> bool {
        let roster = self.roster.now();
        match role {
            Role::Client => roster.rights(&who).is_some(),
            Role::Relay => roster.is_relay(&who),
            Role::End | Role::Party | Role::Member | Role::Newcomer => false,
        }
    }

    /// Whether somebody may have lanes passed on.
    fn may_pass(&self, caller: Caller) -> bool {
        let roster = self.roster.now();
        match (caller.fingerprint, caller.role) {
            (None, _) => true,
            (Some(who), Role::Client) => {
                roster.rights(&who).is_some_and(|rights| rights.allow(Right::Through))
            }
            (Some(who), Role::Relay) => roster.is_relay(&who),
            (Some(_), Role::End | Role::Party | Role::Member | Role::Newcomer) => false,
        }
    }

    async fn part(
        &self,
        reader: FrameReader<Input>,
        mut output: Output,
        error: &LaneError,
        caller: Caller,
        seals: &mut Option<Seals>,
    ) {
        if let (LaneError::Refused(why), true) = (error, caller.fingerprint.is_some()) {
            self.options.log.tell(&Event::Refused { caller, why: why.clone() });
        }
        let (mut input, _) = reader.into_parts();
        route::farewell(&mut input, &mut output, error, &self.options.name, seals).await;
    }

    /// Passes a lane on, for as long as its client may.
    async fn pass(&self, reader: FrameReader<Input>, near: Stream, caller: Caller, next: &Hop, rest: &[Hop]) {
        let account = self.sessions.account(owner(caller), self.options.client_bytes);
        let full = || LaneError::Fault("too many connections of this client are passed on".to_owned());
        let reached = match account.pass().ok_or_else(full) {
            Ok(permit) => within_time(self.next(caller, next, rest)).await.map(|far| (far, permit)),
            Err(error) => Err(error),
        };
        let (far, _permit) = match reached {
            Ok(reached) => reached,
            Err(error) => return self.part(reader, near.output, &error, caller, &mut None).await,
        };
        let (input, ahead) = reader.into_parts();
        let moved = AtomicU64::new(0);
        let sealed = self.options.trust.is_some();
        let lost = async {
            let mut revised = self.revised.subscribe();
            while self.may_pass(caller) {
                let _ = timeout(EXPIRY_PERIOD, revised.changed()).await;
            }
        };
        tokio::select! {
            () = relay::relay(Stream { input, ..near }, ahead, far, &self.options.name, sealed, &moved) => {}
            () = lost => {}
        }
        let bytes = moved.load(Ordering::Relaxed);
        self.relayed.fetch_add(bytes, Ordering::Relaxed);
        self.options.log.tell(&Event::Passed { caller, to: next.address.clone(), bytes });
    }

    /// The next hop of a lane, which has been told where the lane goes from there.
    async fn next(&self, caller: Caller, next: &Hop, rest: &[Hop]) -> Result<Stream, LaneError> {
        if !self.may_pass(caller) {
            return Err(LaneError::Refused("this client may not go through here".to_owned()));
        }
        let to = self.options.relaying.resolve(&next.address).await?;
        let identity = self.options.trust.as_ref().map(|trust| &*trust.identity);
        let reached = stream::reach_any(next, &to.found, identity, Role::Relay, &self.options.socket).await;
        let mut far = reached.map_err(|error| to.told(error, &next.address))?;
        crate::wire::batch::send(&mut far.output, Kind::Route, &route::encode(rest)).await?;
        Ok(far)
    }

    /// The session of a lane that ends here.
    async fn greet(
        self: &Arc<Self>,
        caller: Caller,
        reader: &mut FrameReader<Input>,
        output: &mut Output,
        seals: &mut Option<Seals>,
    ) -> Result<(Key, Arc<Session>, tokio::sync::OwnedSemaphorePermit), LaneError> {
        let (header, payload) = reader.small(MAX_WORDS_BYTES).await?;
        let owner = match (&self.inner, caller.role, header.kind) {
            (Some(inner), Role::Relay, Kind::Shake) => {
                let (keys, client) = handshake::answer(Arc::clone(inner), &payload, reader, output).await?;
                *seals = Some(keys);
                Owner::Known(client)
            }
            (_, Role::Relay, _) => {
                return Err(LaneError::Refused("a relay brings sealed lanes only".to_owned()));
            }
            _ => owner(caller),
        };
        let hello: Hello = if seals.is_some() {
            route::hear(reader, seals, Kind::Hello).await?
        } else {
            route::understand(seals, Kind::Hello, &header, payload)?
        };
        let account = self.sessions.account(owner, self.options.client_bytes);
        let full = || LaneError::Fault("too many connections of this client are open".to_owned());
        let lane = account.lane().ok_or_else(full)?;
        let (key, session, welcome) = self.session(owner, &account, caller, seals.is_some(), hello)?;
        route::say(output, seals, Kind::Welcome, &welcome).await?;
        Ok((key, session, lane))
    }

    fn rights(&self, who: Option<Fingerprint>) -> Option<Rights> {
        match who {
            Some(client) => self.roster.now().rights(&client).cloned(),
            None => Some(Rights::all()),
        }
    }

    fn session(
        self: &Arc<Self>,
        owner: Owner,
        account: &Arc<Account>,
        caller: Caller,
        sealed: bool,
        hello: Hello,
    ) -> Result<(Key, Arc<Session>, Welcome), LaneError> {
        let Some(place) = &self.options.endpoint else {
            return Err(LaneError::Refused("nothing is served here: this is a relay".to_owned()));
        };
        if hello.session.len() != SESSION_DIGITS {
            return Err(FrameError::Malformed("its session has no proper number").into());
        }
        let unknown =
            || LaneError::Refused("this certificate is not known here as that of a client".to_owned());
        let rights = self.rights(owner.fingerprint()).ok_or_else(unknown)?;
        let folder = Under::folder(Arc::clone(place), &rights.folder);
        let place = folder.map_err(|failure| LaneError::Refused(failure.to_string()))?;
        let limits = place.limits();
        let key = Key::new(owner, hello.session);
        let (session, begun) = self.sessions.open(&key, (owner, account), |share| {
            let performer = Performer::new(Arc::clone(&place), rights.clone(), share.bytes);
            Ok(Session::new(random()?, share, limits.part_bytes_min, performer, self.options.compression))
        })?;
        if begun {
            let (client, rights) = (owner.fingerprint(), rights.to_string());
            self.options.log.tell(&Event::Opened { client, caller, sealed, rights });
            self.watch(key.clone(), caller, self.rights(owner.fingerprint()), &session);
        }
        let mut limits = crate::wire::call::WireLimits::from(limits);
        limits.part_bytes_max = limits.part_bytes_max.min(session.longest());
        let welcome = Welcome {
            epoch: session.epoch,
            name: place.name(),
            bytes: session.grant.bytes as u64,
            messages: MAX_CALLS as u64,
            read_bytes: session.longest_read(),
            limits,
        };
        Ok((key, session, welcome))
    }

    /// Ends a session that nobody comes back to, or whose client may not do any more what it might when it began.
    fn watch(self: &Arc<Self>, key: Key, caller: Caller, rights: Option<Rights>, session: &Arc<Session>) {
        let (gateway, session) = (Arc::downgrade(self), Arc::clone(session));
        let mut revised = self.revised.subscribe();
        tokio::spawn(async move {
            let lost = async {
                while gateway.upgrade().is_some_and(|gateway| gateway.rights(key.who) == rights) {
                    let _ = timeout(EXPIRY_PERIOD, revised.changed()).await;
                }
            };
            let why = tokio::select! {
                () = session.abandoned() => "it had no connection any more".to_owned(),
                () = lost => "its rights have changed".to_owned(),
                why = session.over() => why,
            };
            session.end(&why);
            if let Some(gateway) = gateway.upgrade() {
                gateway.sessions.close(&key, &session);
                let (client, calls) = (key.who, session.carried());
                gateway.options.log.tell(&Event::Closed { client, caller, calls, why });
            }
        });
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.sessions.end();
    }
}

/// Digits of a session's number.
pub(crate) const SESSION_DIGITS: usize = 32;

/// Somebody who is not known yet, for as long as this lives.
pub(crate) struct Stranger<'a> {
    gateway: &'a Gateway,
    number: u64,
}

impl Drop for Stranger<'_> {
    fn drop(&mut self) {
        self.gateway.strangers.leave(self.number);
    }
}

/// Who pays for what a caller does on its own account.
fn owner(caller: Caller) -> Owner {
    match (caller.fingerprint, caller.address) {
        (Some(who), _) => Owner::Known(who),
        (None, Some(address)) => Owner::From(address.ip()),
        (None, None) => Owner::Pipe,
    }
}

async fn within_time<T>(words: impl Future<Output = Result<T, LaneError>>) -> Result<T, LaneError> {
    timeout(FIRST_WORDS_TIME, words).await.map_err(|_| LaneError::Silent(FIRST_WORDS_TIME.as_secs()))?
}

/// 64 bits that nobody can guess.
pub(crate) fn random() -> Result<u64, LaneError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| LaneError::Io(io::Error::other("no randomness")))?;
    Ok(u64::from_le_bytes(bytes))
}
