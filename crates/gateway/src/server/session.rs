//! A client at the gateway, over all of its lanes.
//!
//! A session outlives its lanes: calls that were taken over run on, and answers wait for the next lane. It ends when no
//! lane came back within [`LINGER`]. Each start of a session has an *epoch* of its own, so a client that comes back to
//! a gateway that has forgotten it (a restart) finds out and sends everything again.
//!
//! *Guarantee:* a call is carried out once in a session, however often its pieces arrive, and its answer is kept until
//! the client has it. What arrives is given to the place behind only as a block whose sums are those the client sent.
//!
//! *Memory:* bodies under way in either direction come out of two pools of the share that the session has of its
//! client's memory ([`crate::server::account`]); answers are charged before the place behind is asked. The pools are two, so that
//! answers that wait for the client to acknowledge can never keep its calls from being read, acknowledgements among them.
//! What is small, heads of calls that run and of answers that wait, is counted, and a client that lets it grow past
//! [`MAX_OWED_BYTES`] is not served any further. A lane waits for memory only while calls that run hold it: they end by
//! themselves. Where the client's own unfinished messages hold it, the lane is closed.

use crate::error::LaneError;
use crate::server::account::{Account, Frames, Share};
use crate::server::perform::{Performed, Performer};
use crate::wire::assembly::Assembly;
use crate::wire::call::{Answer, Call, WireFailure};
use crate::wire::compress::Compression;
use crate::wire::frame::{FrameError, HEADED, Header, Kind, MAX_AHEAD, MAX_BODY_BYTES};
use crate::wire::lane::{Arrived, Side};
use crate::wire::message::{Body, Charged, Message, Owed, charge};
use crate::wire::outbox::{Grant, Keep, Outbox};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use welkin_store::block::{BlockPool, Buffer};
use welkin_store::{Failure, FailureKind};

/// How long a session without lanes is kept: longer than a client's longest pause between two attempts.
pub(crate) const LINGER: Duration = Duration::from_secs(60);

/// Calls of one client that run at the same time.
pub(crate) const MAX_CALLS: usize = 256;

/// Heads of calls that run and of answers that wait. A client that keeps to its grant has 256 of them, each a kilobyte.
const MAX_OWED_BYTES: usize = 4 << 20;

/// What a call or an answer takes beside its head.
const MESSAGE_BYTES: usize = 512;

/// How long a lane waits for memory: past this its client has given the lane up ([`crate::wire::lane`]).
const MEMORY_TIME: Duration = Duration::from_secs(30);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) epoch: u64,
    pub(crate) grant: Grant,
    /// Longest body of a call.
    longest: usize,
    performer: Performer,
    outbox: Outbox,
    calls: BlockPool,
    account: Arc<Account>,
    /// Until the session is over.
    share: Mutex<Option<Share>>,
    owed: Arc<AtomicUsize>,
    compression: Compression,
    state: Mutex<State>,
    lanes: watch::Sender<usize>,
    joined: AtomicBool,
    running: Arc<AtomicUsize>,
    carried: AtomicU64,
    ended: watch::Sender<Option<String>>,
}

#[derive(Debug, Default)]
struct State {
    arriving: BTreeMap<u64, Half>,
    /// Calls that are complete, at or above the floor.
    done: BTreeSet<u64>,
    /// What runs.
    tasks: BTreeMap<u64, AbortHandle>,
    floor: u64,
    /// What unfinished messages are charged.
    half: usize,
}

/// A message that is not complete.
#[derive(Debug)]
struct Half {
    assembly: Assembly<Buffer>,
    charge: usize,
}

impl State {
    fn insert(&mut self, id: u64, half: Half) {
        self.half += half.charge;
        self.arriving.insert(id, half);
    }

    fn remove(&mut self, id: u64) -> Option<Assembly<Buffer>> {
        let half = self.arriving.remove(&id)?;
        self.half -= half.charge;
        Some(half.assembly)
    }

    /// Everything below is over.
    fn raise(&mut self, floor: u64) {
        self.floor = floor;
        self.done = self.done.split_off(&floor);
        // What the client gave up half-way.
        self.arriving = self.arriving.split_off(&floor);
        self.half = self.arriving.values().map(|half| half.charge).sum();
    }
}

impl Session {
    /// `part_bytes` is the shortest part that the place behind takes.
    pub(crate) fn new(
        epoch: u64,
        share: Share,
        part_bytes: u64,
        performer: Performer,
        compression: Compression,
    ) -> Self {
        let bytes = share.bytes;
        let part = usize::try_from(part_bytes.next_power_of_two()).unwrap_or(MAX_BODY_BYTES);
        Self {
            epoch,
            grant: Grant { bytes, messages: MAX_CALLS },
            // Parts are as long as a power of two.
            longest: part.max((bytes + 1).next_power_of_two() / 2).min(MAX_BODY_BYTES),
            performer,
            outbox: Outbox::new(Keep::UntilTaken, Grant { bytes: usize::MAX, messages: usize::MAX }),
            // One more of the largest, for the lane whose client counts a little differently.
            calls: BlockPool::new(bytes + crate::wire::frame::MAX_PAYLOAD_BYTES),
            account: Arc::clone(&share.account),
            share: Mutex::new(Some(share)),
            owed: Arc::default(),
            compression,
            state: Mutex::default(),
            lanes: watch::channel(0).0,
            joined: AtomicBool::new(false),
            running: Arc::default(),
            carried: AtomicU64::new(0),
            ended: watch::channel(None).0,
        }
    }

    /// Longest body of a call.
    pub(crate) fn longest(&self) -> u64 {
        self.longest as u64
    }

    /// Longest piece of an object that one answer carries.
    pub(crate) fn longest_read(&self) -> u64 {
        self.performer.longest_read() as u64
    }

    /// Calls that were carried out.
    pub(crate) fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }

    /// Whether no lane is left.
    pub(crate) fn is_lingering(&self) -> bool {
        *self.lanes.borrow() == 0
    }

    /// Whether its lanes are all gone, and it had some.
    pub(crate) fn is_left(&self) -> bool {
        self.joined.load(Ordering::Relaxed) && self.is_lingering()
    }

    /// Waits until the session is over, and says why.
    pub(crate) async fn over(&self) -> String {
        let mut ended = self.ended.subscribe();
        let why = ended.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a lane until what it returns is dropped.
    pub(crate) fn join(self: &Arc<Self>) -> Joined {
        self.lanes.send_modify(|lanes| *lanes += 1);
        self.joined.store(true, Ordering::Relaxed);
        Joined(Arc::clone(self))
    }

    /// Waits until the session has had no lane for [`LINGER`].
    pub(crate) async fn abandoned(&self) {
        let mut lanes = self.lanes.subscribe();
        loop {
            if lanes.wait_for(|lanes| *lanes == 0).await.is_err() {
                return;
            }
            if tokio::time::timeout(LINGER, lanes.wait_for(|lanes| *lanes > 0)).await.is_err() {
                return;
            }
        }
    }

    /// Ends everything of it, once.
    pub(crate) fn end(&self, why: &str) {
        let first = self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert_with(|| why.to_owned());
            first
        });
        if first {
            let mut state = self.lock();
            state.raise(u64::MAX);
            std::mem::take(&mut state.tasks).into_values().for_each(|task| task.abort());
            drop(state);
            self.share.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Carries a complete call out, beside the lane.
    fn run(self: &Arc<Self>, id: u64, head: Vec<u8>, body: Option<Buffer>, length: usize) {
        // A client that keeps to its grant is never here with more.
        if self.running.load(Ordering::Relaxed) >= 2 * MAX_CALLS {
            let failure = Failure::new(FailureKind::Throttled, "take a call", "too many are running");
            self.answer(id, &Answer::Failed { failure: WireFailure::from(failure) }, Performed::nothing());
            return;
        }
        let Some(owed) = self.owe(head.len()) else { return };
        let running = Running::new(&self.running);
        let session = Arc::clone(self);
        let mut state = self.lock();
        if state.floor == u64::MAX {
            return;
        }
        let task = tokio::spawn(async move {
            let _running = (running, owed);
            let call = serde_json::from_slice::<Call>(&head);
            drop(head);
            let performed = match call {
                Ok(call) => session.performer.perform(call, body, length).await,
                Err(error) => Err(Failure::new(FailureKind::Invalid, "take a call", error.to_string())),
            };
            session.carried.fetch_add(1, Ordering::Relaxed);
            session.lock().tasks.remove(&id);
            match performed {
                Ok((answer, performed)) => session.answer(id, &answer, performed),
                Err(failure) => {
                    let answer = Answer::Failed { failure: failure.into() };
                    session.answer(id, &answer, Performed::nothing());
                }
            }
        });
        state.tasks.insert(id, task.abort_handle());
    }

    /// Counts what a message takes, or ends the session of a client that lets it grow without bound.
    fn owe(&self, head: usize) -> Option<Owed> {
        let owed = Owed::add(&self.owed, head + MESSAGE_BYTES, MAX_OWED_BYTES);
        if owed.is_none() {
            self.end("it made calls and did not acknowledge their answers");
        }
        owed
    }

    fn answer(&self, id: u64, answer: &Answer, performed: Performed) {
        let encode = |answer| Bytes::from(serde_json::to_vec(answer).expect("an answer is plain data"));
        let Performed { body, charged } = performed;
        let charged = Charged { body: charged, owed: None };
        let mut message = Message { id, kind: Kind::Reply, head: encode(answer), body, charged };
        if !message.fits() {
            let failure =
                Failure::new(FailureKind::TooLarge, "answer", "the answer is longer than a message");
            message.head = encode(&Answer::Failed { failure: WireFailure::from(failure) });
            message.body = Body::none();
        }
        message.charged.owed = self.owe(message.head.len());
        if message.charged.owed.is_some() {
            self.outbox.answer(message);
        }
    }

    /// Raises the floor, and says whether a call was taken over before.
    fn is_known(state: &mut State, header: &Header) -> Result<bool, FrameError> {
        if header.floor > state.floor {
            state.raise(header.floor);
        }
        if header.id >= header.floor.saturating_add(MAX_AHEAD) {
            return Err(FrameError::Malformed("it is too far ahead of its floor"));
        }
        Ok(header.id < state.floor || state.done.contains(&header.id))
    }

    /// What a message needs that begins with this piece; `None` where it is known, begun, or needs nothing.
    fn wanted(&self, header: &Header) -> Result<Option<usize>, FrameError> {
        let mut state = self.lock();
        let known = Self::is_known(&mut state, header)?;
        let total = header.total as usize;
        if total > self.longest {
            return Err(FrameError::Malformed("its body is longer than was granted"));
        }
        if total == 0 && !header.has(HEADED) {
            return Err(FrameError::Malformed("it carries nothing"));
        }
        if known || total == 0 || state.arriving.contains_key(&header.id) {
            return Ok(None);
        }
        let bytes = if header.is_whole() {
            (header.payload as usize).max(header.raw as usize)
        } else {
            charge(total, usize::from(header.head))
        };
        // One that is larger than the whole share goes alone.
        if state.half > 0 && state.half + bytes > self.grant.bytes + crate::wire::frame::MAX_PAYLOAD_BYTES {
            return Err(FrameError::Malformed("more was begun than was granted"));
        }
        Ok(Some(bytes))
    }
}

impl Side for Arc<Session> {
    const TAKES: Kind = Kind::Call;

    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn floor(&self) -> u64 {
        0
    }

    async fn room(&self, header: &Header) -> Result<Option<Buffer>, LaneError> {
        let Some(bytes) = self.wanted(header)? else { return Ok(None) };
        let lent = tokio::time::timeout(MEMORY_TIME, self.calls.lend(bytes)).await;
        let memory = lent.map_err(|_| LaneError::Fault("no memory was left for this client".to_owned()))?;
        if header.is_whole() {
            return Ok(Some(memory));
        }
        let mut state = self.lock();
        // Another lane may have brought all or some of it meanwhile.
        if !Session::is_known(&mut state, header)? && !state.arriving.contains_key(&header.id) {
            let assembly = Assembly::new(memory, header.total as usize);
            state.insert(header.id, Half { assembly, charge: bytes });
        }
        Ok(None)
    }

    async fn accept(&self, header: &Header, head: &[u8], piece: Arrived<'_>) -> Result<(), LaneError> {
        let mut state = self.lock();
        if Session::is_known(&mut state, header)? {
            return Ok(());
        }
        let (head, body, length) = match piece {
            Arrived::Placed(buffer) => {
                state.remove(header.id);
                (head.to_vec(), Some(buffer), header.total as usize)
            }
            Arrived::Seen(_) if header.total == 0 => (head.to_vec(), None, 0),
            Arrived::Seen(seen) => {
                let Some(half) = state.arriving.get_mut(&header.id) else { return Ok(()) };
                if !half.assembly.add(header, head, seen)? {
                    return Ok(());
                }
                let Some(assembly) = state.remove(header.id) else { return Ok(()) };
                let (head, memory, length) = assembly.into_parts();
                (head, Some(memory), length)
            }
        };
        state.done.insert(header.id);
        drop(state);
        self.run(header.id, head, body, length);
        Ok(())
    }

    fn frames(&self) -> Option<&Frames> {
        Some(&self.account.frames)
    }

    fn waits(&self) -> bool {
        false
    }

    fn has_company(&self) -> bool {
        *self.lanes.borrow() > 1
    }

    fn compression(&self) -> Compression {
        self.compression
    }
}

/// A lane of a session.
#[derive(Debug)]
pub(crate) struct Joined(Arc<Session>);

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.lanes.send_modify(|lanes| *lanes -= 1);
    }
}

/// A call that runs.
#[derive(Debug)]
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
