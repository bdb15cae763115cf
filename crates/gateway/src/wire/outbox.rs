//! The queue that all lanes of a session share: whoever has room takes the next piece.
//!
//! ```text
//!  submit ──▶ queue ──cut──▶ lane 1 ──▶  acked ──▶ (all acked / answered) ──▶ forgotten
//!              ▲  ▲──cut──▶ lane 2 ──▶  acked
//!              │    └─cut──▶ lane 3 ──╳  dies
//!              └──── again, at the front ◀──┘
//! ```
//!
//! Messages are cut while they are taken, into as much as the lane moves in a tenth of a second, so a slow lane takes
//! little and no piece is bound to a lane before that lane has room. A piece that a lane could not deliver goes back to the
//! front and another lane takes it. One that a lane holds for too long is taken by a lane that will be sooner with it, while
//! the first goes on; pieces that arrive twice are dropped by the far end.
//! Messages without a body (control calls) overtake those with one.
//!
//! *Guarantee:* a message stays here until the far end has answered it (calls) or has taken over all of its pieces
//! (answers). What is begun and not answered stays within the memory and the number of calls that the far end granted.
//!
//! *Rejected:* a queue for each lane, filled round robin: the slowest lane decides when the last byte arrives.

use crate::wire::frame::MAX_AHEAD;
use crate::wire::in_flight::{Late, Pace};
use crate::wire::message::{Cut, Message, piece_length};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Most pieces that a lane takes at once: they leave in one call into the kernel.
const MAX_CUTS: usize = 21;

/// What the far end is ready to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Bytes of bodies that are begun and not answered.
    pub(crate) bytes: usize,
    /// Messages that are begun and not answered.
    pub(crate) messages: usize,
}

/// When a message may be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// A call: until [`Outbox::forget`].
    UntilAnswered,
    /// An answer: until every piece of it has been taken over.
    UntilTaken,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    keep: Keep,
    /// Told when there may be something to take.
    pub(crate) ready: Notify,
}

#[derive(Debug)]
struct State {
    open: BTreeMap<u64, Open>,
    urgent: VecDeque<u64>,
    queue: VecDeque<u64>,
    again: VecDeque<Cut>,
    late: Vec<Late>,
    grant: Grant,
    held: usize,
    begun: usize,
    /// What the far end still holds of messages that were given up half-way, until the floor has passed them.
    given_up: BTreeMap<u64, usize>,
    next_id: u64,
    round: u32,
}

#[derive(Debug)]
struct Open {
    message: Arc<Message>,
    begun: bool,
    cut: usize,
    pieces: Vec<Piece>,
    taken: usize,
}

#[derive(Debug)]
struct Piece {
    offset: usize,
    acked: bool,
}

impl Outbox {
    pub(crate) fn new(keep: Keep, grant: Grant) -> Self {
        let state = State {
            open: BTreeMap::new(),
            urgent: VecDeque::new(),
            queue: VecDeque::new(),
            again: VecDeque::new(),
            late: Vec::new(),
            grant,
            held: 0,
            begun: 0,
            given_up: BTreeMap::new(),
            next_id: 1,
            round: 0,
        };
        Self { state: Mutex::new(state), keep, ready: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a call under the next number. `build` runs while the number is not yet over nor open: whatever it
    /// registers is there before the answer can be.
    pub(crate) fn submit(&self, build: impl FnOnce(u64) -> Message) -> u64 {
        let id = {
            let mut state = self.lock();
            let id = state.next_id;
            state.next_id += 1;
            state.add(build(id));
            id
        };
        self.ready.notify_one();
        id
    }

    /// Queues an answer.
    pub(crate) fn answer(&self, message: Message) {
        self.lock().add(message);
        self.ready.notify_one();
    }

    /// Takes pieces of about `piece` bytes until `room` is used up, and one that is late elsewhere, where `pace` is better.
    pub(crate) fn take(&self, room: usize, piece: usize, pace: Option<Pace>, into: &mut Vec<Cut>) {
        let mut state = self.lock();
        let mut left = room;
        // One, so that others have some as well.
        if let Some(cut) = pace.and_then(|pace| state.rescue(pace)) {
            left = left.saturating_sub(cut.wire_bytes());
            into.push(cut);
        }
        while left > 0 && into.len() < MAX_CUTS {
            let Some(cut) = state.next(piece) else { break };
            left = left.saturating_sub(cut.wire_bytes());
            into.push(cut);
        }
        let more = !into.is_empty() && state.has_more();
        drop(state);
        if more {
            self.ready.notify_one();
        }
    }

    /// A piece has been taken over by the far end.
    pub(crate) fn acked(&self, cut: &Cut) {
        let mut state = self.lock();
        let round = state.round;
        let Some(open) = state.open.get_mut(&cut.message.id).filter(|_| cut.round == round) else { return };
        let Some(piece) = open.pieces.iter_mut().find(|piece| piece.offset == cut.offset && !piece.acked)
        else {
            return;
        };
        piece.acked = true;
        open.taken += 1;
        let all = open.cut == open.message.total() && open.taken == open.pieces.len();
        if all && self.keep == Keep::UntilTaken {
            state.remove(cut.message.id);
        }
    }

    /// Pieces take too long to arrive: lanes that would be sooner may have them as well.
    pub(crate) fn late(&self, late: Vec<Late>) {
        let mut state = self.lock();
        let late: Vec<_> = late.into_iter().filter(|late| state.is_wanted(&late.cut)).collect();
        state.late.extend(late);
        drop(state);
        self.ready.notify_one();
    }

    /// Whether a lane may have to look at what others are late with.
    pub(crate) fn has_late(&self) -> bool {
        let mut state = self.lock();
        let mut late = std::mem::take(&mut state.late);
        late.retain(|late| state.is_wanted(&late.cut));
        state.late = late;
        !state.late.is_empty()
    }

    /// Pieces did not arrive: they are the next to go, in their order.
    pub(crate) fn again(&self, cuts: impl DoubleEndedIterator<Item = Cut>) {
        let mut state = self.lock();
        for cut in cuts.rev() {
            if state.is_wanted(&cut) {
                state.again.push_front(cut);
            }
        }
        drop(state);
        self.ready.notify_one();
    }

    /// A message has been answered.
    pub(crate) fn forget(&self, id: u64) {
        self.lock().remove(id);
        self.ready.notify_one();
    }

    /// Nobody waits for the answer any more. The far end learns it from the floor.
    pub(crate) fn give_up(&self, id: u64) {
        let mut state = self.lock();
        if let Some(open) = state.open.get(&id).filter(|open| open.begun) {
            let charge = open.message.charge();
            state.held += charge;
            state.given_up.insert(id, charge);
        }
        state.remove(id);
        drop(state);
        self.ready.notify_one();
    }

    /// The far end has forgotten everything, and grants anew.
    pub(crate) fn restart(&self, grant: Grant) {
        let mut state = self.lock();
        state.round += 1;
        state.grant = grant;
        (state.held, state.begun) = (0, 0);
        state.again.clear();
        state.late.clear();
        state.given_up.clear();
        let (mut urgent, mut queue) = (VecDeque::new(), VecDeque::new());
        for (id, open) in &mut state.open {
            (open.begun, open.cut, open.taken) = (false, 0, 0);
            open.pieces.clear();
            if open.message.total() == 0 { &mut urgent } else { &mut queue }.push_back(*id);
        }
        (state.urgent, state.queue) = (urgent, queue);
        drop(state);
        self.ready.notify_one();
    }

    /// Every message below this number is over.
    pub(crate) fn floor(&self) -> u64 {
        self.lock().floor()
    }

    /// Whether a lane with room would find nothing: nothing is left, or what is left has to wait for answers.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.lock();
        let fronts = [state.urgent.front(), state.queue.front()];
        let mut open = fronts.into_iter().flatten().filter_map(|id| state.open.get(id));
        state.again.is_empty() && !open.any(|open| open.begun || state.fits(&open.message))
    }

    /// Whether something waits to be sent, be it again.
    pub(crate) fn has_more(&self) -> bool {
        self.lock().has_more()
    }

    /// How many messages are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().open.len()
    }
}

impl State {
    fn add(&mut self, message: Message) {
        let id = message.id;
        if message.total() == 0 { &mut self.urgent } else { &mut self.queue }.push_back(id);
        let message = Arc::new(message);
        self.open.insert(id, Open { message, begun: false, cut: 0, pieces: Vec::new(), taken: 0 });
    }

    fn floor(&self) -> u64 {
        self.open.first_key_value().map_or(self.next_id, |(id, _)| *id)
    }

    fn next(&mut self, piece: usize) -> Option<Cut> {
        while let Some(cut) = self.again.pop_front() {
            if self.is_wanted(&cut) {
                return Some(cut);
            }
        }
        self.cut(true, piece).or_else(|| self.cut(false, piece))
    }

    /// A piece that would be there sooner at this pace than by the lane that has it.
    fn rescue(&mut self, pace: Pace) -> Option<Cut> {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|late| self.is_wanted(&late.cut));
        let now = Instant::now();
        let best = late.iter().position(|late| pace.beats(late.cut.wire_bytes(), late, now));
        let best = best.map(|at| late.remove(at).cut);
        self.late = late;
        best
    }

    fn cut(&mut self, urgent: bool, wanted: usize) -> Option<Cut> {
        loop {
            let queue = if urgent { &mut self.urgent } else { &mut self.queue };
            let id = *queue.front()?;
            let Some(message) = self.open.get(&id).map(|open| Arc::clone(&open.message)) else {
                queue.pop_front();
                continue;
            };
            if !self.begin(&message) {
                return None;
            }
            let open = self.open.get_mut(&id)?;
            let total = message.total();
            let (offset, headed) = (open.cut, open.pieces.is_empty());
            let length = piece_length(total - offset, wanted);
            open.cut += length;
            open.pieces.push(Piece { offset, acked: false });
            if open.cut == total {
                let queue = if urgent { &mut self.urgent } else { &mut self.queue };
                queue.pop_front();
            }
            return Some(Cut { message, offset, length, headed, round: self.round });
        }
    }

    /// Sets aside what the far end granted for a message, if that is not used up.
    fn begin(&mut self, message: &Message) -> bool {
        let fits = self.fits(message);
        let Some(open) = self.open.get_mut(&message.id) else { return false };
        if !open.begun && fits {
            open.begun = true;
            self.held += message.charge();
            self.begun += 1;
        }
        open.begun
    }

    fn fits(&self, message: &Message) -> bool {
        let charge = message.charge();
        // A message that is larger than the whole grant goes alone.
        let memory = charge == 0 || self.held == 0 || self.held.saturating_add(charge) <= self.grant.bytes;
        memory && self.begun < self.grant.messages && message.id < self.floor().saturating_add(MAX_AHEAD)
    }

    fn is_wanted(&self, cut: &Cut) -> bool {
        let open = self.open.get(&cut.message.id).filter(|_| cut.round == self.round);
        open.is_some_and(|open| open.pieces.iter().any(|piece| piece.offset == cut.offset && !piece.acked))
    }

    fn has_more(&self) -> bool {
        !(self.again.is_empty() && self.late.is_empty() && self.urgent.is_empty() && self.queue.is_empty())
    }

    fn remove(&mut self, id: u64) {
        if let Some(open) = self.open.remove(&id)
            && open.begun
        {
            self.held -= open.message.charge();
            self.begun -= 1;
        }
        let floor = self.floor();
        while let Some(over) = self.given_up.first_entry().filter(|over| *over.key() < floor) {
            self.held -= over.remove();
        }
    }
}

#[cfg(test)]
mod tests;
