//! Several classes: the logistic loss of each against the others, with probabilities that add up to 1.

use super::{Gradient, LabelError, Loss, check_labels, weights};
use crate::data::Data;
use crate::format::Value;
use crate::link::softmax;
use crate::math::ln;
use crate::workers::{Workers, each, piece_size};

/// `multi:softprob`, or `multi:softmax`, which differs in what is predicted.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) name: &'static str,
    pub(super) count: usize,
}

/// Rows that one job derives at least.
const LEAST_ROWS: usize = 4096;

/// Second derivatives are at least this, and so much is added to shares of classes.
const LEAST: f32 = 1e-16;
const LEAST_SHARE: f64 = 1e-6;

impl Classes {
    /// Derives rows from `first` on into their part of each class's gradients.
    fn derive(&self, data: &Data, first: usize, margins: &[f32], parts: &mut [&mut [Gradient]]) {
        let rows = margins.chunks_exact(self.count).enumerate();
        let mut row = vec![0.0; self.count];
        for (at, margins) in rows {
            row.copy_from_slice(margins);
            softmax(&mut row);
            let weight = data.weight(first + at);
            for (class, (part, p)) in parts.iter_mut().zip(&row).enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "there are few classes")]
                let own = if data.labels[first + at] == class as f32 { 1.0 } else { 0.0 };
                part[at] = [(p - own) * weight, (2.0 * p * (1.0 - p) * weight).max(LEAST)];
            }
        }
    }
}

impl Loss for Classes {
    fn name(&self) -> &'static str {
        self.name
    }

    fn outputs(&self) -> usize {
        self.count
    }

    fn check(&self, data: &Data) -> Result<(), LabelError> {
        #[expect(clippy::cast_precision_loss, reason = "there are few classes")]
        let count = self.count as f32;
        let needs = "that are whole numbers from 0 and below num_class";
        check_labels(data, self.name, needs, |label| label >= 0.0 && label < count && label.fract() == 0.0)
    }

    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], workers: &dyn Workers) {
        let rows = data.rows();
        let size = piece_size(workers, rows, LEAST_ROWS, 2);
        // The pieces of all classes that have the same rows.
        let mut jobs: Vec<Vec<&mut [Gradient]>> = (0..rows.div_ceil(size)).map(|_| Vec::new()).collect();
        for class in gradients.chunks_mut(rows) {
            class.chunks_mut(size).zip(&mut jobs).for_each(|(piece, job)| job.push(piece));
        }
        each(workers, &mut jobs, |index, parts| {
            let first = index * size;
            let end = (first + size).min(rows);
            self.derive(data, first, &margins[first * self.count..end * self.count], parts);
        });
    }

    /// As XGBoost has it these are margins: logarithms of the classes' shares, around their mean.
    fn base_of(&self, sums: &[f64]) -> Vec<f32> {
        let all = sums[0];
        let logs: Vec<f64> = sums[1..].iter().map(|own| ln(own / all + LEAST_SHARE)).collect();
        #[expect(clippy::cast_precision_loss, reason = "there are few classes")]
        let mean = logs.iter().sum::<f64>() / self.count as f64;
        #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
        logs.iter().map(|log| (log - mean) as f32).collect()
    }

    /// The weights of all rows, and of those of each class.
    fn base_terms(&self, data: &Data) -> Vec<Vec<f64>> {
        let all = weights(data);
        let of = |class: usize| {
            #[expect(clippy::cast_precision_loss, reason = "there are few classes")]
            let own = |(row, _): &(usize, &f64)| data.labels[*row] == class as f32;
            all.iter().enumerate().filter(own).map(|(_, weight)| *weight).collect()
        };
        let classes: Vec<Vec<f64>> = (0..self.count).map(of).collect();
        [all].into_iter().chain(classes).collect()
    }

    fn base_lists(&self) -> usize {
        self.count + 1
    }

    fn metric(&self) -> String {
        "mlogloss".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        vec![("softmax_multiclass_param", Value::settings([("num_class", self.count.to_string())]))]
    }
}
