//! The best split of a node, out of its histogram.
//!
//! Candidates are looked at in one order: by feature, then with what is missing on the right by ascending bin, then with it
//! on the left by descending bin. One replaces another only when it gains more, in the single precision that models hold,
//! so that ties are broken by that order alone.

mod categories;

use super::Grower;
use super::constraints::Bounds;
use super::histogram::Histogram;
use crate::cuts::Cuts;
use crate::fixed::{Scales, Sums};
use crate::workers::each;

/// What a branch asks, in bins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cut {
    /// So many bins go left, where there are no categories.
    pub(crate) bins: usize,
    /// Categories that go right, ascending.
    pub(crate) categories: Option<Vec<u32>>,
    pub(crate) default_left: bool,
}

impl Cut {
    /// Where the rows of a bin go; number `missing` is what is missing.
    #[inline]
    pub(crate) fn goes_left(&self, bin: usize, missing: usize) -> bool {
        match &self.categories {
            None => (bin < self.bins && bin != missing) || (bin == missing && self.default_left),
            _ if bin == missing => self.default_left,
            #[expect(clippy::cast_possible_truncation, reason = "bins of categories have 16 bits")]
            Some(right) => right.binary_search(&(bin as u32)).is_err(),
        }
    }

    /// The same for every bin of a feature, that of what is missing at the end.
    pub(super) fn sides(&self, missing: usize) -> Vec<bool> {
        (0..=missing).map(|bin| self.goes_left(bin, missing)).collect()
    }
}

/// A way to part a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    pub(super) gain: f32,
    pub(super) feature: u32,
    pub(super) cut: Cut,
    pub(super) left: Sums,
    pub(super) right: Sums,
    /// The weights of both sides.
    pub(super) weights: (f64, f64),
}

/// A node whose best split is looked for.
pub(super) struct Question<'a> {
    pub(super) histogram: &'a Histogram,
    pub(super) sums: Sums,
    pub(super) bounds: Bounds,
    pub(super) features: Vec<u32>,
    pub(super) best: Option<Split>,
}

/// Features that one job looks at.
const FEATURES: usize = 16;

/// Answers questions, some at once.
pub(super) fn answer(grower: &Grower<'_>, scales: Scales, questions: &mut [Question<'_>]) {
    let mut jobs: Vec<(usize, &[u32], Option<Split>)> = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        jobs.extend(question.features.chunks(FEATURES).map(|features| (index, features, None)));
    }
    each(grower.workers, &mut jobs, |_, (index, features, best)| {
        let question = &questions[*index];
        let search = Search::new(grower, scales, question);
        features.iter().for_each(|feature| search.feature(*feature, best));
    });
    // In the order of features, so that the first of equals stays.
    let answers: Vec<(usize, Option<Split>)> =
        jobs.into_iter().map(|(index, _, best)| (index, best)).collect();
    for (index, split) in answers {
        let best = &mut questions[index].best;
        let better = |split: &Split| best.as_ref().is_none_or(|best| split.gain > best.gain);
        if let Some(split) = split.filter(better) {
            *best = Some(split);
        }
    }
}

/// One node's search.
struct Search<'a> {
    grower: &'a Grower<'a>,
    scales: Scales,
    histogram: &'a Histogram,
    node: Sums,
    bounds: Bounds,
    /// Whether weights must be computed and bounded, which costs more than the formula.
    bounded: bool,
    /// What the node is worth unsplit.
    unsplit: f64,
}

impl<'a> Search<'a> {
    fn new(grower: &'a Grower<'a>, scales: Scales, question: &Question<'a>) -> Self {
        let bounded = grower.constraints.is_monotone();
        let (g, h) = (scales.g.real(question.sums.g), scales.h.real(question.sums.h));
        let unsplit = if bounded {
            let weight = question.bounds.clamp(grower.penalties.weight(g, h));
            grower.penalties.gain_of(g, h, weight)
        } else {
            grower.penalties.gain(g, h)
        };
        let Question { histogram, sums, bounds, .. } = *question;
        Self { grower, scales, histogram, node: sums, bounds, bounded, unsplit }
    }

    fn feature(&self, feature: u32, best: &mut Option<Split>) {
        let axes = self.grower.axes;
        let histogram = self.histogram.of(axes, feature as usize);
        let mut present = Sums::default();
        histogram.iter().for_each(|bin| present += *bin);
        let missing = self.node - present;
        if matches!(axes.cuts[feature as usize], Cuts::Categories(_)) {
            return self.categories(feature, histogram, missing, best);
        }
        let mut left = Sums::default();
        for (bin, sums) in histogram.iter().enumerate() {
            // A bin without rows parts them as the one before it.
            if *sums == Sums::default() {
                continue;
            }
            left += *sums;
            self.offer(feature, left, best, || Cut { bins: bin + 1, categories: None, default_left: false });
        }
        if missing != Sums::default() {
            let mut right = Sums::default();
            for (bin, sums) in histogram.iter().enumerate().rev() {
                if *sums == Sums::default() {
                    continue;
                }
                right += *sums;
                let left = self.node - right;
                self.offer(feature, left, best, || Cut { bins: bin, categories: None, default_left: true });
            }
        }
    }

    /// Takes a split if it is the best so far.
    #[inline]
    fn offer(&self, feature: u32, left: Sums, best: &mut Option<Split>, cut: impl FnOnce() -> Cut) {
        let right = self.node - left;
        let Some(gain) = self.gain(feature, left, right) else { return };
        if best.as_ref().is_none_or(|best| gain > best.gain) {
            let weights = (self.weight(left), self.weight(right));
            *best = Some(Split { gain, feature, cut: cut(), left, right, weights });
        }
    }

    fn weight(&self, sums: Sums) -> f64 {
        let (g, h) = (self.scales.g.real(sums.g), self.scales.h.real(sums.h));
        self.bounds.clamp(self.grower.penalties.weight(g, h))
    }

    /// What a split gains, when it is allowed.
    #[inline]
    fn gain(&self, feature: u32, left: Sums, right: Sums) -> Option<f32> {
        let penalties = self.grower.penalties;
        let (left_h, right_h) = (self.scales.h.real(left.h), self.scales.h.real(right.h));
        if !penalties.allows(left_h, right_h) {
            return None;
        }
        let (left_g, right_g) = (self.scales.g.real(left.g), self.scales.g.real(right.g));
        let both = if self.bounded {
            let (a, b) = (self.weight(left), self.weight(right));
            match self.grower.constraints.direction(feature as usize) {
                direction if direction > 0 && a > b => return None,
                direction if direction < 0 && a < b => return None,
                _ => penalties.gain_of(left_g, left_h, a) + penalties.gain_of(right_g, right_h, b),
            }
        } else {
            penalties.gain(left_g, left_h) + penalties.gain(right_g, right_h)
        };
        #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
        let gain = (both - self.unsplit) as f32;
        // Of numbers that have left their range nothing can be said.
        gain.is_finite().then_some(gain)
    }
}
