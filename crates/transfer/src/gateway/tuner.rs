//! How many lanes a path should have.
//!
//! A hill is climbed in windows. While goodput grows with the lanes, their number grows by half; the first step that
//! does not pay is taken back and the tuner rests. After a rest it tries a step up, and then one down, so that it
//! follows a path that changes; resting gets longer while nothing changes, up to [`MAX_REST`] windows.
//!
//! A step pays when goodput grows by at least a sixth of what the number of lanes grew by (8 % for half as many
//! again). New lanes take some round trips to get up to speed, so the first window after a step is not counted.
//! Windows in which the lanes had nothing to do say nothing and are skipped.
//!
//! *Guarantee:* always between the two bounds; a pure function of what it is shown.
//!
//! *Rejected:* a formula out of round trip and loss (both are unknown behind a relay, and the limit may be one per
//! connection); gradient steps of one lane (the noise of a second's goodput on a lossy path is 10 %).

use super::path::{MAX_LANES, MIN_LANES};

/// Share of a step's growth that goodput must show.
const PAYS: f64 = 1.0 / 6.0;

/// Windows of the first rest, and of the longest.
const MIN_REST: u32 = 6;
const MAX_REST: u32 = 60;

/// Windows that are averaged before a step is judged.
const JUDGED: u32 = 2;

/// What the number of lanes was before, and what it brought.
#[derive(Debug, Clone, Copy)]
struct Before {
    lanes: usize,
    goodput: f64,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Tuner {
    lanes: usize,
    before: Option<Before>,
    settle: u32,
    seen: u32,
    sum: f64,
    rest: u32,
    next_rest: u32,
    try_down: bool,
}

impl Tuner {
    pub(super) fn new() -> Self {
        Self {
            lanes: MIN_LANES,
            before: None,
            settle: 1,
            seen: 0,
            sum: 0.0,
            rest: 0,
            next_rest: MIN_REST,
            try_down: false,
        }
    }

    /// Takes a window's goodput in bytes a second and returns how many lanes there should be.
    pub(super) fn window(&mut self, goodput: f64, busy: bool) -> usize {
        if !busy {
            return self.lanes;
        }
        if self.settle > 0 {
            self.settle -= 1;
            return self.lanes;
        }
        if self.rest > 0 {
            self.rest -= 1;
            if self.rest >= JUDGED {
                return self.lanes;
            }
        }
        self.seen += 1;
        self.sum += goodput;
        if self.seen < JUDGED {
            return self.lanes;
        }
        let goodput = self.sum / f64::from(self.seen);
        (self.seen, self.sum) = (0, 0.0);
        match self.before.take() {
            None => self.step(goodput),
            Some(before) => self.judge(before, goodput),
        }
        self.lanes
    }

    fn judge(&mut self, before: Before, goodput: f64) {
        let grown = self.lanes as f64 / before.lanes as f64 - 1.0;
        let gained = goodput / before.goodput.max(1.0) - 1.0;
        if grown > 0.0 && gained >= grown * PAYS {
            self.next_rest = MIN_REST;
            self.step_up(goodput);
        } else if grown < 0.0 && gained >= grown * PAYS {
            // Fewer do as well.
            self.next_rest = MIN_REST;
            self.rest();
        } else {
            self.set(before.lanes);
            self.rest();
        }
    }

    /// Tries another number of lanes, from one that goodput is known of.
    fn step(&mut self, goodput: f64) {
        let down = self.try_down;
        self.try_down = !down;
        let fewer = self.lanes * 2 / 3;
        if down && fewer >= MIN_LANES {
            self.before = Some(Before { lanes: self.lanes, goodput });
            self.set(fewer);
        } else {
            self.step_up(goodput);
        }
    }

    fn step_up(&mut self, goodput: f64) {
        if self.lanes >= MAX_LANES {
            return self.rest();
        }
        self.before = Some(Before { lanes: self.lanes, goodput });
        self.set((self.lanes + self.lanes.div_ceil(2)).min(MAX_LANES));
    }

    fn set(&mut self, lanes: usize) {
        self.lanes = lanes;
        self.settle = 1;
    }

    fn rest(&mut self) {
        self.rest = self.next_rest;
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
        run(&mut tuner, 40, 0.05, 7, |lanes| lanes as f64 * 1e6);
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
