//! Quantiles of what labels may be, an output for each: the error counts `alpha` where a prediction is too low, and the rest of
//! 1 where it is too high. The second derivative says nothing, and so leaves are set to the quantile of what is left to
//! explain of their rows.

use super::{Gradient, LabelError, Loss, check_labels};
use crate::data::Data;
use crate::exact;
use crate::format::Value;
use crate::workers::{Workers, each_piece, piece_size};

/// Rows that one job derives at least.
const LEAST_ROWS: usize = 8192;

#[derive(Debug)]
pub(super) struct Quantiles {
    /// One at least.
    pub(super) alphas: Vec<f32>,
}

impl Loss for Quantiles {
    fn name(&self) -> &'static str {
        "reg:quantileerror"
    }

    fn outputs(&self) -> usize {
        self.alphas.len()
    }

    fn has_targets(&self) -> bool {
        true
    }

    fn check(&self, data: &Data) -> Result<(), LabelError> {
        check_labels(data, self.name(), "that are finite", f32::is_finite)
    }

    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], workers: &dyn Workers) {
        let outputs = self.alphas.len();
        for ((output, alpha), own) in
            self.alphas.iter().enumerate().zip(gradients.chunks_mut(data.rows().max(1)))
        {
            let size = piece_size(workers, own.len(), LEAST_ROWS, 1);
            each_piece(workers, own, size, |first, own| {
                for (row, slot) in (first..).zip(own) {
                    let too_high = margins[row * outputs + output] >= data.labels[row];
                    let weight = data.weight(row);
                    *slot = [if too_high { 1.0 - alpha } else { -alpha } * weight, weight];
                }
            });
        }
    }

    fn base_score(&self, data: &Data) -> Vec<f32> {
        let labels = data.labels.iter().enumerate();
        let pairs: Vec<_> = labels.map(|(row, label)| (*label, data.weight(row))).collect();
        let weighted = !data.weights.is_empty();
        self.alphas
            .iter()
            .map(|alpha| exact::quantile(&mut pairs.clone(), (*alpha).into(), weighted))
            .collect()
    }

    fn base_terms(&self, _data: &Data) -> Vec<Vec<f64>> {
        Vec::new()
    }

    fn base_lists(&self) -> usize {
        0
    }

    fn base_of(&self, _sums: &[f64]) -> Vec<f32> {
        vec![0.0; self.alphas.len()]
    }

    fn quantile(&self, output: usize) -> Option<f64> {
        self.alphas.get(output).map(|alpha| (*alpha).into())
    }

    fn metric(&self) -> String {
        "quantile".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let alphas: Vec<String> = self.alphas.iter().map(|alpha| format!("{alpha:E}")).collect();
        vec![(
            "quantile_loss_param",
            Value::settings([("quantile_alpha", format!("[{}]", alphas.join(",")))]),
        )]
    }
}
