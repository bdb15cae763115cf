//! The loss whose best prediction is the median: its second derivative says nothing, and so leaves are set to the median of
//! what is left to explain of their rows. Other quantiles are in [`crate::loss`].

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
