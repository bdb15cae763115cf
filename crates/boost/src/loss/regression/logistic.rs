//! The logistic loss: a margin is the logarithm of the odds.

use super::{Point, positive_weight};
use crate::format::Value;
use crate::math::sigmoid;

/// Its three names, which differ in what is shown.
#[derive(Debug)]
pub(super) struct Logistic {
    name: &'static str,
    metric: &'static str,
    positive_weight: f32,
}

/// The second derivative is at least this.
const LEAST: f64 = 1e-16;

impl Logistic {
    pub(super) fn by_name(name: &str, positive_weight: f32) -> Option<Self> {
        let (name, metric) = match name {
            "reg:logistic" => ("reg:logistic", "rmse"),
            "binary:logistic" => ("binary:logistic", "logloss"),
            "binary:logitraw" => ("binary:logitraw", "logloss"),
            _ => return None,
        };
        Some(Self { name, metric, positive_weight })
    }
}

impl Point for Logistic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let p = sigmoid(margin);
        (p - label, (p * (1.0 - p)).max(LEAST))
    }

    fn needs(&self) -> &'static str {
        "from 0 to 1"
    }

    fn allows(&self, label: f32) -> bool {
        (0.0..=1.0).contains(&label)
    }

    fn metric(&self) -> String {
        self.metric.to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        positive_weight(self.positive_weight)
    }
}
