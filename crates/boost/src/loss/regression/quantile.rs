//! Losses whose best prediction is a quantile: their second derivative says nothing, and so leaves are set to the quantile of
//! what is left to explain of their rows.

use super::Point;
use crate::format::Value;

/// The magnitude of the error: its best prediction is the median.
#[derive(Debug)]
pub(super) struct Absolute;

impl Point for Absolute {
    fn name(&self) -> &'static str {
        "reg:absoluteerror"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let sign = f64::from(i8::from(margin > label) - i8::from(margin < label));
        (sign, 1.0)
    }

    fn quantile(&self) -> Option<f64> {
        Some(0.5)
    }

    fn metric(&self) -> String {
        "mae".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// The error, which counts `alpha` where the prediction is too low, and the rest of 1 where it is too high.
#[derive(Debug)]
pub(super) struct Quantile {
    pub(super) alpha: f32,
}

impl Point for Quantile {
    fn name(&self) -> &'static str {
        "reg:quantileerror"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let alpha = f64::from(self.alpha);
        (if margin >= label { 1.0 - alpha } else { -alpha }, 1.0)
    }

    fn quantile(&self) -> Option<f64> {
        Some(self.alpha.into())
    }

    fn metric(&self) -> String {
        "quantile".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        vec![("quantile_loss_param", Value::settings([("quantile_alpha", format!("[{:E}]", self.alpha))]))]
    }
}
