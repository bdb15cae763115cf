//! A client at the gateway, over all of its lanes.
//!
//! A session outlives its lanes: calls that were taken over run on, and answers wait for the next lane. It ends when no
//! lane came back within [`LINGER`]. Each start of a session has an *epoch* of its own, so a client that comes back to
//! a gateway that has forgotten it (a restart) finds out and sends everything again.
//!
//! *Guarantee:* a call is carried out once in a session, however often its pieces arrive, and its answer is kept until
//! the client has it. What arrives is given to the place behind only as a block whose sums are those the client sent.
//!
//! *Memory:* bodies under way in either direction come out of two pools of the size that the client was granted.
//! A client that sends more than that is not read. The pools are two, so that answers that wait for the client
//! to acknowledge can never keep its calls from being read, acknowledgements among them.

use super::assembly::Assembly;
use super::call::{Answer, Call, WireFailure};
use super::error::LaneError;
use super::frame::{FrameError, Header, Kind, MAX_AHEAD};
use super::lane::{Arrived, Side};
use super::message::{Body, Message, charge};
use super::outbox::{Grant, Keep, Outbox};
use super::perform::{Performed, Performer};
use super::squeeze::Compression;
use crate::block::{BlockPool, Buffer};
use crate::endpoint::{Failure, FailureKind};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How long a session without lanes is kept: longer than a client's longest pause between two attempts.
pub(super) const LINGER: Duration = Duration::from_secs(60);

/// Calls of one client that run at the same time.
pub(super) const MAX_CALLS: usize = 256;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Session {
    pub(super) epoch: u64,
    pub(super) grant: Grant,
    performer: Performer,
    outbox: Outbox,
    calls: BlockPool,
    compression: Compression,
    state: Mutex<State>,
    lanes: watch::Sender<usize>,
    running: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    arriving: BTreeMap<u64, Assembly<Buffer>>,
    /// Calls that are complete, at or above the floor.
    done: BTreeSet<u64>,
    /// What runs.
    tasks: BTreeMap<u64, AbortHandle>,
    floor: u64,
}

impl Session {
    pub(super) fn new(epoch: u64, bytes: usize, performer: Performer, compression: Compression) -> Self {
        Self {
            epoch,
            grant: Grant { bytes, messages: MAX_CALLS },
            performer,
            outbox: Outbox::new(Keep::UntilTaken, Grant { bytes: usize::MAX, messages: usize::MAX }),
            // One more of the largest, for the lane whose client counts a little differently.
            calls: BlockPool::new(bytes + super::frame::MAX_PAYLOAD_BYTES),
            compression,
            state: Mutex::default(),
            lanes: watch::channel(0).0,
            running: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a lane until what it returns is dropped.
    pub(super) fn join(self: &Arc<Self>) -> Joined {
        self.lanes.send_modify(|lanes| *lanes += 1);
        Joined(Arc::clone(self))
    }

    /// Waits until the session has had no lane for [`LINGER`].
    pub(super) async fn abandoned(&self) {
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

    /// Ends everything of it.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.arriving.clear();
        std::mem::take(&mut state.tasks).into_values().for_each(|task| task.abort());
    }

    /// Carries a complete call out, beside the lane.
    fn run(self: &Arc<Self>, id: u64, head: Vec<u8>, body: Option<Buffer>, length: usize) {
        // A client that keeps to its grant is never here with more.
        if self.running.load(Ordering::Relaxed) >= 2 * MAX_CALLS {
            let failure = Failure::new(FailureKind::Throttled, "take a call", "too many are running");
            self.answer(id, &Answer::Failed { failure: WireFailure::from(failure) }, Body::none());
            return;
        }
        let running = Running::new(&self.running);
        let session = Arc::clone(self);
        let mut state = self.lock();
        let task = tokio::spawn(async move {
            let _running = running;
            let call = serde_json::from_slice::<Call>(&head);
            drop(head);
            let performed = match call {
                Ok(call) => session.performer.perform(call, body, length).await,
                Err(error) => Err(Failure::new(FailureKind::Invalid, "take a call", error.to_string())),
            };
            let Performed { answer, body } = performed.unwrap_or_else(|failure| Performed {
                answer: Answer::Failed { failure: failure.into() },
                body: Body::none(),
            });
            session.lock().tasks.remove(&id);
            session.answer(id, &answer, body);
        });
        state.tasks.insert(id, task.abort_handle());
    }

    fn answer(&self, id: u64, answer: &Answer, body: Body) {
        let encode = |answer| Bytes::from(serde_json::to_vec(answer).expect("an answer is plain data"));
        let mut message = Message { id, kind: Kind::Reply, head: encode(answer), body };
        if !message.fits() {
            let failure =
                Failure::new(FailureKind::TooLarge, "answer", "the answer is longer than a message");
            message.head = encode(&Answer::Failed { failure: WireFailure::from(failure) });
            message.body = Body::none();
        }
        self.outbox.answer(message);
    }

    /// Raises the floor, and says whether a call was taken over before.
    fn is_known(state: &mut State, header: &Header) -> Result<bool, FrameError> {
        if header.floor > state.floor {
            state.floor = header.floor;
            state.done = state.done.split_off(&header.floor);
            // What the client gave up half-way.
            state.arriving = state.arriving.split_off(&header.floor);
        }
        if header.id >= header.floor.saturating_add(MAX_AHEAD) {
            return Err(FrameError::Malformed("it is too far ahead of its floor"));
        }
        Ok(header.id < state.floor || state.done.contains(&header.id))
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
        let wanted = {
            let mut state = self.lock();
            let known = Session::is_known(&mut state, header)?;
            header.is_whole() && header.total > 0 && !known && !state.arriving.contains_key(&header.id)
        };
        if !wanted {
            return Ok(None);
        }
        Ok(Some(self.calls.lend((header.payload as usize).max(header.raw as usize)).await))
    }

    async fn accept(&self, header: &Header, head: &[u8], piece: Arrived<'_>) -> Result<(), LaneError> {
        let total = header.total as usize;
        let seen = match piece {
            Arrived::Placed(buffer) => {
                {
                    let mut state = self.lock();
                    if Session::is_known(&mut state, header)? {
                        return Ok(());
                    }
                    state.arriving.remove(&header.id);
                    state.done.insert(header.id);
                }
                self.run(header.id, head.to_vec(), Some(buffer), total);
                return Ok(());
            }
            Arrived::Seen(seen) => seen,
        };
        let absent = {
            let mut state = self.lock();
            if Session::is_known(&mut state, header)? {
                return Ok(());
            }
            !state.arriving.contains_key(&header.id)
        };
        let fresh = match (absent, total) {
            (false, _) => None,
            (true, 0) => Some(Buffer::detached(0)),
            (true, _) => Some(self.calls.lend(charge(total, usize::from(header.head))).await),
        };
        let complete = {
            let mut state = self.lock();
            // Another lane may have brought the rest meanwhile.
            if Session::is_known(&mut state, header)? {
                return Ok(());
            }
            if let Some(memory) = fresh {
                state.arriving.entry(header.id).or_insert_with(|| Assembly::new(memory, total));
            }
            let Some(assembly) = state.arriving.get_mut(&header.id) else { return Ok(()) };
            if assembly.add(header, head, seen)? {
                state.done.insert(header.id);
                state.arriving.remove(&header.id)
            } else {
                None
            }
        };
        if let Some(assembly) = complete {
            let (head, memory, length) = assembly.into_parts();
            self.run(header.id, head, (length > 0).then_some(memory), length);
        }
        Ok(())
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
pub(super) struct Joined(Arc<Session>);

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
