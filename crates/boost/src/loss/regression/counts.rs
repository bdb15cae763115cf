//! Losses whose predictions are positive, with the logarithm as link: Poisson, gamma and Tweedie.

use super::{Point, positive_weight};
use crate::format::Value;
use crate::math::exp;
use crate::params::Params;

/// Of counts.
#[derive(Debug)]
pub(super) struct Poisson {
    max_delta_step: f32,
}

/// XGBoost's bound where none was asked for: without one the exponential runs away.
const MAX_DELTA_STEP: f32 = 0.7;

impl Poisson {
    pub(super) fn new(params: &Params) -> Self {
        Self { max_delta_step: params.max_delta_step.unwrap_or(MAX_DELTA_STEP) }
    }
}

const POSITIVE_OR_ZERO: &str = "from 0";

impl Point for Poisson {
    fn name(&self) -> &'static str {
        "count:poisson"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let step = f64::from(self.max_delta_step);
        (exp(margin) - label, exp(margin + step))
    }

    fn needs(&self) -> &'static str {
        POSITIVE_OR_ZERO
    }

    fn allows(&self, label: f32) -> bool {
        label.is_finite() && label >= 0.0
    }

    fn max_delta_step(&self) -> f32 {
        self.max_delta_step
    }

    fn metric(&self) -> String {
        "poisson-nloglik".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let step = [("max_delta_step", self.max_delta_step.to_string())];
        vec![("poisson_regression_param", Value::settings(step))]
    }
}

/// Of amounts whose spread grows with their mean.
#[derive(Debug)]
pub(super) struct Gamma {
    pub(super) positive_weight: f32,
}

impl Point for Gamma {
    fn name(&self) -> &'static str {
        "reg:gamma"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let ratio = label * exp(-margin);
        (1.0 - ratio, ratio)
    }

    fn needs(&self) -> &'static str {
        "above 0"
    }

    fn allows(&self, label: f32) -> bool {
        label.is_finite() && label > 0.0
    }

    fn metric(&self) -> String {
        "gamma-deviance".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        positive_weight(self.positive_weight)
    }
}

/// Of amounts many of which are 0, as those of insurances.
#[derive(Debug)]
pub(super) struct Tweedie {
    pub(super) power: f32,
}

impl Point for Tweedie {
    fn name(&self) -> &'static str {
        "reg:tweedie"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let (one, two) = (1.0 - f64::from(self.power), 2.0 - f64::from(self.power));
        let (a, b) = (label * exp(one * margin), exp(two * margin));
        (b - a, two * b - one * a)
    }

    fn needs(&self) -> &'static str {
        POSITIVE_OR_ZERO
    }

    fn allows(&self, label: f32) -> bool {
        label.is_finite() && label >= 0.0
    }

    fn metric(&self) -> String {
        format!("tweedie-nloglik@{}", self.power)
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let power = [("tweedie_variance_power", self.power.to_string())];
        vec![("tweedie_regression_param", Value::settings(power))]
    }
}
