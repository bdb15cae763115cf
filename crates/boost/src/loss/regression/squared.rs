//! Half the square of the error.

use super::{Point, positive_weight};
use crate::format::Value;

#[derive(Debug)]
pub(super) struct Squared {
    pub(super) positive_weight: f32,
}

impl Point for Squared {
    fn name(&self) -> &'static str {
        "reg:squarederror"
    }

    fn derivatives(&self, margin: f64, label: f64) -> (f64, f64) {
        (margin - label, 1.0)
    }

    fn metric(&self) -> String {
        "rmse".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        positive_weight(self.positive_weight)
    }
}
