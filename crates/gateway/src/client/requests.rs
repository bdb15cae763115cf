//! The client's end of a session: what was called and what has come back, whichever lane brings it.
//!
//! A call is registered under its number before any lane can send it, so no answer finds nobody waiting. Answers of
//! calls that nobody waits for any more are taken from the lane and dropped.
//!
//! *Restart of the gateway:* a lane that is welcomed with another epoch, while no lane of the old one lives, makes
//! everything that is open be sent again from its beginning; what had arrived of answers is forgotten, so that no
//! object is made of the bytes of two readings. Calls that must not be carried out twice fail instead, as passing: the
//! process before may have carried them out, and whoever called knows how to find out.

use crate::error::LaneError;
use crate::wire::assembly::Assembly;
use crate::wire::call::{Answer, Call};
use crate::wire::compress::Compression;
use crate::wire::frame::{FrameError, Header, Kind, MAX_BODY_BYTES};
use crate::wire::lane::{Arrived, Side};
use crate::wire::message::{Body, Charged, Message};
use crate::wire::outbox::{Grant, Keep, Outbox};
use crate::wire::route::Welcome;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use welkin_store::block::Buffer;
use welkin_store::{Failure, FailureKind};

/// Longest answer that is no part of an object: a page of a thousand keys, each a kilobyte and escaped.
const MAX_LIST_BYTES: usize = 16 << 20;

/// How long an answer may take, while the lanes are alive: the longest that stores take to put an object of ten thousand
/// parts together is some minutes.
const ANSWER_TIME: Duration = Duration::from_secs(600);

/// What came back.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) answer: Answer,
    pub(crate) body: Buffer,
    pub(crate) length: usize,
}

#[derive(Debug)]
struct Waiting {
    arriving: Arriving,
    /// Whether it does no harm to carry the call out twice.
    repeatable: bool,
    tell: oneshot::Sender<Result<Returned, Failure>>,
}

/// Memory of an answer.
#[derive(Debug)]
enum Arriving {
    /// Of the caller, before the first piece; `None` where any memory will do.
    Not(Option<Buffer>),
    Partly(Assembly<Buffer>),
}

/// Which gateway process this is a session of.
#[derive(Debug, Default)]
struct Standing {
    epoch: Option<u64>,
    lanes: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Requests {
    outbox: Outbox,
    waiting: Mutex<HashMap<u64, Waiting>>,
    standing: Mutex<Standing>,
    lanes: AtomicUsize,
    compression: Compression,
    welcome: watch::Sender<Option<Arc<Welcome>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Requests {
    pub(crate) fn new(compression: Compression) -> Self {
        // Nothing is granted before the first welcome, and no lane sends before it.
        let outbox = Outbox::new(Keep::UntilAnswered, Grant { bytes: 0, messages: 1 });
        Self {
            outbox,
            waiting: Mutex::default(),
            standing: Mutex::default(),
            lanes: AtomicUsize::new(0),
            compression,
            welcome: watch::channel(None).0,
        }
    }

    /// Makes a call. `place` is where the body of the answer goes.
    pub(crate) async fn call(
        &self,
        operation: &(impl Fn() -> String + Sync),
        call: &Call,
        body: Body,
        place: Option<Buffer>,
    ) -> Result<Returned, Failure> {
        let head = serde_json::to_vec(call).expect("a call is plain data");
        let repeatable = !matches!(call, Call::Begin { .. });
        let (tell, told) = oneshot::channel();
        let charged = Charged::default();
        let mut message = Message { id: 0, kind: Kind::Call, head: Bytes::from(head), body, charged };
        if !message.fits() {
            let why = "its key and metadata, or its length, are beyond what a call can carry";
            return Err(Failure::new(FailureKind::TooLarge, operation(), why));
        }
        let id = self.outbox.submit(|id| {
            message.id = id;
            lock(&self.waiting).insert(id, Waiting { arriving: Arriving::Not(place), repeatable, tell });
            message
        });
        let given_up = GiveUp { desk: self, id };
        let returned = timeout(ANSWER_TIME, told).await;
        drop(given_up);
        let late = || {
            let why = format!("no answer came within {} s", ANSWER_TIME.as_secs());
            Failure::new(FailureKind::Transient, operation(), why)
        };
        let returned = returned.map_err(|_| late())?;
        let gone = || Failure::new(FailureKind::Transient, operation(), "the session ended");
        let mut returned = returned.map_err(|_| gone())?.map_err(|failure| name(failure, operation))?;
        match returned.answer {
            Answer::Failed { failure } => Err(name(failure.into(), operation)),
            _ => {
                returned.length = returned.length.min(returned.body.len());
                Ok(returned)
            }
        }
    }

    /// What the gateway said, once it has.
    pub(crate) fn welcomed(&self) -> watch::Receiver<Option<Arc<Welcome>>> {
        self.welcome.subscribe()
    }

    /// Lets a lane in that was welcomed, until what is returned is dropped.
    pub(crate) fn join(&self, welcome: Welcome) -> Result<Standby<'_>, LaneError> {
        let mut standing = lock(&self.standing);
        match standing.epoch {
            Some(epoch) if epoch == welcome.epoch => {}
            Some(_) if standing.lanes > 0 => {
                return Err(LaneError::Fault(
                    "the path ends at another gateway than its neighbours".to_owned(),
                ));
            }
            before => {
                standing.epoch = Some(welcome.epoch);
                if before.is_some() {
                    self.fail_unrepeatable();
                }
                for waiting in lock(&self.waiting).values_mut() {
                    waiting.arriving.restart();
                }
                self.outbox.restart(welcome.grant());
            }
        }
        standing.lanes += 1;
        self.lanes.store(standing.lanes, Ordering::Relaxed);
        drop(standing);
        self.welcome.send_replace(Some(Arc::new(welcome)));
        Ok(Standby(self))
    }

    /// Ends everything that waits.
    pub(crate) fn fail(&self, kind: FailureKind, why: &str) {
        self.fail_some(kind, why, |_| true);
    }

    fn fail_unrepeatable(&self) {
        self.fail_some(FailureKind::Transient, "the gateway was started anew", |waiting| !waiting.repeatable);
    }

    fn fail_some(&self, kind: FailureKind, why: &str, which: impl Fn(&Waiting) -> bool) {
        let waiting: Vec<_> = lock(&self.waiting).extract_if(|_, waiting| which(waiting)).collect();
        for (id, waiting) in waiting {
            self.outbox.give_up(id);
            let _ = waiting.tell.send(Err(Failure::new(kind, "", why)));
        }
    }

    /// Whether a call is open.
    pub(crate) fn is_busy(&self) -> bool {
        self.outbox.len() > 0
    }

    /// Adds a piece of an answer.
    fn add(&self, header: &Header, head: &[u8], piece: &[u8]) -> Result<(), LaneError> {
        let mut waiting = lock(&self.waiting);
        let Some(entry) = waiting.get_mut(&header.id) else { return Ok(()) };
        let total = header.total as usize;
        if let Arriving::Not(place) = &mut entry.arriving {
            let memory = match place.take() {
                Some(place) => place,
                None if total > MAX_LIST_BYTES => Buffer::detached(0),
                None => Buffer::detached(total),
            };
            if memory.len() < total {
                let why = format!("the answer has {total} bytes, which is more than was asked for");
                return self.end(waiting, header.id, Err(Failure::new(FailureKind::Invalid, "", why)));
            }
            entry.arriving = Arriving::Partly(Assembly::new(memory, total));
        }
        let Arriving::Partly(assembly) = &mut entry.arriving else { return Ok(()) };
        if !assembly.add(header, head, piece)? {
            return Ok(());
        }
        let Some(assembly) = entry.arriving.take() else { return Ok(()) };
        let (head, body, length) = assembly.into_parts();
        let returned = match serde_json::from_slice(&head) {
            Ok(answer) => Ok(Returned { answer, body, length }),
            Err(error) => {
                Err(Failure::new(FailureKind::Invalid, "", format!("the answer makes no sense: {error}")))
            }
        };
        self.end(waiting, header.id, returned)
    }

    fn end(
        &self,
        mut waiting: MutexGuard<'_, HashMap<u64, Waiting>>,
        id: u64,
        returned: Result<Returned, Failure>,
    ) -> Result<(), LaneError> {
        let entry = waiting.remove(&id);
        drop(waiting);
        self.outbox.forget(id);
        if let Some(entry) = entry {
            let _ = entry.tell.send(returned);
        }
        Ok(())
    }
}

impl Arriving {
    fn take(&mut self) -> Option<Assembly<Buffer>> {
        match std::mem::replace(self, Self::Not(None)) {
            Self::Partly(assembly) => Some(assembly),
            Self::Not(_) => None,
        }
    }

    fn restart(&mut self) {
        if let Some(assembly) = self.take() {
            let (_, memory, _) = assembly.into_parts();
            *self = Self::Not(Some(memory));
        }
    }
}

/// A failure in the words of who called.
fn name(failure: Failure, operation: &impl Fn() -> String) -> Failure {
    if failure.operation.is_empty() { Failure { operation: operation(), ..failure } } else { failure }
}

/// Takes a call back that nobody waits for.
struct GiveUp<'a> {
    desk: &'a Requests,
    id: u64,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        if lock(&self.desk.waiting).remove(&self.id).is_some() {
            self.desk.outbox.give_up(self.id);
        }
    }
}

/// A lane of the session.
#[derive(Debug)]
pub(crate) struct Standby<'a>(&'a Requests);

impl Drop for Standby<'_> {
    fn drop(&mut self) {
        let mut standing = lock(&self.0.standing);
        standing.lanes -= 1;
        self.0.lanes.store(standing.lanes, Ordering::Relaxed);
    }
}

impl Side for Requests {
    const TAKES: Kind = Kind::Reply;

    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn floor(&self) -> u64 {
        self.outbox.floor()
    }

    /// Answers are copied to where their callers want them.
    async fn room(&self, header: &Header) -> Result<Option<Buffer>, LaneError> {
        if header.total as usize > MAX_BODY_BYTES {
            return Err(FrameError::Malformed("its body is too long").into());
        }
        Ok(None)
    }

    async fn accept(&self, header: &Header, head: &[u8], piece: Arrived<'_>) -> Result<(), LaneError> {
        let length = header.raw as usize;
        match piece {
            Arrived::Seen(piece) => self.add(header, head, piece),
            Arrived::Placed(buffer) => self.add(header, head, &buffer[..length]),
        }
    }

    fn waits(&self) -> bool {
        self.is_busy()
    }

    fn has_company(&self) -> bool {
        self.lanes.load(Ordering::Relaxed) > 1
    }

    fn compression(&self) -> Compression {
        self.compression
    }
}
