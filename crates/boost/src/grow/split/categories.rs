//! Splits by category: one against all others where there are few, else the best of the ways to cut them in two when they
//! are sorted by the weight that each would have alone.

use super::{Cut, Search, Split};
use crate::fixed::Sums;

impl Search<'_> {
    pub(super) fn categories(
        &self,
        feature: u32,
        histogram: &[Sums],
        missing: Sums,
        best: &mut Option<Split>,
    ) {
        if histogram.len() < self.grower.penalties.max_cat_to_onehot {
            self.one_against_all(feature, histogram, missing, best);
        } else {
            self.sorted(feature, histogram, best);
        }
    }

    fn one_against_all(&self, feature: u32, histogram: &[Sums], missing: Sums, best: &mut Option<Split>) {
        for (category, sums) in (0..).zip(histogram) {
            let cut = |default_left| Cut { bins: 0, categories: Some(vec![category]), default_left };
            self.offer(feature, self.node - *sums, best, || cut(true));
            if missing != Sums::default() {
                self.offer(feature, self.node - (*sums + missing), best, || cut(false));
            }
        }
    }

    /// At most `max_cat_threshold` categories are on the side without the missing ones.
    fn sorted(&self, feature: u32, histogram: &[Sums], best: &mut Option<Split>) {
        let penalties = self.grower.penalties;
        let weight = |sums: &Sums| penalties.weight(self.scales.g.real(sums.g), self.scales.h.real(sums.h));
        let mut order: Vec<(f64, u32)> = histogram.iter().map(weight).zip(0..).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let most = penalties.max_cat_threshold.min(histogram.len());
        let at = |index: usize| histogram[order[index].1 as usize];
        let right = |count: usize, default_left| {
            let mut right: Vec<u32> = order[..count].iter().map(|(_, category)| *category).collect();
            right.sort_unstable();
            Cut { bins: 0, categories: Some(right), default_left }
        };
        let mut sums = Sums::default();
        for index in 0..most.saturating_sub(1) {
            sums += at(index);
            self.offer(feature, self.node - sums, best, || right(index + 1, true));
        }
        let mut sums = Sums::default();
        for index in (order.len() + 1 - most..order.len()).rev() {
            sums += at(index);
            self.offer(feature, sums, best, || right(index, false));
        }
    }
}
