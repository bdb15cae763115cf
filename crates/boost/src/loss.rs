//! What a model is trained to make small, by XGBoost's names.

mod regression;

use crate::data::Data;
use crate::exact;
use crate::format::Value;
use crate::link::Link;
use crate::params::Params;
use crate::workers::Workers;
use std::fmt::Debug;

pub(crate) use regression::by_name as regression;

/// First and second derivative of the loss by a margin.
pub(crate) type Gradient = [f32; 2];

/// A loss, and how its margins are turned into what a user sees.
pub(crate) trait Loss: Debug + Send + Sync {
    /// XGBoost's name.
    fn name(&self) -> &'static str;

    /// How many margins a row has.
    fn outputs(&self) -> usize {
        1
    }

    /// Says what is wrong with the labels, if something is.
    fn check(&self, data: &Data) -> Result<(), LabelError>;

    /// Derivatives at `margins`, which has all of a row beside each other, into `gradients`, which has all rows of an
    /// output beside each other.
    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], workers: &dyn Workers);

    /// The best prediction that is the same for all rows, or near it, one for each output.
    fn base_score(&self, data: &Data) -> Vec<f32>;

    /// How margins become predictions.
    fn link(&self) -> Link {
        Link::of(self.name()).unwrap_or(Link::Identity)
    }

    /// How margins become what metrics look at: as predictions, but for classes their probabilities.
    fn judged_by(&self) -> Link {
        match self.link() {
            Link::Class => Link::Softmax,
            link => link,
        }
    }

    /// The bound on weights where none was asked for.
    fn max_delta_step(&self) -> f32 {
        0.0
    }

    /// The metric that is shown where none was asked for.
    fn metric(&self) -> String;

    /// The parameters that models hold, under the name that they have there.
    fn settings(&self) -> Vec<(&'static str, Value)>;
}

/// A label that a loss has no use for.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("row {row} has the label {label}, and {objective} needs labels {needs}")]
pub struct LabelError {
    /// The row, counted from 0.
    pub row: usize,
    /// Its label.
    pub label: f32,
    /// The objective.
    pub objective: &'static str,
    /// What would do.
    pub needs: &'static str,
}

/// Every objective that can be trained.
pub(crate) const NAMES: &[&str] = &["reg:squarederror", "reg:logistic", "binary:logistic", "binary:logitraw"];

/// The loss that parameters name.
pub(crate) fn by_params(params: &Params) -> Option<Box<dyn Loss>> {
    regression(&params.objective, params)
}

/// Looks at every label.
pub(crate) fn check_labels(
    data: &Data,
    objective: &'static str,
    needs: &'static str,
    allowed: impl Fn(f32) -> bool,
) -> Result<(), LabelError> {
    match data.labels.iter().position(|label| !allowed(*label)) {
        Some(row) => Err(LabelError { row, label: data.labels[row], objective, needs }),
        None => Ok(()),
    }
}

/// The mean of the labels.
pub(crate) fn mean_label(data: &Data) -> f32 {
    let pairs = data.labels.iter().enumerate();
    #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
    let mean = exact::mean(pairs.map(|(row, label)| (f64::from(*label), f64::from(data.weight(row))))) as f32;
    mean
}
