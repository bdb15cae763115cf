//! How many lanes pay: the one hill climber of transfers and of the paths to a gateway.
//!
//! A hill is climbed in windows of goodput. At first lanes are doubled each window, for as long as that pays
//! ([`PAYS`]); a line with a long round trip is full after a second or two. What does not pay is looked at again, over
//! more windows and (where [`Habits::misses`] says so) with twice the lanes once more, before it is taken back: a step
//! may look bad only because the lanes before it were new and had not lost a packet yet. Then the climber
//! rests. After each rest it tries to double again, and every third time to do with a third less. Rests get
//! longer while nothing changes, and end early when goodput falls: lanes that were new carried more before their
//! first loss than they can keep up, which hides what more of them would bring.
//!
//! The scales are not even on purpose: a lane too many costs a socket, a lane too few costs its share of the
//! path. Where the last step up paid, or one down did not, doing with fewer is not tried before rests are as long
//! as they get. Windows in which the lanes had nothing to do say nothing and are skipped.
//!
//! *Guarantee:* always within the bounds; a pure function of what it is shown.
//!
//! *Rejected:* a formula out of round trip and loss (both are unknown behind a relay, and what limits is as often the
//! store, this machine, or a bound on each connection); steps of a few lanes (on a path with 0.1 % loss the goodput of
//! half a second scatters by a third, and only a large step stands out from that); passing over the window after
//! each step of the first climb (six steps of two windows are most of the time that a transfer of some gigabytes takes).

/// What doubling must bring.
const PAYS: f64 = 0.12;

/// What a third less may cost.
const COSTS: f64 = 0.03;

/// Goodput below this share of what it was when the rest began ends the rest, if it stays there for two windows.
const FALLEN: f64 = 0.7;

/// Windows of the first rest, and of the longest.
const MIN_REST: u32 = 6;
const MAX_REST: u32 = 60;

/// Windows that are averaged before a step is judged: while climbing, afterwards, when what did not pay is looked at
/// again, and before lanes are given up.
const JUDGED_CLIMBING: u32 = 1;
const JUDGED: u32 = 2;
const JUDGED_AGAIN: u32 = 2;
const JUDGED_FEWER: u32 = 6;

/// One try in so many is with fewer lanes.
const FEWER_EVERY: u32 = 3;

/// Who climbs, and how.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Fewest lanes.
    pub least: usize,
    /// Lanes at the start.
    pub start: usize,
    /// Most lanes.
    pub most: usize,
    /// Steps in a row that do not pay before they are taken back.
    pub misses: u32,
    /// Whether a step that does not pay is looked at again first.
    pub looks_again: bool,
}

/// Where a try began.
#[derive(Debug, Clone, Copy)]
struct Before {
    lanes: usize,
    goodput: f64,
    misses: u32,
    looked_again: bool,
}

/// What it is told and what it says to do is at the head of this file.
#[derive(Debug)]
pub struct Climber {
    habits: Habits,
    lanes: usize,
    before: Option<Before>,
    climbing: bool,
    /// Whether all lanes are known, or taken, to pay.
    steep: bool,
    /// Windows to pass over.
    skip: u32,
    next_rest: u32,
    seen: u32,
    sum: f64,
    tries: u32,
    /// Goodput when the rest began, and windows in a row in which it was far below that.
    rested_at: f64,
    fallen: u32,
}

impl Climber {
    /// At the start of a climb.
    #[must_use]
    pub fn new(habits: Habits) -> Self {
        Self {
            habits,
            lanes: habits.start,
            before: None,
            climbing: true,
            // Who starts with more than the fewest has a reason to.
            steep: habits.start > habits.least,
            skip: 1,
            next_rest: MIN_REST,
            seen: 0,
            sum: 0.0,
            tries: 0,
            rested_at: 0.0,
            fallen: 0,
        }
    }

    /// Lanes there should be.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Has other habits from now on; where it has climbed to, it stays.
    pub fn adopt(&mut self, habits: Habits) {
        self.habits = habits;
    }

    /// Takes a window's goodput and returns how many lanes there should be.
    pub fn window(&mut self, goodput: f64, busy: bool) -> usize {
        if !busy {
            return self.lanes;
        }
        if self.skip > 0 {
            self.pass(goodput);
            return self.lanes;
        }
        self.seen += 1;
        self.sum += goodput;
        if self.seen < self.judged() {
            return self.lanes;
        }
        let goodput = self.sum / f64::from(self.seen);
        (self.seen, self.sum) = (0, 0.0);
        match self.before.take() {
            None => self.try_another(goodput),
            Some(before) => self.judge(before, goodput),
        }
        self.lanes
    }

    /// The store wants less: a third of the lanes goes at once.
    pub fn ease(&mut self) -> usize {
        self.lanes = (self.lanes * 2 / 3).max(self.habits.least);
        (self.before, self.steep, self.seen, self.sum) = (None, false, 0, 0.0);
        self.rest(0.0);
        self.lanes
    }

    /// A window of a rest, or the one after a step.
    fn pass(&mut self, goodput: f64) {
        self.skip -= 1;
        self.fallen = if goodput < self.rested_at * FALLEN { self.fallen + 1 } else { 0 };
        if self.fallen >= 2 {
            (self.skip, self.fallen, self.rested_at) = (0, 0, 0.0);
            self.next_rest = MIN_REST;
        }
    }

    /// How many windows the next decision takes.
    fn judged(&self) -> u32 {
        match self.before {
            Some(Before { looked_again: true, .. }) => JUDGED_AGAIN,
            _ if self.climbing => JUDGED_CLIMBING,
            Some(before) if before.lanes > self.lanes => JUDGED_FEWER,
            None if self.is_fewer_next() => JUDGED_FEWER,
            _ => JUDGED,
        }
    }

    fn judge(&mut self, before: Before, goodput: f64) {
        let gained = goodput / before.goodput.max(1.0) - 1.0;
        if self.lanes < before.lanes {
            if gained >= -COSTS {
                (self.steep, self.next_rest) = (false, MIN_REST);
            } else {
                (self.steep, self.lanes) = (true, before.lanes);
            }
            return self.rest(before.goodput);
        }
        if gained >= PAYS {
            (self.steep, self.next_rest) = (true, MIN_REST);
            return self.double(Before { lanes: self.lanes, goodput, misses: 0, looked_again: false });
        }
        let misses = before.misses + 1;
        if misses < self.habits.misses && self.lanes < self.habits.most {
            return self.double(Before { misses, ..before });
        }
        if self.habits.looks_again && !before.looked_again {
            self.before = Some(Before { looked_again: true, ..before });
            return;
        }
        self.lanes = before.lanes;
        self.steep = false;
        self.rest(before.goodput);
    }

    fn is_fewer_next(&self) -> bool {
        !self.steep && self.tries % FEWER_EVERY == FEWER_EVERY - 1 && self.lanes * 2 / 3 >= self.habits.least
    }

    /// Tries another number of lanes, from one that goodput is known of.
    fn try_another(&mut self, goodput: f64) {
        let fewer = self.is_fewer_next();
        self.tries += 1;
        let before = Before { lanes: self.lanes, goodput, misses: 0, looked_again: false };
        if !fewer {
            return self.double(before);
        }
        self.before = Some(before);
        self.lanes = self.lanes * 2 / 3;
        self.skip = 1;
    }

    fn double(&mut self, before: Before) {
        if self.lanes >= self.habits.most {
            return self.rest(before.goodput);
        }
        self.before = Some(before);
        self.lanes = (self.lanes * 2).min(self.habits.most);
        self.skip = u32::from(!self.climbing);
    }

    fn rest(&mut self, goodput: f64) {
        self.climbing = false;
        (self.rested_at, self.fallen) = (goodput, 0);
        self.skip = self.next_rest;
        self.next_rest = (self.next_rest * 2).min(MAX_REST);
    }
}

#[cfg(test)]
mod tests;
