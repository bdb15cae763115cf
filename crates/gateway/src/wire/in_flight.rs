//! What a lane has sent and the far end has not yet taken over, and how much more it may send.
//!
//! The far end acknowledges pieces by count, in the order of the lane. From each acknowledgement comes a sample of
//! the rate at which the lane delivers, as BBR measures it: bytes delivered since the piece left, over the time from
//! the last delivery before it left to now. A lane may have in flight what it moves in its round trip and
//! some more ([`LEAST_AHEAD`]), so that it never runs dry and its share follows its rate within a second. A lane whose oldest
//! piece is out for much longer than that gets nothing further. A piece that is out for longer than it should be may be
//! sent on another lane, which is asked for only when lanes have nothing else to send.
//!
//! What lies ahead is no longer than it must be, since it bounds what all paths carry together: nearly every message has a
//! piece on the slowest of them, and is held by the far end, within what that granted, until the piece is there.
//!
//! *Rejected:* the kernel's estimate (`TCP_INFO`): behind a relay it is the rate of the first leg.

use crate::wire::message::Cut;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// What a lane holds beyond its round trip: as much again and half of it, as what is lost on the way takes that long to
/// come again.
const LEAST_AHEAD: Duration = Duration::from_millis(150);
const MOST_AHEAD: Duration = Duration::from_millis(350);

/// In flight before anything was measured: four of the shortest pieces.
const FIRST_WINDOW: usize = 256 << 10;

/// In flight at least: a piece on its way, and the next.
const MIN_WINDOW: usize = 128 << 10;

/// Most in flight on one lane: 350 ms of 180 Mbit/s, and a lane that is faster has a shorter way or company.
const MAX_WINDOW: usize = 8 << 20;

/// What a piece should take to send, so that lanes are compared some ten times a second. Shorter ones would spread each message
/// over more lanes, and the slowest of those decides when it is there.
const PIECE_TIME: f64 = 0.07;

/// Shortest piece to cut: the head of a frame is a thousandth of it.
const MIN_PIECE: usize = 64 << 10;

/// No piece is late before this: a packet that is lost twice takes TCP about this long.
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

/// Seconds beyond which it does not matter how slow a lane is.
const MOST_NEEDED: f64 = 3600.0;

/// A piece that is out for longer than it should be.
#[derive(Debug)]
pub(crate) struct Late {
    pub(crate) cut: Cut,
    /// When it left.
    pub(crate) since: Instant,
    /// How much longer it will be out, by the pace of its lane.
    pub(crate) needs: Duration,
}

/// The pace of a lane: bytes a second, and bytes that are ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    rate: f64,
    before: usize,
}

impl Pace {
    /// Whether a piece of so many bytes would be there sooner than by the lane that has it. One that has had it for long needs
    /// as long again, for all that is known.
    pub(crate) fn beats(&self, bytes: usize, late: &Late, now: Instant) -> bool {
        let own = (self.before + bytes) as f64 / self.rate.max(1.0);
        own < late.needs.max(now.duration_since(late.since)).as_secs_f64()
    }
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
        if self.is_stalled(now) { 0 } else { self.window().saturating_sub(self.bytes) }
    }

    /// Length of the pieces that suit the lane.
    pub(crate) fn piece(&self) -> usize {
        let wanted = self.rate.map_or(MIN_PIECE, |rate| (rate * PIECE_TIME) as usize);
        wanted.clamp(MIN_PIECE, crate::wire::frame::MAX_PIECE_BYTES)
    }

    fn window(&self) -> usize {
        let Some(rate) = self.rate else { return FIRST_WINDOW };
        ((rate * self.planned().as_secs_f64()) as usize).clamp(MIN_WINDOW, MAX_WINDOW)
    }

    /// How long the last byte of a full window is out, as planned.
    fn planned(&self) -> Duration {
        let round_trip = self.round_trip.unwrap_or_default();
        round_trip + (round_trip * 3 / 2).clamp(LEAST_AHEAD, MOST_AHEAD)
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

    /// The pieces that are out for longer than they should be, each once.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<Late> {
        let time = LATE.max(self.planned() * 2);
        let (rate, mut before) = (self.rate.unwrap_or(f64::INFINITY), 0);
        let mut late = Vec::new();
        for sent in &mut self.sent {
            before += sent.bytes;
            if !sent.doubled && now > sent.late_at.min(sent.at + time) {
                sent.doubled = true;
                let needs = Duration::from_secs_f64((before as f64 / rate.max(1.0)).min(MOST_NEEDED));
                late.extend(sent.cut.clone().map(|cut| Late { cut, since: sent.at, needs }));
            }
        }
        late
    }

    /// Whether the oldest piece is out for so long that the lane gets nothing further.
    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        self.sent.front().is_some_and(|oldest| now > oldest.late_at)
    }

    /// How fast what is taken now would be there; `None` where that is not known.
    pub(crate) fn pace(&self) -> Option<Pace> {
        self.rate.map(|rate| Pace { rate, before: self.bytes })
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
