//! Ranking, after LambdaMART: of two rows of a group whose labels differ, the one with the higher label should have the higher
//! margin, and how much that counts is what exchanging their places would change.
//!
//! Each of the first places of a group is held against all behind it (`lambdarank_num_pair_per_sample` places, XGBoost's `topk`).
//!
//! *Guarantee:* derivatives are a function of the rows as a set. They are added up by places, whose margins and labels are the same
//! however a file is ordered; rows with the same margin and label share what their places come to.

use super::{Gradient, LabelError, Loss, check_labels};
use crate::data::Data;
use crate::format::Value;
use crate::math::{ln, sigmoid};
use crate::params::Params;
use crate::ranked::{Gains, discount, groups, ideal};
use crate::workers::{Workers, each};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// What an exchange changes of the discounted gain.
    Gain,
    /// Every pair alike.
    Pairs,
}

/// `rank:ndcg` and `rank:pairwise`.
#[derive(Debug)]
pub(super) struct Ranking {
    by: By,
    gains: Gains,
    /// Places that are held against all behind them.
    places: usize,
    set_places: bool,
    /// Groups with many pairs do not count more for it.
    normal: bool,
    /// Pairs whose margins are far apart count less.
    near: bool,
}

/// Second derivatives of pairs are not below this.
const LEAST: f64 = 1e-16;

/// Margins that are equal are as far apart as this.
const APART: f64 = 0.01;

/// A row at its place.
#[derive(Clone, Copy)]
struct Placed {
    row: u32,
    margin: f32,
    label: f32,
}

/// Derivatives by a margin, before they are rounded.
type Sums = [f64; 2];

/// Those of rows.
type Derived = Vec<(u32, Sums)>;

impl Ranking {
    pub(super) fn of(by: By, params: &Params) -> Self {
        Self {
            by,
            gains: Gains::of(params),
            places: params.lambdarank_num_pair_per_sample,
            set_places: params.is_set("lambdarank_num_pair_per_sample"),
            normal: params.lambdarank_normalization,
            near: params.lambdarank_score_normalization,
        }
    }

    /// The derivatives of a group, by place.
    fn by_place(&self, placed: &[Placed]) -> Vec<Sums> {
        let mut sums = vec![[0.0; 2]; placed.len()];
        let (Some(first), Some(last)) = (placed.first(), placed.last()) else { return sums };
        let best = ideal(placed.iter().map(|row| row.label), self.gains, self.places);
        // Nobody in the group is worth anything.
        if self.by == By::Gain && best <= 0.0 {
            return sums;
        }
        let spread = self.near && first.margin != last.margin;
        let mut all = 0.0;
        for high in 0..self.places.min(placed.len()) {
            for low in high + 1..placed.len() {
                let (a, b) = (placed[high], placed[low]);
                if a.label == b.label {
                    continue;
                }
                let (good, bad, up, down) =
                    if a.label > b.label { (a, b, high, low) } else { (b, a, low, high) };
                let apart = f64::from(good.margin) - f64::from(bad.margin);
                let mut counts = match self.by {
                    By::Gain => self.counts(good.label, bad.label, (high, low)) / best,
                    By::Pairs => 1.0,
                };
                if spread {
                    counts /= apart.abs() + APART;
                }
                let chance = sigmoid(apart);
                let first = (chance - 1.0) * counts;
                let second = (chance * (1.0 - chance)).max(LEAST) * counts * 2.0;
                sums[up] = [sums[up][0] + first, sums[up][1] + second];
                sums[down] = [sums[down][0] - first, sums[down][1] + second];
                all -= 2.0 * first;
            }
        }
        if self.normal && all > 0.0 {
            let norm = ln(1.0 + all) / std::f64::consts::LN_2 / all;
            sums.iter_mut().flatten().for_each(|sum| *sum *= norm);
        }
        sums
    }

    /// What an exchange of two places changes of the gain.
    fn counts(&self, good: f32, bad: f32, (high, low): (usize, usize)) -> f64 {
        ((self.gains.gain(good) - self.gains.gain(bad)) * (discount(high) - discount(low))).abs()
    }

    /// The derivatives of a group, with the rows that they are of.
    fn of_group(&self, rows: &[u32], data: &Data, margins: &[f32]) -> Derived {
        let placed = |row: &u32| Placed {
            row: *row,
            margin: margins[*row as usize],
            label: data.labels[*row as usize],
        };
        let mut placed: Vec<Placed> = rows.iter().map(placed).collect();
        placed.sort_unstable_by(|a, b| b.margin.total_cmp(&a.margin).then(a.label.total_cmp(&b.label)));
        let sums = self.by_place(&placed);
        let alike = |a: &Placed, b: &Placed| a.margin == b.margin && a.label == b.label;
        let mut at = 0;
        let mut of = Vec::with_capacity(placed.len());
        for rows in placed.chunk_by(alike) {
            let places = &sums[at..at + rows.len()];
            at += rows.len();
            #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^31 rows")]
            let mean = |which: usize| places.iter().map(|sum| sum[which]).sum::<f64>() / rows.len() as f64;
            let mean = [mean(0), mean(1)];
            of.extend(rows.iter().map(|placed| (placed.row, mean)));
        }
        of
    }
}

impl Loss for Ranking {
    fn name(&self) -> &'static str {
        match self.by {
            By::Gain => "rank:ndcg",
            By::Pairs => "rank:pairwise",
        }
    }

    fn ranks(&self) -> bool {
        true
    }

    fn check(&self, data: &Data) -> Result<(), LabelError> {
        let needs = if self.gains.exponential {
            "that are whole numbers from 0 to 31 (larger ones with ndcg_exp_gain=false)"
        } else {
            "from 0"
        };
        check_labels(data, self.name(), needs, |label| self.gains.allows(label))
    }

    #[expect(clippy::cast_possible_truncation, reason = "gradients have single precision")]
    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], workers: &dyn Workers) {
        let mut groups: Vec<(Vec<u32>, Derived)> =
            groups(data).into_iter().map(|rows| (rows, Vec::new())).collect();
        each(workers, &mut groups, |_, (rows, sums)| *sums = self.of_group(rows, data, margins));
        for (row, [first, second]) in groups.into_iter().flat_map(|(_, sums)| sums) {
            let weight = data.weight(row as usize);
            gradients[row as usize] = [first as f32 * weight, second as f32 * weight];
        }
    }

    /// Only differences count.
    fn base_score(&self, _data: &Data) -> Vec<f32> {
        vec![0.0]
    }

    fn base_terms(&self, _data: &Data) -> Vec<Vec<f64>> {
        Vec::new()
    }

    fn base_lists(&self) -> usize {
        0
    }

    fn base_of(&self, _sums: &[f64]) -> Vec<f32> {
        vec![0.0]
    }

    fn metric(&self) -> String {
        format!("ndcg@{}", self.places)
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let flag = |flag: bool| u8::from(flag).to_string();
        // What XGBoost writes where nothing was said.
        let places = if self.set_places { self.places } else { u32::MAX as usize };
        let settings = Value::settings([
            ("lambdarank_bias_norm", "1".to_owned()),
            ("lambdarank_normalization", flag(self.normal)),
            ("lambdarank_num_pair_per_sample", places.to_string()),
            ("lambdarank_pair_method", "topk".to_owned()),
            ("lambdarank_score_normalization", flag(self.near)),
            ("lambdarank_unbiased", flag(false)),
            ("ndcg_exp_gain", flag(self.gains.exponential)),
        ]);
        vec![("lambdarank_param", settings)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::Alone;

    fn derived(by: By, labels: &[f32], margins: &[f32], groups: &[u64]) -> Vec<Gradient> {
        let data = Data { labels: labels.to_vec(), groups: groups.to_vec(), ..rows(labels.len()) };
        let mut gradients = vec![[0.0; 2]; labels.len()];
        Ranking::of(by, &Params::default()).gradients(&data, margins, &mut gradients, &Alone);
        gradients
    }

    fn rows(count: usize) -> Data {
        Data { features: crate::Features::new(count, Vec::new()).unwrap(), ..Data::default() }
    }

    #[test]
    fn the_better_of_a_pair_goes_up_and_groups_do_not_know_each_other() {
        for by in [By::Gain, By::Pairs] {
            let both = derived(by, &[1.0, 0.0, 0.0, 3.0], &[0.0; 4], &[7, 7, 9, 9]);
            assert!(both[0][0] < 0.0 && both[0][0] == -both[1][0] && both[0][1] > 0.0, "{both:?}");
            assert!(both[3][0] < 0.0 && both[3][0] == -both[2][0], "{both:?}");
            let apart = derived(by, &[1.0, 0.0], &[0.0; 2], &[1, 2]);
            assert_eq!(apart, [[0.0; 2]; 2], "{by:?}");
            assert_eq!(derived(by, &[2.0, 2.0], &[0.5, 0.0], &[1, 1]), [[0.0; 2]; 2]);
        }
    }

    #[test]
    fn pairs_are_those_of_the_logistic_loss_and_count_less_far_apart() {
        let (labels, margins) = ([2.0_f32, 0.0, 1.0], [0.3_f32, 0.9, -0.4]);
        let ours = derived(By::Pairs, &labels, &margins, &[1; 3]);
        let (mut first, mut all) = ([0.0_f64; 3], 0.0);
        for high in 0..3 {
            for low in 0..3 {
                if labels[high] > labels[low] {
                    let apart = f64::from(margins[high]) - f64::from(margins[low]);
                    let lambda = (sigmoid(apart) - 1.0) / (apart.abs() + APART);
                    first[high] += lambda;
                    first[low] -= lambda;
                    all -= 2.0 * lambda;
                }
            }
        }
        for row in 0..3 {
            let expected = first[row] * (1.0 + all).log2() / all;
            assert!((f64::from(ours[row][0]) - expected).abs() < 1e-6, "{row}: {ours:?}, {expected}");
        }
    }

    #[test]
    fn the_order_of_the_file_is_no_matter_not_even_among_equals() {
        let labels: Vec<f32> = (0..60_u16).map(|row| f32::from(row * 7 % 5 / 2)).collect();
        let margins: Vec<f32> = (0..60_u16).map(|row| f32::from(row * 11 % 4)).collect();
        let groups: Vec<u64> = (0..60).map(|row| row * 13 % 3).collect();
        let turned = |by| {
            let turn = |list: &[f32]| list.iter().rev().copied().collect::<Vec<_>>();
            let groups: Vec<u64> = groups.iter().rev().copied().collect();
            let mut of = derived(by, &turn(&labels), &turn(&margins), &groups);
            of.reverse();
            of
        };
        for by in [By::Gain, By::Pairs] {
            assert_eq!(derived(by, &labels, &margins, &groups), turned(by));
        }
    }
}
