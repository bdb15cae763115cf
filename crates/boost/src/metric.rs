//! How good predictions are, by XGBoost's names.
//!
//! Early stopping looks at metrics, so they must not depend on the order of rows either: their terms are added by
//! [`crate::exact`].

mod area;
mod classes;
mod pointwise;

use crate::data::Data;
use crate::near::nearest;
use crate::params::Params;
use std::fmt::Debug;

/// A measure of predictions.
pub(crate) trait Metric: Debug + Send + Sync {
    /// XGBoost's name, with what stands behind its `@`.
    fn name(&self) -> String;

    /// The measure, for predictions of all outputs of a row beside each other.
    fn value(&self, data: &Data, predictions: &[f32]) -> f64;

    /// Whether it can judge models of so many outputs.
    fn fits(&self, outputs: usize) -> bool {
        outputs == 1
    }

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
const NAMES: &[&str] = &[
    "rmse",
    "rmsle",
    "mae",
    "mape",
    "mphe",
    "quantile",
    "logloss",
    "error",
    "auc",
    "poisson-nloglik",
    "gamma-nloglik",
    "gamma-deviance",
    "tweedie-nloglik",
    "mlogloss",
    "merror",
];

pub(crate) fn by_name(name: &str, params: &Params) -> Result<Box<dyn Metric>, MetricError> {
    let (plain, argument) = name.split_once('@').map_or((name, None), |(plain, rest)| (plain, Some(rest)));
    if let (Some(metric), None) = (classes::by_name(plain), argument) {
        return Ok(Box::new(metric));
    }
    let found = match (plain, argument) {
        ("auc", None) => Some(Box::new(area::Roc) as Box<dyn Metric>),
        _ => pointwise::by_name(name, plain, argument, params)?,
    };
    found.ok_or_else(|| MetricError::Unknown {
        name: name.to_owned(),
        suggestion: nearest(name, NAMES.iter().copied()).filter(|near| *near != name),
    })
}
