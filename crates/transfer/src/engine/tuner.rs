//! How many lanes pay.
//!
//! Hill climbing on the rate: every [`WINDOW`] it is compared with that before the last change. More lanes are tried
//! while each step gains [`GAIN`]; a step that does not is taken back, and tried again after a pause
//! that doubles, because the line may have changed. Throttling takes a third of the lanes away at once.
//!
//! *Rejected:* a fixed number (one connection gets 6 Mbit/s over a line with 80 ms and 0.1 % loss, eight get 143), and a
//! model of the line (what limits is as often the store, or this machine).

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often the rate is looked at.
pub(super) const WINDOW: Duration = Duration::from_millis(500);

/// Lanes at the start: enough to hide one round trip behind others. Where this machine is what limits,
/// more of them only push each other out of the cache (eight cost 7 % more CPU than four).
const START: usize = 4;

/// Most lanes: what one machine keeps busy without its own bookkeeping showing.
const MOST: usize = 64;

/// How much more rate a step must bring to be kept.
const GAIN: f64 = 1.05;

/// Windows until a step that did not pay is tried again, at first and at most.
const PATIENCE: (u32, u32) = (8, 120);

/// Decides on the number of lanes.
#[derive(Debug)]
pub(super) struct Tuner {
    target: AtomicUsize,
    fixed: bool,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Rate and lanes before the step that is being tried.
    before: Option<(f64, usize)>,
    /// Windows left until the next try.
    rest: u32,
    /// How long the next rest will be.
    patience: u32,
}

impl Tuner {
    pub(super) fn new(lanes: Option<usize>) -> Self {
        let state = State { before: None, rest: 1, patience: PATIENCE.0 };
        let target = AtomicUsize::new(lanes.unwrap_or(START).max(1));
        Self { target, fixed: lanes.is_some(), state: Mutex::new(state) }
    }

    /// Lanes there should be.
    pub(super) fn lanes(&self) -> usize {
        self.target.load(Ordering::Relaxed)
    }

    /// Takes note of what was moved in the last window; whether the number of lanes changed.
    pub(super) fn observe(&self, rate: f64) -> bool {
        if self.fixed {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = self.lanes();
        let mut next = lanes;
        match state.before.take() {
            Some((before, _)) if rate > before * GAIN => {
                state.patience = PATIENCE.0;
                next = grow(lanes);
            }
            Some((_, fewer)) => {
                next = fewer;
                state.rest = state.patience;
                state.patience = (state.patience * 2).min(PATIENCE.1);
            }
            None if state.rest > 0 => state.rest -= 1,
            None => next = grow(lanes),
        }
        if next > lanes {
            state.before = Some((rate, lanes));
        }
        self.target.store(next, Ordering::Relaxed);
        next != lanes
    }

    /// The store wants less.
    pub(super) fn throttled(&self) {
        if self.fixed {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.before = None;
        state.rest = state.patience;
        let lanes = self.lanes();
        self.target.store((lanes * 2 / 3).max(1), Ordering::Relaxed);
    }
}

fn grow(lanes: usize) -> usize {
    (lanes + (lanes / 2).max(1)).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs against a line on which each lane brings `each`, up to `most` in all.
    fn settle(each: f64, most: f64, windows: u32) -> usize {
        let tuner = Tuner::new(None);
        for _ in 0..windows {
            tuner.observe((tuner.lanes() as f64 * each).min(most));
        }
        tuner.lanes()
    }

    #[test]
    fn lanes_follow_what_pays() {
        // Saturated from the start: nothing to gain.
        assert!(settle(10.0, 10.0, 40) <= 12);
        // 30 lanes fill the line.
        assert!((27..=48).contains(&settle(1.0, 30.0, 40)));
        // The last step is too small to be told from noise.
        assert!(settle(1.0, 1000.0, 40) >= MOST * 9 / 10);
    }

    #[test]
    fn throttling_takes_lanes_away_and_a_fixed_number_stays() {
        let tuner = Tuner::new(None);
        for _ in 0..20 {
            tuner.throttled();
        }
        assert_eq!(tuner.lanes(), 1);
        let fixed = Tuner::new(Some(3));
        fixed.throttled();
        assert!(!fixed.observe(5.0));
        assert_eq!(fixed.lanes(), 3);
    }
}
