//! A lane: one connection that carries messages both ways, for either end.
//!
//! ```text
//!            ┌───────── one task ─────────┐
//!  outbox ──▶│ write: acks, pings, pieces │──▶ stream ──▶ ... ──▶ far end
//!            │ read:  pieces, acks        │◀── stream ◀── ... ◀── far end
//!            │ watch: late, silent        │
//!            └────────────────────────────┘
//! ```
//!
//! The three are futures of one task, so nothing of a lane outlives it. They speak through [`Lane`]: the count of
//! frames taken over, which the writer acknowledges, and the [`InFlight`] of what was sent.
//!
//! *Guarantee:* when a lane ends, for whatever reason, every piece that was not acknowledged is back in the outbox.

use crate::error::LaneError;
use crate::server::account::{Frames, Writing};
use crate::wire::batch::Batch;
use crate::wire::compress::{Compression, Squeeze, Unsqueeze};
use crate::wire::frame::{FrameError, Header, Kind, SEALED, SQUEEZED};
use crate::wire::in_flight::InFlight;
use crate::wire::message::Cut;
use crate::wire::outbox::Outbox;
use crate::wire::reader::FrameReader;
use crate::wire::route;
use crate::wire::seal::{Seal, Seals};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use welkin_store::block::Buffer;

/// An acknowledgement that is owed for this long will not come: TCP repeats a packet five times in it, and a link of
/// 60 kbit/s moves the shortest piece. What is on the lane has been given to others long before, if there are others.
const SILENCE: Duration = Duration::from_secs(10);

/// A client that waits for answers asks a lane that was idle for this long whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(1);

/// How often a lane looks at its clock.
const WATCH_PERIOD: Duration = Duration::from_millis(200);

/// A frame that has begun is here within this time, or its sender has given the lane up: it has not been acknowledged
/// for much longer than [`SILENCE`].
const FRAME_TIME: Duration = Duration::from_secs(30);

/// What a lane keeps for small frames. Larger ones are read into memory that all lanes of a client share.
const SMALL_BYTES: usize = 64 << 10;

/// Bytes of one write.
const BATCH_BYTES: usize = 1 << 20;

/// A piece as it arrived.
#[derive(Debug)]
pub(crate) enum Arrived<'a> {
    /// In the lane's memory, which is used again.
    Seen(&'a [u8]),
    /// At the start of the memory that [`Side::room`] gave.
    Placed(Buffer),
}

/// An end of a session: what lanes send for and deliver to.
pub(crate) trait Side: Send + Sync + 'static {
    /// What kind of message it takes.
    const TAKES: Kind;

    fn outbox(&self) -> &Outbox;

    /// Calls below this one are over, as far as this end decides that.
    fn floor(&self) -> u64;

    /// Memory to read a payload into, if it is to be kept as it is. Waits while there is none: the lane is then not
    /// read, and the sender stops.
    fn room(&self, header: &Header) -> impl Future<Output = Result<Option<Buffer>, LaneError>> + Send;

    /// Takes a piece over.
    fn accept(
        &self,
        header: &Header,
        head: &[u8],
        piece: Arrived<'_>,
    ) -> impl Future<Output = Result<(), LaneError>> + Send;

    /// What bounds the memory of frames on their way; `None` at an end that trusts itself.
    fn frames(&self) -> Option<&Frames> {
        None
    }

    /// Whether an answer is due, so that silence has to be explained.
    fn waits(&self) -> bool;

    /// Whether another lane could take what this one holds.
    fn has_company(&self) -> bool;

    fn compression(&self) -> Compression;
}

/// What was moved, for who shows or tunes it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Bytes that the far end has taken over.
    pub(crate) sent: AtomicU64,
    /// Bytes taken over from it.
    pub(crate) received: AtomicU64,
    /// Pieces sent again, on whatever lane.
    pub(crate) repeated: AtomicU64,
    /// Shortest round trip in microseconds; 0 before the first.
    pub(crate) round_trip_us: AtomicU64,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Lane {
    received: AtomicU64,
    ping: AtomicBool,
    retiring: AtomicBool,
    leaving: AtomicBool,
    wake: Notify,
    flight: Mutex<InFlight>,
    tally: Arc<Tally>,
}

impl Lane {
    pub(crate) fn new(tally: Arc<Tally>) -> Self {
        Self {
            received: AtomicU64::new(0),
            ping: AtomicBool::new(false),
            retiring: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            wake: Notify::new(),
            flight: Mutex::new(InFlight::new(Instant::now())),
            tally,
        }
    }

    /// Whether what it holds is late, so that it gets nothing further.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        self.flight().is_stalled(now)
    }

    fn flight(&self) -> MutexGuard<'_, InFlight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes nothing further, and ends when what it holds has been taken over.
    pub(crate) fn retire(&self) {
        self.retiring.store(true, Ordering::Relaxed);
    }

    /// Says that the client is done, and ends.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Carries messages until something ends the lane, and says what.
    pub(crate) async fn carry<S: Side>(
        &self,
        side: &S,
        reader: &mut FrameReader<impl AsyncRead + Unpin + Send>,
        output: &mut (impl AsyncWrite + Unpin + Send),
        seals: &mut Option<Seals>,
    ) -> LaneError {
        let (out, back) = match seals {
            Some(seals) => (Some(&mut seals.out), Some(&mut seals.back)),
            None => (None, None),
        };
        let guard = Guard { lane: self, outbox: side.outbox() };
        let ended = tokio::select! {
            ended = self.read(side, reader, back) => ended,
            ended = self.write(side, output, out) => ended,
            ended = self.watch(side) => ended,
        };
        drop(guard);
        ended.err().unwrap_or(LaneError::Cut)
    }

    async fn read<S: Side>(
        &self,
        side: &S,
        reader: &mut FrameReader<impl AsyncRead + Unpin>,
        mut seal: Option<&mut Seal>,
    ) -> Result<(), LaneError> {
        let mut memory = Vec::new();
        while let Some(header) = reader.header().await? {
            let is_piece = matches!(header.kind, Kind::Call | Kind::Reply);
            if is_piece && header.kind != S::TAKES {
                return Err(FrameError::Malformed("it goes the wrong way").into());
            }
            if header.has(SEALED) && seal.is_none() {
                return Err(route::NOT_SEALED.into());
            }
            let mut place = if is_piece { side.room(&header).await? } else { None };
            let length = header.payload as usize;
            // What is compressed is read beside the place that it will have, and expanded behind itself where it has none.
            let squeezed = header.has(SQUEEZED);
            let placed = place.is_some();
            let more = if squeezed && !placed { header.raw as usize } else { 0 };
            let mut beside = match &place {
                Some(_) if !squeezed => Beside::Nothing,
                _ => Beside::of(length + more, side.frames(), &mut memory).await,
            };
            let payload = match (&mut beside, &mut place) {
                (Beside::Nothing, Some(buffer)) => &mut buffer[..length],
                (beside, _) => &mut beside.bytes()[..length],
            };
            let whole = timeout(FRAME_TIME, reader.payload(&header, payload)).await;
            whole.map_err(|_| LaneError::Silent(FRAME_TIME.as_secs()))??;
            if header.kind == Kind::Fault {
                return Err(route::fault(seal, &header, payload));
            }
            if let Some(seal) = seal.as_mut() {
                seal.open(&header, payload)?;
            }
            match header.kind {
                Kind::Call | Kind::Reply => {
                    let (piece, raw) = (header.piece(), header.raw as usize);
                    let head = payload[piece..][..usize::from(header.head)].to_vec();
                    let arrived = match place {
                        Some(mut buffer) if squeezed => {
                            Unsqueeze::expand(&beside.bytes()[..piece], &mut buffer[..raw])?;
                            Arrived::Placed(buffer)
                        }
                        Some(buffer) => Arrived::Placed(buffer),
                        None if squeezed => {
                            let (small, large) = beside.bytes().split_at_mut(length);
                            Unsqueeze::expand(&small[..piece], &mut large[..raw])?;
                            Arrived::Seen(&large[..raw])
                        }
                        None => Arrived::Seen(&beside.bytes()[..piece]),
                    };
                    side.accept(&header, &head, arrived).await?;
                }
                Kind::Ack => self.acknowledged(side.outbox(), header.id)?,
                Kind::Ping | Kind::Fault => {}
                Kind::Bye if S::TAKES == Kind::Call => return Err(LaneError::Over),
                Kind::Bye => return Err(FrameError::Malformed("it goes the wrong way").into()),
                Kind::Route | Kind::Hello | Kind::Welcome | Kind::Shake | Kind::Greet => {
                    return Err(FrameError::Malformed("it comes too late").into());
                }
            }
            if header.kind.is_acknowledged() {
                self.tally.received.fetch_add(u64::from(header.payload), Ordering::Relaxed);
                self.received.fetch_add(1, Ordering::Release);
                self.wake.notify_one();
            }
        }
        Err(LaneError::Cut)
    }

    fn acknowledged(&self, outbox: &Outbox, count: u64) -> Result<(), LaneError> {
        let mut cuts = Vec::new();
        let taken = {
            let mut flight = self.flight();
            let taken = flight.acked(count, Instant::now(), |cut| cuts.push(cut.clone()));
            let round_trip = flight.round_trip().map_or(0, |time| time.as_micros() as u64);
            self.tally.round_trip_us.store(round_trip, Ordering::Relaxed);
            taken
        };
        let bytes = taken.ok_or(FrameError::Malformed("it acknowledges what was not sent"))?;
        cuts.iter().for_each(|cut| outbox.acked(cut));
        self.tally.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        self.wake.notify_one();
        Ok(())
    }

    async fn write<S: Side>(
        &self,
        side: &S,
        output: &mut (impl AsyncWrite + Unpin),
        seal: Option<&mut Seal>,
    ) -> Result<(), LaneError> {
        let mut batch = Batch::new(seal);
        let mut squeeze = Squeeze::new(side.compression());
        let mut cuts: Vec<Cut> = Vec::new();
        let (mut acked, mut called) = (0, false);
        loop {
            let received = self.received.load(Ordering::Acquire);
            if received > acked {
                acked = received;
                batch.plain(Header { floor: side.floor(), ..Header::bare(Kind::Ack, received) }, &[])?;
            }
            if self.ping.swap(false, Ordering::Relaxed) {
                self.flight().sent(None, 0, Instant::now());
                batch.plain(Header::bare(Kind::Ping, 0), &[])?;
            }
            if self.leaving.load(Ordering::Relaxed) {
                batch.plain(Header::bare(Kind::Bye, 0), &[])?;
                batch.write(output).await?;
                return Err(LaneError::Retired);
            }
            let freed = side.frames().map(|frames| frames.freed.notified());
            let (room, writing) = self.load(side, &mut squeeze, &mut cuts);
            if !cuts.is_empty() {
                let floor = side.floor();
                for cut in cuts.drain(..) {
                    batch.cut(&cut, floor, &mut squeeze)?;
                }
            }
            if !batch.is_empty() {
                batch.write(output).await?;
                drop(writing);
                if side.frames().is_some() {
                    batch.shrink(SMALL_BYTES);
                    squeeze.shrink();
                }
                if side.has_company() && side.outbox().has_more() {
                    tokio::task::yield_now().await;
                }
                continue;
            }
            if room == 0 {
                if std::mem::take(&mut called) {
                    // It was told of something that it cannot take any more: another lane may.
                    side.outbox().ready.notify_one();
                }
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = maybe(freed) => {}
                }
            } else {
                called = tokio::select! {
                    () = self.wake.notified() => false,
                    () = side.outbox().ready.notified() => true,
                }
            }
        }
    }

    /// Takes what there is room for, and notes it as sent. Returns the room there was, and what pays for it.
    fn load<'a, S: Side>(
        &self,
        side: &'a S,
        squeeze: &mut Squeeze,
        cuts: &mut Vec<Cut>,
    ) -> (usize, Option<Writing<'a>>) {
        if self.retiring.load(Ordering::Relaxed) {
            return (0, None);
        }
        let now = Instant::now();
        let (room, piece, pace) = {
            let flight = self.flight();
            squeeze.set_rate(flight.rate().unwrap_or(f64::INFINITY));
            (flight.room(now).min(BATCH_BYTES), flight.piece(), flight.pace())
        };
        if room == 0 || !side.outbox().has_more() {
            return (room, None);
        }
        // A piece at a time, where others are idle: those that are not sent over for long forget how fast their way is.
        let most = if side.has_company() { room.min(piece) } else { room };
        let mut writing = None;
        if let Some(frames) = side.frames() {
            // A piece may be cut beyond the room.
            writing = frames.write(most.max(piece));
            if writing.is_none() {
                return (0, None);
            }
        }
        side.outbox().take(most, piece, pace, cuts);
        if cuts.is_empty() {
            return (room, None);
        }
        let mut flight = self.flight();
        for cut in &*cuts {
            flight.sent(Some(cut.clone()), cut.wire_bytes(), now);
        }
        (room, writing)
    }

    async fn watch<S: Side>(&self, side: &S) -> Result<(), LaneError> {
        let mut ticks = interval(WATCH_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            let (late, owed, idle) = {
                let mut flight = self.flight();
                // What is late is doubled only where nothing else waits to be sent: before that it costs goodput.
                let spare = side.has_company() && side.outbox().is_idle();
                let late = if spare { flight.late(now) } else { Vec::new() };
                (late, flight.owed(now), flight.is_empty().then(|| flight.idle(now)))
            };
            if idle.is_some() && self.retiring.load(Ordering::Relaxed) {
                return Err(LaneError::Retired);
            }
            if owed.is_some_and(|owed| owed > SILENCE) {
                return Err(LaneError::Silent(SILENCE.as_secs()));
            }
            if !late.is_empty() {
                self.tally.repeated.fetch_add(late.len() as u64, Ordering::Relaxed);
                side.outbox().late(late);
            }
            if side.outbox().has_late() {
                // Whoever was told of it may not have been the one to take it.
                self.wake.notify_one();
            }
            if idle.is_some_and(|idle| idle > PING_AFTER) && side.waits() {
                self.ping.store(true, Ordering::Relaxed);
                self.wake.notify_one();
            }
        }
    }
}

/// Gives back what was not acknowledged, also when the lane's task is dropped.
struct Guard<'a> {
    lane: &'a Lane,
    outbox: &'a Outbox,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let cuts = self.lane.flight().drain();
        self.lane.tally.repeated.fetch_add(cuts.len() as u64, Ordering::Relaxed);
        self.outbox.again(cuts.into_iter());
    }
}

/// Memory for a payload that has no place of its own.
enum Beside<'a> {
    Nothing,
    Own(&'a mut [u8]),
    Lent(Buffer),
}

impl<'a> Beside<'a> {
    /// Of the lane's own where that is small or nobody counts.
    async fn of(length: usize, frames: Option<&Frames>, memory: &'a mut Vec<u8>) -> Self {
        match frames {
            Some(frames) if length > SMALL_BYTES => Self::Lent(frames.lend(length).await),
            _ => {
                if memory.len() < length {
                    memory.resize(length, 0);
                }
                Self::Own(&mut memory[..length])
            }
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Nothing => &mut [],
            Self::Own(bytes) => bytes,
            Self::Lent(buffer) => buffer,
        }
    }
}

/// What may never come.
async fn maybe(future: Option<impl Future<Output = ()>>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
