//! Measures of ranking.

use super::{Metric, MetricError};
use crate::data::Data;
use crate::exact;
use crate::params::Params;
use crate::ranked::{Gains, discount, groups, ideal};

/// The discounted gain of the first places beside the best that could be there, on average over groups. Rows with the same prediction
/// share their places.
#[derive(Debug)]
pub(super) struct Ndcg {
    gains: Gains,
    /// Places that count, where not all do.
    most: Option<usize>,
    /// What a group counts that has nothing to gain.
    empty: f64,
}

/// `ndcg`, `ndcg@K`, `ndcg-` and `ndcg@K-`.
pub(super) fn by_name(
    name: &str,
    plain: &str,
    argument: Option<&str>,
    params: &Params,
) -> Result<Option<Ndcg>, MetricError> {
    let empty = if name.ends_with('-') { 0.0 } else { 1.0 };
    if plain.trim_end_matches('-') != "ndcg" {
        return Ok(None);
    }
    let wrong =
        || MetricError::Argument { name: name.to_owned(), needs: "`ndcg@K` with a number of places from 1" };
    let most = argument.map(|text| text.trim_end_matches('-').parse().ok().filter(|most| *most > 0));
    let most = most.map(|most| most.ok_or_else(wrong)).transpose()?;
    Ok(Some(Ndcg { gains: Gains::of(params), most, empty }))
}

impl Ndcg {
    fn of_group(&self, rows: &[u32], data: &Data, predictions: &[f32]) -> f64 {
        let most = self.most.unwrap_or(usize::MAX);
        let best = ideal(rows.iter().map(|row| data.labels[*row as usize]), self.gains, most);
        if best <= 0.0 {
            return self.empty;
        }
        let prediction = |row: &u32| predictions[*row as usize];
        let mut order = rows.to_vec();
        order.sort_unstable_by(|a, b| prediction(b).total_cmp(&prediction(a)));
        let (mut place, mut found) = (0, 0.0);
        for equal in order.chunk_by(|a, b| prediction(a) == prediction(b)) {
            let places = (place..place + equal.len()).take_while(|place| *place < most);
            let discounts: f64 = places.map(discount).sum();
            let gains = exact::sum(equal.iter().map(|row| self.gains.gain(data.labels[*row as usize])));
            #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^31 rows")]
            let shared = gains / equal.len() as f64;
            found += shared * discounts;
            place += equal.len();
        }
        found / best
    }
}

impl Metric for Ndcg {
    fn name(&self) -> String {
        let most = self.most.map(|most| format!("@{most}")).unwrap_or_default();
        let empty = if self.empty == 0.0 { "-" } else { "" };
        format!("ndcg{most}{empty}")
    }

    /// A group counts as its rows do, which have one weight.
    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        let groups = groups(data);
        let weight =
            |rows: &[u32]| f64::from(rows.iter().map(|row| data.weight(*row as usize)).fold(0.0, f32::max));
        let pairs: Vec<(f64, f64)> =
            groups.iter().map(|rows| (self.of_group(rows, data, predictions), weight(rows))).collect();
        exact::mean(pairs.iter().copied())
    }

    fn rises(&self) -> bool {
        true
    }
}
