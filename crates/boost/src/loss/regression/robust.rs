//! Losses that large errors do not rule, and the hinge.

use super::Point;
use crate::format::Value;

/// Like the square near 0, like the magnitude far from it.
#[derive(Debug)]
pub(super) struct PseudoHuber {
    pub(super) slope: f32,
}

impl Point for PseudoHuber {
    fn name(&self) -> &'static str {
        "reg:pseudohubererror"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let (z, square) = (margin - label, f64::from(self.slope) * f64::from(self.slope));
        let root = (1.0 + z * z / square).sqrt();
        (z / root, square / ((square + z * z) * root))
    }

    fn begins_at_mean(&self) -> bool {
        false
    }

    fn metric(&self) -> String {
        "mphe".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        vec![("pseudo_huber_param", Value::settings([("huber_slope", self.slope.to_string())]))]
    }
}

/// The square of the error of logarithms.
#[derive(Debug)]
pub(super) struct SquaredLog;

impl Point for SquaredLog {
    fn name(&self) -> &'static str {
        "reg:squaredlogerror"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        /// What is predicted is kept above -1, where the logarithm ends.
        const LEAST: f64 = -1.0 + 1e-6;
        let margin = margin.max(LEAST);
        let error = libm::log1p(margin) - libm::log1p(label);
        let base = margin + 1.0;
        (error / base, ((1.0 - error) / (base * base)).max(1e-6))
    }

    fn needs(&self) -> &'static str {
        "above -1"
    }

    fn allows(&self, label: f32) -> bool {
        label.is_finite() && label > -1.0
    }

    fn begins_at_mean(&self) -> bool {
        false
    }

    fn metric(&self) -> String {
        "rmsle".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// By how much a row is short of being on its side by 1.
#[derive(Debug)]
pub(super) struct Hinge;

impl Point for Hinge {
    fn name(&self) -> &'static str {
        "binary:hinge"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        let side = label * 2.0 - 1.0;
        if margin * side < 1.0 { (-side, 1.0) } else { (0.0, f64::from(f32::MIN_POSITIVE)) }
    }

    fn needs(&self) -> &'static str {
        "0 and 1"
    }

    fn allows(&self, label: f32) -> bool {
        label == 0.0 || label == 1.0
    }

    fn begins_at_mean(&self) -> bool {
        false
    }

    fn metric(&self) -> String {
        "error".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}
