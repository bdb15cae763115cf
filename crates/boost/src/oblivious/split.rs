//! The best split of a node by one feature. Candidates come in the order of the plain trainer's, and one replaces another only
//! when it gains more, by the same arithmetic: so it is the same split, to the bit.

use super::choose::{choose, choose_single, flag};
use super::cuts::Cuts;
use crate::fixed::{Scales, Sums};
use crate::grow::{LEAST_GAIN, Penalties};
use welkin_oblivious::select;

/// A way to part a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) gain: f32,
    /// [`NONE`] as long as none gains enough.
    pub(super) feature: u64,
    /// So many bins go left.
    pub(super) bins: u64,
    pub(super) threshold: f32,
    /// All ones where rows without a value go left.
    pub(super) default_left: u64,
    pub(super) left: Sums,
}

/// No feature.
pub(super) const NONE: u64 = u32::MAX as u64;

impl Split {
    /// What any split that counts is better than.
    pub(super) fn none() -> Self {
        Self {
            gain: LEAST_GAIN,
            feature: NONE,
            bins: 0,
            threshold: 0.0,
            default_left: 0,
            left: Sums::default(),
        }
    }

    /// Takes the other where the mask says so.
    pub(super) fn replace(&mut self, yes: u64, other: &Self) {
        self.gain = choose_single(yes, other.gain, self.gain);
        self.feature = select(yes, other.feature, self.feature);
        self.bins = select(yes, other.bins, self.bins);
        self.threshold = choose_single(yes, other.threshold, self.threshold);
        self.default_left = select(yes, other.default_left, self.default_left);
        self.left = sums(yes, other.left, self.left);
    }
}

/// One of two sums.
pub(super) fn sums(yes: u64, a: Sums, b: Sums) -> Sums {
    let one = |a: i64, b: i64| select(yes, a.cast_unsigned(), b.cast_unsigned()).cast_signed();
    Sums { g: one(a.g, b.g), h: one(a.h, b.h) }
}

/// What splits are judged by.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) penalties: &'a Penalties,
    pub(super) scales: Scales,
}

impl Search<'_> {
    /// The best split of a node by a feature.
    pub(super) fn best(&self, feature: usize, cuts: &Cuts, histogram: &[Sums], node: Sums) -> Split {
        let mut best = Split::none();
        let unsplit = self.worth(node);
        let missing = node - histogram.iter().fold(Sums::default(), |sum, bin| sum + *bin);
        let mut left = Sums::default();
        let mut offer = |left: Sums, bins: usize, default_left: u64, allowed: u64| {
            let (yes, gain) = self.gain(left, node - left, unsplit);
            let better = yes & allowed & flag(gain > best.gain);
            let threshold = cuts.threshold(bins);
            let (feature, bins) = (feature as u64, bins as u64);
            best.replace(better, &Split { gain, feature, bins, threshold, default_left, left });
        };
        for (bin, sums) in histogram.iter().enumerate() {
            left += *sums;
            offer(left, bin + 1, 0, u64::MAX);
        }
        let some = flag((missing.g | missing.h) != 0);
        let mut right = Sums::default();
        for (bin, sums) in histogram.iter().enumerate().rev() {
            right += *sums;
            offer(node - right, bin, u64::MAX, some);
        }
        best
    }

    /// What a split gains, and whether it is allowed.
    fn gain(&self, left: Sums, right: Sums, unsplit: f64) -> (u64, f32) {
        let least = self.penalties.min_child_weight;
        let enough = |sums: Sums| {
            let h = self.scales.h.real(sums.h);
            flag(h > 0.0) & flag(h >= least)
        };
        #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
        let gain = (self.worth(left) + self.worth(right) - unsplit) as f32;
        (enough(left) & enough(right) & flag(gain.abs() < f32::INFINITY), gain)
    }

    /// [`Penalties::gain`].
    fn worth(&self, sums: Sums) -> f64 {
        let (g, h) = (self.scales.g.real(sums.g), self.scales.h.real(sums.h));
        let Penalties { lambda, max_delta_step, .. } = *self.penalties;
        let worth = if max_delta_step > 0.0 {
            self.penalties.gain_of(g, h, self.weight(sums))
        } else {
            let g = self.soft(g);
            g * g / (h + lambda)
        };
        choose(flag(h <= 0.0), 0.0, worth)
    }

    /// [`Penalties::weight`].
    pub(super) fn weight(&self, sums: Sums) -> f64 {
        let (g, h) = (self.scales.g.real(sums.g), self.scales.h.real(sums.h));
        let Penalties { lambda, max_delta_step: most, .. } = *self.penalties;
        let weight = -self.soft(g) / (h + lambda);
        let weight = if most > 0.0 { between(weight, -most, most) } else { weight };
        choose(flag(h <= 0.0), 0.0, weight)
    }

    /// What is beyond alpha.
    fn soft(&self, g: f64) -> f64 {
        let alpha = self.penalties.alpha;
        let below = choose(flag(g < -alpha), g + alpha, 0.0);
        choose(flag(g > alpha), g - alpha, below)
    }
}

fn between(number: f64, low: f64, high: f64) -> f64 {
    let number = choose(flag(number < low), low, number);
    choose(flag(number > high), high, number)
}
