//! Measures of times until something happens.

use super::Metric;
use crate::data::Data;
use crate::loss::surprise;

/// How unlikely it was, for each event, that it happened to that row, of all that were there until then. As XGBoost has it,
/// weights are not looked at.
#[derive(Debug)]
pub(super) struct Cox;

impl Metric for Cox {
    fn name(&self) -> String {
        "cox-nloglik".to_owned()
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        surprise(&data.labels, predictions)
    }
}
