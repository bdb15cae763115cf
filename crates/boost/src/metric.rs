//! How good predictions are, by XGBoost's names.
//!
//! Early stopping looks at metrics, so they must not depend on the order of rows either: their terms are added by
//! [`crate::exact`].

mod area;
mod classes;
mod pointwise;
mod quantiles;
mod ranking;
mod survival;

use crate::data::Data;
use crate::loss::Loss;
use crate::near::nearest;
use crate::params::Params;
use std::fmt::Debug;

/// A measure of predictions.
pub(crate) trait Metric: Debug + Send + Sync {
    /// XGBoost's name, with what stands behind its `@`.
    fn name(&self) -> String;

    /// The measure, for predictions of all outputs of a row beside each other.
    fn value(&self, data: &Data, predictions: &[f32]) -> f64;

    /// Two lists of numbers whose sums tell the measure, where sums do.
    fn terms(&self, _data: &Data, _predictions: &[f32]) -> Option<[Vec<f64>; 2]> {
        None
    }

    /// Whether sums tell it.
    fn is_of_sums(&self) -> bool {
        false
    }

    /// What the sums of both lists tell.
    fn of_sums(&self, sums: [f64; 2]) -> f64 {
        if sums[1] > 0.0 { sums[0] / sums[1] } else { 0.0 }
    }

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
    /// It is for models of another kind.
    #[error("the metric `{name}` cannot judge {objective}")]
    Unfit {
        /// What was asked for.
        name: String,
        /// What is trained.
        objective: &'static str,
    },
}

/// The metrics that parameters ask for; that of the loss where they ask for none.
pub(crate) fn of(params: &Params, loss: &dyn Loss) -> Result<Vec<Box<dyn Metric>>, MetricError> {
    let mut names = params.eval_metric.clone();
    if names.is_empty() && !params.disable_default_eval_metric {
        names.push(loss.metric());
    }
    let metrics = names.iter().map(|name| by_name(name, params)).collect::<Result<Vec<_>, _>>()?;
    match metrics.iter().find(|metric| !metric.fits(loss.outputs())) {
        Some(metric) => Err(MetricError::Unfit { name: metric.name(), objective: loss.name() }),
        None => Ok(metrics),
    }
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
    "aucpr",
    "poisson-nloglik",
    "gamma-nloglik",
    "gamma-deviance",
    "tweedie-nloglik",
    "mlogloss",
    "merror",
    "ndcg",
    "cox-nloglik",
];

pub(crate) fn by_name(name: &str, params: &Params) -> Result<Box<dyn Metric>, MetricError> {
    let (plain, argument) = name.split_once('@').map_or((name, None), |(plain, rest)| (plain, Some(rest)));
    if let (Some(metric), None) = (classes::by_name(plain), argument) {
        return Ok(Box::new(metric));
    }
    if let (Some(metric), None) = (area::by_name(plain, params), argument) {
        return Ok(Box::new(metric));
    }
    if let Some(metric) = ranking::by_name(name, plain, argument, params)? {
        return Ok(Box::new(metric));
    }
    let found = match (plain, argument) {
        ("cox-nloglik", None) => Some(Box::new(survival::Cox) as Box<dyn Metric>),
        ("quantile", None) => {
            let alphas = params.quantile_alpha.iter().copied().map(f64::from).collect();
            Some(Box::new(quantiles::Quantiles { alphas }) as Box<dyn Metric>)
        }
        _ => pointwise::by_name(name, plain, argument, params)?,
    };
    found.ok_or_else(|| MetricError::Unknown {
        name: name.to_owned(),
        suggestion: nearest(name, NAMES.iter().copied()).filter(|near| *near != name),
    })
}
