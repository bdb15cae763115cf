//! What a lane has sent and the far end has not yet taken over, and how much more it may send.
//!
//! The far end acknowledges pieces by count, in the order of the lane. From each acknowledgement comes a sample of
//! the rate at which the lane delivers, as BBR measures it: bytes delivered since the piece left, over the time from
//! the last delivery before it left to now. A lane may have in flight what it moves in its round trip and
//! [`AHEAD`] more, so that it never runs dry and its share follows its rate within a second. A piece that is out for
//! much longer than that is late: the lane gets nothing further, and the piece may be sent on another lane.
//!
//! *Rejected:* the kernel's estimate (`TCP_INFO`): behind a relay it is the rate of the first leg.

use crate::wire::message::Cut;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// What a lane holds beyond its round trip.
const AHEAD: Duration = Duration::from_millis(350);

/// In flight before anything was measured, and at least: four of the shortest pieces keep a lane busy.
const MIN_WINDOW: usize = 256 << 10;

/// Most in flight on one lane: 350 ms of 180 Mbit/s, and a lane that is faster has a shorter way or company.
const MAX_WINDOW: usize = 8 << 20;

/// What a piece should take to send, so that lanes are compared ten times a second.
const PIECE_TIME: f64 = 0.1;

/// Shortest piece to cut: the head of a frame is a thousandth of it.
const MIN_PIECE: usize = 64 << 10;

/// No piece is late before this: a packet lost twice takes TCP about this long.
const LATE: Duration = Duration::from_millis(900);

/// How much longer than expected is late.
const LATE_FACTOR: u32 = 3;

/// Weight of a new sample.
const GAIN: f64 = 0.3;

#[derive(Debug)]
struct Sent {
    /// `None` for a ping.
    cut: Option<Cut>,
    bytes: usize,
    at: Instant,
    /// Past this it is late, by what the lane promised when it left.
    late_at: Instant,
    delivered: u64,
    delivered_at: Instant,
    /// A copy was given to other lanes.
    doubled: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct InFlight {
    sent: VecDeque<Sent>,
    bytes: usize,
    acked: u64,
    delivered: u64,
    delivered_at: Instant,
    rate: Option<f64>,
    round_trip: Option<Duration>,
    last_sent: Instant,
}

impl InFlight {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            sent: VecDeque::new(),
            bytes: 0,
            acked: 0,
            delivered: 0,
            delivered_at: now,
            rate: None,
            round_trip: None,
            last_sent: now,
        }
    }

    /// How many bytes may be taken now.
    pub(crate) fn room(&self, now: Instant) -> usize {
        match self.sent.front() {
            None => self.window(),
            Some(oldest) if now > oldest.late_at => 0,
            Some(_) => self.window().saturating_sub(self.bytes),
        }
    }

    /// Length of the pieces that suit the lane.
    pub(crate) fn piece(&self) -> usize {
        let wanted = self.rate.map_or(MIN_PIECE, |rate| (rate * PIECE_TIME) as usize);
        wanted.clamp(MIN_PIECE, crate::wire::frame::MAX_PIECE_BYTES)
    }

    fn window(&self) -> usize {
        let Some(rate) = self.rate else { return MIN_WINDOW };
        let time = self.round_trip.unwrap_or_default() + AHEAD;
        ((rate * time.as_secs_f64()) as usize).clamp(MIN_WINDOW, MAX_WINDOW)
    }

    /// How long a piece may take that leaves now, behind what is in flight.
    fn late_after(&self) -> Duration {
        let Some(rate) = self.rate else { return LATE * LATE_FACTOR };
        let expected = Duration::from_secs_f64((self.bytes as f64 / rate.max(1.0)).min(LATE.as_secs_f64()));
        LATE.max((expected + self.round_trip.unwrap_or_default()) * LATE_FACTOR)
    }

    /// Notes what is about to be written.
    pub(crate) fn sent(&mut self, cut: Option<Cut>, bytes: usize, now: Instant) {
        if self.sent.is_empty() {
            self.delivered_at = now;
        }
        self.last_sent = now;
        self.bytes += bytes;
        let (delivered, delivered_at, late_at) = (self.delivered, self.delivered_at, now + self.late_after());
        self.sent.push_back(Sent { cut, bytes, at: now, late_at, delivered, delivered_at, doubled: false });
    }

    /// Takes note that `count` frames have been taken over since the lane began, and hands over their pieces. `None`
    /// when that many were not sent.
    pub(crate) fn acked(&mut self, count: u64, now: Instant, mut each: impl FnMut(&Cut)) -> Option<usize> {
        let fresh = usize::try_from(count.checked_sub(self.acked)?).ok()?;
        if fresh > self.sent.len() {
            return None;
        }
        self.acked = count;
        let mut bytes = 0;
        let mut last = None;
        for sent in self.sent.drain(..fresh) {
            bytes += sent.bytes;
            if let Some(cut) = &sent.cut {
                each(cut);
            }
            last = Some(sent);
        }
        self.bytes -= bytes;
        self.delivered += bytes as u64;
        if let Some(last) = last {
            self.sample(&last, now);
            self.delivered_at = now;
        }
        Some(bytes)
    }

    fn sample(&mut self, sent: &Sent, now: Instant) {
        let round_trip = now.duration_since(sent.at);
        self.round_trip = Some(self.round_trip.map_or(round_trip, |least| least.min(round_trip)));
        if sent.cut.is_none() {
            return;
        }
        let time = now.duration_since(sent.delivered_at).as_secs_f64().max(1e-6);
        let sample = (self.delivered - sent.delivered) as f64 / time;
        let rate = self.rate.unwrap_or(sample);
        // A lane that was short of work shows less than it can; it is believed when it was not.
        let believed = sample > rate || self.bytes + sent.bytes >= self.window() / 2;
        self.rate = Some(if believed { rate + GAIN * (sample - rate) } else { rate });
    }

    /// Copies of the pieces that are late, each once.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<Cut> {
        let late = self.sent.iter_mut().filter(|sent| !sent.doubled && now > sent.late_at);
        late.filter_map(|sent| {
            sent.doubled = true;
            sent.cut.clone()
        })
        .collect()
    }

    /// How long the far end has owed an acknowledgement, and whether it owes one.
    pub(crate) fn owed(&self, now: Instant) -> Option<Duration> {
        let oldest = self.sent.front()?;
        Some(now.duration_since(oldest.at.max(self.delivered_at)))
    }

    /// How long nothing was sent.
    pub(crate) fn idle(&self, now: Instant) -> Duration {
        now.duration_since(self.last_sent)
    }

    /// Everything that was not acknowledged.
    pub(crate) fn drain(&mut self) -> Vec<Cut> {
        self.bytes = 0;
        self.sent.drain(..).filter_map(|sent| sent.cut).collect()
    }

    /// Bytes a second, once measured.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Shortest round trip so far.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether nothing is out.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

#[cfg(test)]
mod tests;
