//! How many lanes a transfer has.
//!
//! What pays is found by climbing ([`welkin_climb`]), on the rate of bytes and objects together; throttling takes a
//! third of the lanes away at once.
//!
//! *Rejected:* a fixed number (one connection gets 6 Mbit/s over a line with 80 ms and 0.1 % loss, eight get 143).

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use welkin_climb::{Climber, Habits};

/// How often the rate is looked at.
pub(super) const WINDOW: Duration = Duration::from_millis(500);

/// Longest pause between looks while nothing moves: a call that takes so long is tried again by then.
pub(super) const IDLE: Duration = Duration::from_secs(16);

/// Most lanes: what one machine keeps busy without its own bookkeeping showing.
const MOST: usize = 64;

/// At the start lanes enough to hide one round trip behind others. Where this machine is what limits, more of
/// them only push each other out of the cache (eight cost 7 % more CPU than four), so what does not pay goes at once.
const HABITS: Habits = Habits { least: 1, start: 4, most: MOST, misses: 1, looks_again: false };

/// Where it is not, lanes that are new carry more at first than they can keep up, which hides what more of them would bring.
const PATIENT: Habits = Habits { misses: 2, looks_again: true, ..HABITS };

/// Decides on the number of lanes.
#[derive(Debug)]
pub(super) struct Tuner {
    target: AtomicUsize,
    /// None where the number is fixed.
    climber: Option<Mutex<Climber>>,
}

impl Tuner {
    pub(super) fn new(lanes: Option<usize>) -> Self {
        let climber = lanes.is_none().then(|| Mutex::new(Climber::new(HABITS)));
        Self { target: AtomicUsize::new(lanes.unwrap_or(HABITS.start).max(1)), climber }
    }

    /// Lanes there should be.
    pub(super) fn lanes(&self) -> usize {
        self.target.load(Ordering::Relaxed)
    }

    /// Takes note of what was moved in the last window, and whether this machine had anything to `spare` in it; whether the
    /// number of lanes changed.
    pub(super) fn observe(&self, rate: f64, spare: bool) -> bool {
        self.change(|climber| {
            climber.adopt(if spare { PATIENT } else { HABITS });
            climber.window(rate, true)
        })
    }

    /// The store wants less.
    pub(super) fn throttled(&self) {
        self.change(Climber::ease);
    }

    fn change(&self, next: impl FnOnce(&mut Climber) -> usize) -> bool {
        let Some(climber) = &self.climber else { return false };
        let next = next(&mut climber.lock().unwrap_or_else(PoisonError::into_inner));
        self.target.swap(next, Ordering::Relaxed) != next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs against a line on which each lane brings `each`, up to `most` in all. Returns the lanes that it has for most
    /// of the second half: now and then it tries others.
    fn settle(each: f64, most: f64, windows: usize, spare: bool) -> usize {
        let tuner = Tuner::new(None);
        let lanes = (0..windows).map(|_| {
            tuner.observe((tuner.lanes() as f64 * each).min(most), spare);
            tuner.lanes()
        });
        let mut late: Vec<usize> = lanes.skip(windows / 2).collect();
        late.sort_unstable();
        late[late.len() / 2]
    }

    #[test]
    fn lanes_follow_what_pays() {
        for spare in [false, true] {
            // Saturated from the start: nothing to gain.
            assert!(settle(10.0, 10.0, 40, spare) <= 12);
            // 30 lanes fill the line.
            assert!((27..=48).contains(&settle(1.0, 30.0, 40, spare)));
            assert_eq!(settle(1.0, 1000.0, 40, spare), MOST);
        }
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
        assert!(!fixed.observe(5.0, true));
        assert_eq!(fixed.lanes(), 3);
    }
}
