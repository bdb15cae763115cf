//! Losses of one margin and one label.

mod absolute;
mod counts;
mod logistic;
mod robust;
mod squared;

use super::{Gradient, LabelError, Loss, check_labels, weights};
use crate::data::Data;
use crate::exact;
use crate::format::Value;
use crate::params::Params;
use crate::workers::{Workers, each_piece, piece_size};
use std::fmt::Debug;

/// Rows that one job derives at least.
const LEAST_ROWS: usize = 8192;

/// The formulas of one such loss.
pub(super) trait Point: Debug + Send + Sync {
    fn name(&self) -> &'static str;
    /// First and second derivative.
    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64);
    /// What labels must be, in words.
    fn needs(&self) -> &'static str {
        "that are finite"
    }
    fn allows(&self, label: f32) -> bool {
        label.is_finite()
    }
    /// Whether the mean of the labels is where to begin; otherwise it is one step of Newton's from 0.
    fn begins_at_mean(&self) -> bool {
        true
    }
    /// The bound on weights where none was asked for.
    fn max_delta_step(&self) -> f32 {
        0.0
    }
    /// The part of rows that should lie below the prediction, where leaves are such quantiles of what is left to explain.
    fn quantile(&self) -> Option<f64> {
        None
    }
    fn metric(&self) -> String;
    fn settings(&self) -> Vec<(&'static str, Value)>;
}

/// A loss of formulas.
#[derive(Debug)]
struct Pointwise<P> {
    point: P,
    /// How much more rows count whose label is 1.
    positive_weight: f32,
}

/// The loss of that name, if it is one of these.
pub(crate) fn by_name(name: &str, params: &Params) -> Option<Box<dyn Loss>> {
    let positive_weight = params.scale_pos_weight;
    Some(match name {
        "reg:squarederror" => boxed(squared::Squared { positive_weight }, positive_weight),
        "reg:gamma" => boxed(counts::Gamma { positive_weight }, positive_weight),
        "count:poisson" => boxed(counts::Poisson::new(params), 1.0),
        "reg:tweedie" => boxed(counts::Tweedie { power: params.tweedie_variance_power }, 1.0),
        "reg:pseudohubererror" => boxed(robust::PseudoHuber { slope: params.huber_slope }, 1.0),
        "reg:squaredlogerror" => boxed(robust::SquaredLog, 1.0),
        "reg:absoluteerror" => boxed(absolute::Absolute, 1.0),
        "binary:hinge" => boxed(robust::Hinge, 1.0),
        _ => {
            let point = logistic::Logistic::by_name(name, positive_weight)?;
            boxed(point, positive_weight)
        }
    })
}

fn boxed(point: impl Point + 'static, positive_weight: f32) -> Box<dyn Loss> {
    Box::new(Pointwise { point, positive_weight })
}

/// As models hold `scale_pos_weight`.
fn positive_weight(value: f32) -> Vec<(&'static str, Value)> {
    vec![("reg_loss_param", Value::settings([("scale_pos_weight", value.to_string())]))]
}

impl<P: Point> Pointwise<P> {
    #[expect(clippy::float_cmp, reason = "exactly the default")]
    fn begins_at_mean(&self) -> bool {
        self.point.begins_at_mean() && self.positive_weight == 1.0
    }

    /// The derivatives of rows from `first` on. Without weights the loop has neither branches nor calls.
    #[expect(clippy::cast_possible_truncation, reason = "gradients have single precision")]
    fn derive(&self, data: &Data, first: usize, margins: &[f32], gradients: &mut [Gradient]) {
        let labels = &data.labels[first..];
        for ((slot, margin), label) in gradients.iter_mut().zip(margins).zip(labels) {
            let (g, h) = self.point.derivatives(f64::from(*margin), f64::from(*label));
            *slot = [g as f32, h as f32];
        }
        if let Some(weights) = data.weights.get(first..).filter(|weights| !weights.is_empty()) {
            gradients
                .iter_mut()
                .zip(weights)
                .for_each(|(slot, weight)| *slot = slot.map(|part| part * weight));
        }
        #[expect(clippy::float_cmp, reason = "exactly the default, and that very label")]
        if self.positive_weight != 1.0 {
            for (slot, label) in gradients.iter_mut().zip(labels) {
                let weight = if *label == 1.0 { self.positive_weight } else { 1.0 };
                *slot = slot.map(|part| part * weight);
            }
        }
    }
}

impl<P: Point> Loss for Pointwise<P> {
    fn name(&self) -> &'static str {
        self.point.name()
    }

    fn check(&self, data: &Data) -> Result<(), LabelError> {
        check_labels(data, self.point.name(), self.point.needs(), |label| self.point.allows(label))
    }

    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], workers: &dyn Workers) {
        let size = piece_size(workers, gradients.len(), LEAST_ROWS, 2);
        each_piece(workers, gradients, size, |first, piece| {
            self.derive(data, first, &margins[first..], piece)
        });
    }

    fn base_score(&self, data: &Data) -> Vec<f32> {
        if let Some(alpha) = self.point.quantile() {
            let labels = data.labels.iter().enumerate();
            let mut pairs: Vec<_> = labels.map(|(row, label)| (*label, data.weight(row))).collect();
            return vec![exact::quantile(&mut pairs, alpha, !data.weights.is_empty())];
        }
        let sums: Vec<f64> =
            self.base_terms(data).iter().map(|terms| exact::sum(terms.iter().copied())).collect();
        self.base_of(&sums)
    }

    /// Weights and weighted labels for their mean, or both derivatives at 0 for a step of Newton's.
    fn base_terms(&self, data: &Data) -> Vec<Vec<f64>> {
        if self.begins_at_mean() {
            let weights = weights(data);
            let labels = data.labels.iter().zip(&weights).map(|(label, weight)| f64::from(*label) * weight);
            return vec![labels.collect(), weights];
        }
        let mut gradients = vec![[0.0; 2]; data.rows()];
        self.derive(data, 0, &vec![0.0; data.rows()], &mut gradients);
        let all = |of: usize| gradients.iter().map(|slot| f64::from(slot[of])).collect();
        vec![all(0), all(1)]
    }

    fn base_lists(&self) -> usize {
        if self.point.quantile().is_some() { 0 } else { 2 }
    }

    #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
    fn base_of(&self, sums: &[f64]) -> Vec<f32> {
        let (first, second) = (sums[0], sums[1]);
        if self.begins_at_mean() {
            return vec![if second > 0.0 { (first / second) as f32 } else { 0.0 }];
        }
        let margin = if second > 0.0 { (-first / second) as f32 } else { 0.0 };
        let mut score = [margin];
        self.link().predict(&mut score);
        score.to_vec()
    }

    fn max_delta_step(&self) -> f32 {
        self.point.max_delta_step()
    }

    fn quantile(&self, _output: usize) -> Option<f64> {
        self.point.quantile()
    }

    fn metric(&self) -> String {
        self.point.metric()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        self.point.settings()
    }
}
