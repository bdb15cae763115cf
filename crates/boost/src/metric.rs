//! How good predictions are, by XGBoost's names.
//!
//! Early stopping looks at metrics, so they must not depend on the order of rows either: their terms are added by
//! [`crate::exact`].

mod area;
mod pointwise;

use crate::data::Data;
use crate::near::nearest;
use std::fmt::Debug;

/// A measure of predictions.
pub(crate) trait Metric: Debug + Send + Sync {
    /// XGBoost's name, with what stands behind its `@`.
    fn name(&self) -> String;

    /// The measure, for predictions of all outputs of a row beside each other.
    fn value(&self, data: &Data, predictions: &[f32]) -> f64;

    /// Whether more is better.
    fn rises(&self) -> bool {
        false
    }
}

/// Why there is no such metric.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MetricError {
    /// Nobody knows it, or it is not there.
    #[error("there is no metric `{name}`{}", .suggestion.map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        suggestion: Option<&'static str>,
    },
    /// What stands behind the `@` makes no sense.
    #[error("the metric `{name}` should be {needs}")]
    Argument {
        /// What was asked for.
        name: String,
        /// What would do.
        needs: &'static str,
    },
}

/// Every metric, without what may stand behind an `@`.
const NAMES: &[&str] = &["rmse", "mae", "logloss", "error", "auc"];

pub(crate) fn by_name(name: &str) -> Result<Box<dyn Metric>, MetricError> {
    let (plain, argument) = name.split_once('@').map_or((name, None), |(plain, rest)| (plain, Some(rest)));
    let found = match (plain, argument) {
        ("auc", None) => Some(Box::new(area::Roc) as Box<dyn Metric>),
        _ => pointwise::by_name(name, plain, argument)?,
    };
    found.ok_or_else(|| MetricError::Unknown {
        name: name.to_owned(),
        suggestion: nearest(name, NAMES.iter().copied()).filter(|near| *near != name),
    })
}
