//! How many lanes a path should have.
//!
//! A hill is climbed in windows of goodput. At first, lanes are doubled for as long as that pays, a judgement every
//! window. When two steps in a row do not pay they are taken back, and the tuner rests: a single one may look bad only
//! because the lanes before it were new and had not lost a packet yet. After each rest it tries to double again, and every third time to do with a third less, judged over more windows, so that it follows a path that
//! changes; rests get longer while nothing changes.
//!
//! More lanes pay when goodput grows by [`PAYS`]; fewer are kept when it does not fall by [`COSTS`]. The scales are
//! not even on purpose: a lane too many costs a socket, a lane too few costs its share of the path. A new
//! lane overshoots until its first loss or has not found its speed, so the window after a step is not counted. Windows
//! in which the lanes had nothing to do say nothing and are skipped.
//!
//! *Guarantee:* always between the two bounds; a pure function of what it is shown.
//!
//! *Rejected:* a formula out of round trip and loss (both are unknown behind a relay, and the limit may be one per
//! connection); steps of a few lanes (on a path with 0.1 % loss the goodput of half a second scatters by a third, and
//! only a large step stands out from that).

use super::path::{MAX_LANES, MIN_LANES};

/// What doubling must bring.
const PAYS: f64 = 0.12;

/// What a third less may cost.
const COSTS: f64 = 0.03;

/// Windows of the first rest, and of the longest.
const MIN_REST: u32 = 4;
const MAX_REST: u32 = 16;

/// Windows that are averaged before a step is judged: while climbing, afterwards, and before lanes are given up.
const JUDGED_CLIMBING: u32 = 1;
const JUDGED: u32 = 2;
const JUDGED_FEWER: u32 = 6;

/// One try in so many is with fewer lanes.
const FEWER_EVERY: u32 = 3;

/// Steps in a row that do not pay before they are taken back.
const MISSES: u32 = 2;

/// Where a try began, and what the step before brought.
#[derive(Debug, Clone, Copy)]
struct Before {
    lanes: usize,
    goodput: f64,
    misses: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Tuner {
    lanes: usize,
    before: Option<Before>,
    climbing: bool,
    /// Windows to pass over.
    skip: u32,
    next_rest: u32,
    seen: u32,
    sum: f64,
    tries: u32,
}

impl Tuner {
    pub(super) fn new() -> Self {
        Self {
            lanes: MIN_LANES,
            before: None,
            climbing: true,
            skip: 1,
            next_rest: MIN_REST,
            seen: 0,
            sum: 0.0,
            tries: 0,
        }
    }

    /// Takes a window's goodput in bytes a second and returns how many lanes there should be.
    pub(super) fn window(&mut self, goodput: f64, busy: bool) -> usize {
        if !busy {
            return self.lanes;
        }
        if self.skip > 0 {
            self.skip -= 1;
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

    /// How many windows the next decision takes.
    fn judged(&self) -> u32 {
        let fewer = match self.before {
            Some(before) => before.lanes > self.lanes,
            None => self.is_fewer_next(),
        };
        if self.climbing {
            JUDGED_CLIMBING
        } else if fewer {
            JUDGED_FEWER
        } else {
            JUDGED
        }
    }

    fn judge(&mut self, before: Before, goodput: f64) {
        let gained = goodput / before.goodput.max(1.0) - 1.0;
        if self.lanes > before.lanes && gained >= PAYS {
            self.next_rest = MIN_REST;
            return self.double(Before { lanes: self.lanes, goodput, misses: 0 });
        }
        let misses = before.misses + 1;
        if self.lanes > before.lanes && misses < MISSES && self.lanes < MAX_LANES {
            return self.double(Before { goodput, misses, ..before });
        }
        let few_do = self.lanes < before.lanes && gained >= -COSTS;
        if few_do {
            self.next_rest = MIN_REST;
        } else {
            self.lanes = before.lanes;
        }
        self.rest();
    }

    fn is_fewer_next(&self) -> bool {
        self.tries % FEWER_EVERY == FEWER_EVERY - 1 && self.lanes * 2 / 3 >= MIN_LANES
    }

    /// Tries another number of lanes, from one that goodput is known of.
    fn try_another(&mut self, goodput: f64) {
        let fewer = self.is_fewer_next();
        self.tries += 1;
        let before = Before { lanes: self.lanes, goodput, misses: 0 };
        if !fewer {
            return self.double(before);
        }
        self.before = Some(before);
        self.lanes = self.lanes * 2 / 3;
        self.skip = 1;
    }

    fn double(&mut self, before: Before) {
        if self.lanes >= MAX_LANES {
            return self.rest();
        }
        self.before = Some(before);
        self.lanes = (self.lanes * 2).min(MAX_LANES);
        self.skip = 1;
    }

    fn rest(&mut self) {
        self.climbing = false;
        self.skip = self.next_rest;
        self.next_rest = (self.next_rest * 2).min(MAX_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lanes after `windows` of a path whose goodput is `curve` of the lanes, with noise from `seed`.
    fn run(tuner: &mut Tuner, windows: usize, noise: f64, seed: u64, curve: impl Fn(usize) -> f64) -> usize {
        let mut state = seed | 1;
        let mut lanes = tuner.lanes;
        for _ in 0..windows {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let factor = 1.0 + noise * ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 2.0;
            lanes = tuner.window(curve(lanes) * factor, true);
        }
        lanes
    }

    fn resting(tuner: &Tuner) -> usize {
        tuner.before.map_or(tuner.lanes, |before| before.lanes)
    }

    #[test]
    fn lanes_that_each_bring_their_own_grow_to_the_bound() {
        let mut tuner = Tuner::new();
        run(&mut tuner, 20, 0.05, 7, |lanes| lanes as f64 * 1e6);
        assert!(resting(&tuner) >= 42, "{}", tuner.lanes);
    }

    #[test]
    fn a_path_that_is_full_keeps_few() {
        let mut tuner = Tuner::new();
        run(&mut tuner, 200, 0.01, 7, |_| 1e8);
        assert!(resting(&tuner) <= 3, "{}", tuner.lanes);
    }

    #[test]
    fn it_stops_where_the_hill_ends_and_follows_when_it_moves() {
        let mut tuner = Tuner::new();
        let knee = |most: usize| move |lanes: usize| lanes.min(most) as f64 * 1e6;
        run(&mut tuner, 200, 0.02, 3, knee(10));
        assert!((9..=20).contains(&resting(&tuner)), "{}", resting(&tuner));
        run(&mut tuner, 400, 0.02, 3, knee(40));
        assert!(resting(&tuner) >= 34, "{}", resting(&tuner));
    }

    #[test]
    fn idle_windows_say_nothing() {
        let mut tuner = Tuner::new();
        for _ in 0..50 {
            assert_eq!(tuner.window(0.0, false), MIN_LANES);
        }
    }

    proptest! {
        #[test]
        fn always_within_bounds(windows in prop::collection::vec((0.0..1e12, any::<bool>()), 0..300)) {
            let mut tuner = Tuner::new();
            for (goodput, busy) in windows {
                prop_assert!((MIN_LANES..=MAX_LANES).contains(&tuner.window(goodput, busy)));
            }
        }
    }
}
