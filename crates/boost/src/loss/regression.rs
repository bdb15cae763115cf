//! Losses of one margin and one label.

mod logistic;
mod squared;

use super::{Gradient, LabelError, Loss, check_labels, mean_label};
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
    fn weight(&self, data: &Data, row: usize) -> f32 {
        let weight = data.weight(row);
        #[expect(clippy::float_cmp, reason = "that very label")]
        if data.labels[row] == 1.0 { weight * self.positive_weight } else { weight }
    }

    #[expect(clippy::cast_possible_truncation, reason = "gradients have single precision")]
    fn gradient(&self, data: &Data, row: usize, margin: f32) -> Gradient {
        let (g, h) = self.point.derivatives(f64::from(margin), f64::from(data.labels[row]));
        let weight = f64::from(self.weight(data, row));
        [(g * weight) as f32, (h * weight) as f32]
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
            let rows = (first..).zip(&margins[first..]);
            piece.iter_mut().zip(rows).for_each(|(slot, (row, margin))| {
                *slot = self.gradient(data, row, *margin);
            });
        });
    }

    fn base_score(&self, data: &Data) -> Vec<f32> {
        #[expect(clippy::float_cmp, reason = "exactly the default")]
        if self.point.begins_at_mean() && self.positive_weight == 1.0 {
            return vec![mean_label(data)];
        }
        let all = |of: usize| {
            let terms = (0..data.rows()).map(|row| f64::from(self.gradient(data, row, 0.0)[of]));
            exact::sum(terms)
        };
        let (g, h) = (all(0), all(1));
        #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
        let margin = if h > 0.0 { (-g / h) as f32 } else { 0.0 };
        let mut score = [margin];
        self.link().predict(&mut score);
        score.to_vec()
    }

    fn metric(&self) -> String {
        self.point.metric()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        self.point.settings()
    }
}
