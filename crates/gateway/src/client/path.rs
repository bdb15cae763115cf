//! A path: a way to the gateway, with as many lanes as pay.
//!
//! One task keeps the wanted number of lanes open. A lane that ends is opened again after a pause that doubles with
//! each failure in a row; one that carried something begins anew. Which lanes exist is all that a path decides: what
//! goes over them is the outbox's business.

use crate::client::requests::Requests;
use crate::error::LaneError;
use crate::trust::identity::Identity;
use crate::trust::role::Role;
use crate::wire::batch;
use crate::wire::frame::{Kind, MAX_WORDS_BYTES};
use crate::wire::handshake;
use crate::wire::lane::{Lane, Tally};
use crate::wire::reader::FrameReader;
use crate::wire::route::{self, Hello, Hop, Welcome};
use crate::wire::seal::Seals;
use crate::wire::socket::SocketOptions;
use crate::wire::stream::Words;
use crate::wire::stream::{self, Stream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Fewest lanes that are tuned: with one, a lost packet halts everything.
pub const MIN_LANES: usize = 2;

/// Most lanes of a path.
pub const MAX_LANES: usize = 64;

/// Pause before a lane is opened again, and its longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a path reaches the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// Over these hosts; the last is the gateway. All but the last are relays.
    Hops(Vec<Hop>),
    /// Over the standard input and output of a program that speaks the protocol, such as
    /// `ssh HOST welkin gateway --stdio`, started once for each lane. What protects the bytes is the program.
    Command(Vec<String>),
}

impl Via {
    /// Who is at the other end, as far as that is known before anything is said.
    pub(crate) fn far_end(&self) -> String {
        match self {
            Self::Hops(hops) => hops.last().map_or_else(String::new, |hop| {
                let who = hop.fingerprint.map_or_else(|| "anybody".to_owned(), |print| print.to_string());
                format!("{who} at {}", hop.address)
            }),
            Self::Command(argv) => format!("{argv:?}"),
        }
    }

    /// Which machine the gateway is on: who it is where that is known, else its address. The last word of a command says
    /// what is served there, the others how one comes there.
    pub(crate) fn machine(&self) -> String {
        match self {
            Self::Hops(hops) => hops.last().map_or_else(String::new, |hop| match hop.fingerprint {
                Some(print) => print.to_string(),
                None => hop.address.clone(),
            }),
            Self::Command(argv) => format!("{:?}", argv.split_last().map_or(&[][..], |(_, way)| way)),
        }
    }
}

/// How many lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lanes {
    /// As many as pay, from [`MIN_LANES`] to [`MAX_LANES`].
    #[default]
    Tuned,
    /// So many.
    Fixed(usize),
}

/// A path, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathOptions {
    /// The way.
    pub via: Via,
    /// How many lanes.
    pub lanes: Lanes,
    /// How its sockets are set up.
    pub socket: SocketOptions,
}

impl PathOptions {
    /// Over these hosts, tuned.
    pub fn over(hops: impl IntoIterator<Item = Hop>) -> Self {
        let via = Via::Hops(hops.into_iter().collect());
        Self { via, lanes: Lanes::default(), socket: SocketOptions::default() }
    }

    /// Over a program's input and output. One lane: the program multiplexes nothing.
    pub fn command(argv: impl IntoIterator<Item = String>) -> Self {
        let via = Via::Command(argv.into_iter().collect());
        Self { via, lanes: Lanes::Fixed(1), socket: SocketOptions::default() }
    }

    /// The same with a fixed number of lanes.
    #[must_use]
    pub fn lanes(self, lanes: usize) -> Self {
        Self { lanes: Lanes::Fixed(lanes), ..self }
    }
}

/// How a path is doing.
#[derive(Debug, Clone)]
pub struct PathReport {
    /// The way, for people.
    pub name: String,
    /// Lanes that are open.
    pub lanes: usize,
    /// Lanes that are wanted.
    pub wanted: usize,
    /// Bytes that the gateway has taken over.
    pub sent_bytes: u64,
    /// Bytes taken over from it.
    pub received_bytes: u64,
    /// Both, a second, over the last window.
    pub bytes_per_second: f64,
    /// Shortest round trip to the gateway and back.
    pub round_trip: Option<Duration>,
    /// Pieces that were sent again.
    pub repeated: u64,
    /// Why the last lane ended that did.
    pub trouble: Option<String>,
}

/// A path at work.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) options: PathOptions,
    pub(crate) tally: Arc<Tally>,
    pub(crate) wanted: AtomicUsize,
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lanes: Vec<Arc<Lane>>,
    rate: f64,
    trouble: Option<String>,
    /// The last that the user was told of.
    told: Option<String>,
    refused: bool,
    failures: u32,
    /// Since when there is no lane.
    down: Option<Instant>,
    /// Whether the client is done.
    left: bool,
}

impl Path {
    pub(crate) fn new(options: PathOptions) -> Self {
        let wanted = match options.lanes {
            Lanes::Tuned => MIN_LANES,
            Lanes::Fixed(count) => count.clamp(1, MAX_LANES),
        };
        let state = State {
            lanes: Vec::new(),
            rate: 0.0,
            trouble: None,
            told: None,
            refused: false,
            failures: 0,
            down: Some(Instant::now()),
            left: false,
        };
        Self {
            options,
            tally: Arc::default(),
            wanted: AtomicUsize::new(wanted),
            changed: Notify::new(),
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> String {
        match &self.options.via {
            Via::Hops(hops) => hops.iter().map(|hop| hop.address.as_str()).collect::<Vec<_>>().join(" > "),
            Via::Command(argv) => argv.join(" "),
        }
    }

    /// Sets how many lanes there should be. Those too many end when what they hold has been taken over.
    pub(crate) fn want(&self, lanes: usize) {
        self.wanted.store(lanes, Ordering::Relaxed);
        let retired: Vec<_> = self.lock().lanes.iter().skip(lanes).cloned().collect();
        retired.iter().for_each(|lane| lane.retire());
        self.changed.notify_one();
    }

    /// Says on every lane that the client is done, and opens no further.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        state.left = true;
        state.lanes.iter().for_each(|lane| lane.leave());
        drop(state);
        self.changed.notify_one();
    }

    /// Whether half of its lanes, or more, are late with what they hold: what it moves tells nothing about how many it needs.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        let state = self.lock();
        let stalled = state.lanes.iter().filter(|lane| lane.is_stalled(now)).count();
        stalled > 0 && 2 * stalled >= state.lanes.len()
    }

    pub(crate) fn note_rate(&self, rate: f64) {
        self.lock().rate = rate;
    }

    /// Since when nothing goes over it, whether that is for good, and why.
    pub(crate) fn outage(&self) -> Option<(Instant, bool, String)> {
        let state = self.lock();
        let trouble = state.trouble.clone().unwrap_or_else(|| "no lane is open yet".to_owned());
        state.down.map(|since| (since, state.refused, trouble))
    }

    pub(crate) fn report(&self) -> PathReport {
        let state = self.lock();
        let round_trip = self.tally.round_trip_us.load(Ordering::Relaxed);
        PathReport {
            name: self.name(),
            lanes: state.lanes.len(),
            wanted: self.wanted.load(Ordering::Relaxed),
            sent_bytes: self.tally.sent.load(Ordering::Relaxed),
            received_bytes: self.tally.received.load(Ordering::Relaxed),
            bytes_per_second: state.rate,
            round_trip: (round_trip > 0).then(|| Duration::from_micros(round_trip)),
            repeated: self.tally.repeated.load(Ordering::Relaxed),
            trouble: state.trouble.clone(),
        }
    }

    /// Keeps the lanes open, until it is dropped.
    pub(crate) async fn keep(self: Arc<Self>, desk: Arc<Requests>, session: Arc<Session>) {
        let mut lanes = JoinSet::new();
        loop {
            let left = self.lock().left;
            if left && self.lock().lanes.is_empty() {
                return;
            }
            let wanted = self.wanted.load(Ordering::Relaxed);
            while lanes.len() < wanted && !left {
                let (path, desk, session) = (Arc::clone(&self), Arc::clone(&desk), Arc::clone(&session));
                lanes.spawn(async move { path.lane(&desk, &session).await });
            }
            tokio::select! {
                Some(_) = lanes.join_next() => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// One lane from its pause to its end.
    async fn lane(&self, desk: &Requests, session: &Session) {
        let failures = self.lock().failures;
        if failures > 0 {
            let doubled = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(10));
            sleep(doubled.min(LONGEST_PAUSE)).await;
        }
        let carried = AtomicBool::new(false);
        let ended = self.carry(desk, session, &carried).await;
        let mut state = self.lock();
        state.refused = matches!(ended, LaneError::Refused(_)) && state.lanes.is_empty();
        if carried.load(Ordering::Relaxed) {
            state.failures = 0;
        }
        // A lane that was not wanted any more ends without trouble.
        if !matches!(ended, LaneError::Retired | LaneError::Rekey) {
            state.failures = state.failures.saturating_add(1);
            let trouble = ended.chain();
            // A gateway that is started anew is worth no word, and neither is what was said before.
            // What a program has to say it says itself.
            let silent = matches!(self.options.via, Via::Command(_)) || state.told.as_ref() == Some(&trouble);
            if state.lanes.is_empty() && state.failures > 1 && !silent {
                session.words.say(&format!("no data goes over {}: {trouble}", self.name()));
                state.told = Some(trouble.clone());
            }
            state.trouble = Some(trouble);
        }
        if state.lanes.is_empty() && state.down.is_none() {
            state.down = Some(Instant::now());
        }
    }

    async fn carry(&self, desk: &Requests, session: &Session, carried: &AtomicBool) -> LaneError {
        let Stream { input, mut output, child: _child, .. } = match self.reach(session).await {
            Ok(stream) => stream,
            Err(error) => return error,
        };
        let mut reader = FrameReader::new(input);
        let (welcome, mut seals) = match self.greet(session, &mut reader, &mut output).await {
            Ok(met) => met,
            Err(error) => return error,
        };
        let _standby = match desk.join(welcome) {
            Ok(standby) => standby,
            Err(error) => return error,
        };
        let lane = Arc::new(Lane::new(Arc::clone(&self.tally)));
        let _listed = Listed::new(self, &lane);
        let before = self.moved();
        let ended = lane.carry(desk, &mut reader, &mut output, &mut seals).await;
        carried.store(self.moved() > before, Ordering::Relaxed);
        ended
    }

    async fn reach(&self, session: &Session) -> Result<Stream, LaneError> {
        match &self.options.via {
            Via::Command(argv) => stream::spawn(argv, &session.words).await,
            Via::Hops(hops) => {
                let nowhere = || LaneError::Refused("a path has at least one hop".to_owned());
                let first = hops.first().ok_or_else(nowhere)?;
                stream::reach(first, session.identity.as_deref(), Role::Client, &self.options.socket).await
            }
        }
    }

    async fn greet(
        &self,
        session: &Session,
        reader: &mut FrameReader<stream::Input>,
        output: &mut stream::Output,
    ) -> Result<(Welcome, Option<Seals>), LaneError> {
        let hops = match &self.options.via {
            Via::Hops(hops) => hops.as_slice(),
            Via::Command(_) => &[],
        };
        batch::send(output, Kind::Route, &route::encode(hops.get(1..).unwrap_or_default())).await?;
        let (mut seals, mut late) = (None, None);
        if let (Some(identity), [_, .., last]) = (&session.identity, hops) {
            let unknown = || LaneError::Refused(format!("no fingerprint is given for {}", last.address));
            let far = last.fingerprint.ok_or_else(unknown)?;
            let (keys, session) = handshake::call(identity, far, reader, output).await?;
            (seals, late) = (Some(keys), Some(session));
        }
        let hello = Hello { session: session.number.clone() };
        route::say(output, &mut seals, Kind::Hello, &hello).await?;
        let answer = tokio::time::timeout(stream::REACH_TIME, reader.small(MAX_WORDS_BYTES)).await;
        let (header, payload) = answer.map_err(|_| LaneError::Silent(stream::REACH_TIME.as_secs()))??;
        if let (Kind::Shake, Some(late)) = (header.kind, &mut late) {
            return Err(late.meaning(&payload));
        }
        let welcome: Welcome = route::understand(&mut seals, Kind::Welcome, &header, payload)?;
        Ok((welcome.check()?, seals))
    }

    fn moved(&self) -> u64 {
        self.tally.sent.load(Ordering::Relaxed) + self.tally.received.load(Ordering::Relaxed)
    }
}

/// What all lanes of an agent have in common.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) number: String,
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) words: Words,
}

/// A lane in the list of its path.
struct Listed<'a> {
    path: &'a Path,
    lane: &'a Arc<Lane>,
}

impl<'a> Listed<'a> {
    fn new(path: &'a Path, lane: &'a Arc<Lane>) -> Self {
        let mut state = path.lock();
        state.lanes.push(Arc::clone(lane));
        if state.left {
            lane.leave();
        }
        (state.down, state.refused) = (None, false);
        Self { path, lane }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let mut state = self.path.lock();
        state.lanes.retain(|lane| !Arc::ptr_eq(lane, self.lane));
        if state.lanes.is_empty() {
            state.down = Some(Instant::now());
        }
    }
}
