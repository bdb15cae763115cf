//! Rows that are ranked against each other: those of one group, from the highest prediction to the lowest.
//!
//! What has the same prediction stands in no order of its own. Losses take the rows of lower labels first, which is the worst
//! that can be; measures take what is expected of all orders. Neither looks at the order of the file.

use crate::data::Data;
use crate::math::{exp, ln};
use crate::params::Params;

/// The rows of each group, groups in the order of their numbers.
pub(crate) fn groups(data: &Data) -> Vec<Vec<u32>> {
    let mut rows: Vec<u32> = (0..u32::try_from(data.rows()).unwrap_or(u32::MAX)).collect();
    let group = |row: &u32| data.groups.get(*row as usize);
    // Most files have their groups together, which takes no time.
    rows.sort_by_key(|row| group(row));
    rows.chunk_by(|a, b| group(a) == group(b)).map(<[u32]>::to_vec).collect()
}

/// How much it is worth to have a row at a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gains {
    /// 2^label - 1, else the label.
    pub(crate) exponential: bool,
}

/// Labels of exponential gains: 2^31 is the largest gain.
pub(crate) const LARGEST_LABEL: f32 = 31.0;

impl Gains {
    pub(crate) fn of(params: &Params) -> Self {
        Self { exponential: params.ndcg_exp_gain }
    }

    pub(crate) fn gain(self, label: f32) -> f64 {
        let label = f64::from(label);
        if self.exponential { exp(label * std::f64::consts::LN_2).round() - 1.0 } else { label }
    }

    pub(crate) fn allows(self, label: f32) -> bool {
        let whole = label.fract() == 0.0 && label <= LARGEST_LABEL;
        label.is_finite() && label >= 0.0 && (!self.exponential || whole)
    }
}

/// What counts of a gain at a place, from 0.
pub(crate) fn discount(place: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^31 rows")]
    let place = place as f64;
    std::f64::consts::LN_2 / ln(place + 2.0)
}

/// The best that labels can come to among the first `most` places.
pub(crate) fn ideal(labels: impl Iterator<Item = f32>, gains: Gains, most: usize) -> f64 {
    let mut labels: Vec<f32> = labels.collect();
    labels.sort_unstable_by(|a, b| b.total_cmp(a));
    labels.iter().take(most).enumerate().map(|(place, label)| gains.gain(*label) * discount(place)).sum()
}
