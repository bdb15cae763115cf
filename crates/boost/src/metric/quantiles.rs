//! How far labels lie from quantiles of what they may be, on average over all of them.

use super::Metric;
use crate::data::Data;
use crate::exact;

#[derive(Debug)]
pub(super) struct Quantiles {
    /// Of each output one.
    pub(super) alphas: Vec<f64>,
}

impl Quantiles {
    /// What each prediction has, and how much it counts.
    fn pairs<'a>(
        &'a self,
        data: &'a Data,
        predictions: &'a [f32],
    ) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
        let rows = predictions.chunks(self.alphas.len().max(1)).enumerate();
        rows.flat_map(move |(row, predictions)| {
            let y = f64::from(data.labels[row]);
            let weight = f64::from(data.weight(row));
            predictions.iter().zip(&self.alphas).map(move |(p, alpha)| {
                let error = y - f64::from(*p);
                (error * if error >= 0.0 { *alpha } else { alpha - 1.0 }, weight)
            })
        })
    }
}

impl Metric for Quantiles {
    fn name(&self) -> String {
        "quantile".to_owned()
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        exact::mean(self.pairs(data, predictions))
    }

    fn terms(&self, data: &Data, predictions: &[f32]) -> Option<[Vec<f64>; 2]> {
        Some(exact::weighted(self.pairs(data, predictions)))
    }

    fn is_of_sums(&self) -> bool {
        true
    }

    fn fits(&self, outputs: usize) -> bool {
        outputs == self.alphas.len()
    }
}
