//! Areas under curves.

use super::Metric;
use crate::data::Data;
use crate::exact;

/// The area under the curve of true over false positives: how often a positive row is above a negative one, where equal
/// ones count half.
#[derive(Debug)]
pub(super) struct Roc;

impl Metric for Roc {
    fn name(&self) -> String {
        "auc".to_owned()
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        let mut rows: Vec<(f32, f64, f64)> = predictions
            .iter()
            .enumerate()
            .map(|(row, p)| {
                let (label, weight) = (f64::from(data.labels[row]), f64::from(data.weight(row)));
                (*p, label * weight, (1.0 - label) * weight)
            })
            .collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let groups: Vec<(f64, f64)> = rows
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| {
                (exact::sum(group.iter().map(|row| row.1)), exact::sum(group.iter().map(|row| row.2)))
            })
            .collect();
        let mut below = 0.0;
        let mut area = 0.0;
        for (positive, negative) in &groups {
            area += positive * (below + negative / 2.0);
            below += negative;
        }
        let positive: f64 = groups.iter().map(|group| group.0).sum();
        if positive > 0.0 && below > 0.0 { area / (positive * below) } else { 0.5 }
    }

    fn rises(&self) -> bool {
        true
    }
}
