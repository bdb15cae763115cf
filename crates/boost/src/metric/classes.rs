//! Measures of the probabilities of classes.

use super::Metric;
use crate::data::Data;
use crate::exact;
use crate::math::ln;

/// The mean of something that the probabilities of a row and its class have.
#[derive(Debug)]
pub(super) struct Classes {
    name: &'static str,
    term: fn(&[f32], usize) -> f64,
}

pub(super) fn by_name(name: &str) -> Option<Classes> {
    match name {
        "mlogloss" => Some(Classes { name: "mlogloss", term: surprise }),
        "merror" => Some(Classes { name: "merror", term: miss }),
        _ => None,
    }
}

/// Probabilities are kept so far from 0.
const NEAREST: f64 = 1e-16;

fn surprise(row: &[f32], class: usize) -> f64 {
    -ln(row.get(class).copied().map_or(0.0, f64::from).max(NEAREST))
}

/// 1 unless the class is the first of the most likely ones.
fn miss(row: &[f32], class: usize) -> f64 {
    let best = (0..row.len()).reduce(|best, at| if row[at] > row[best] { at } else { best });
    f64::from(u8::from(best != Some(class)))
}

impl Metric for Classes {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        exact::mean(self.pairs(data, predictions))
    }

    fn terms(&self, data: &Data, predictions: &[f32]) -> Option<[Vec<f64>; 2]> {
        Some(exact::weighted(self.pairs(data, predictions)))
    }

    fn is_of_sums(&self) -> bool {
        true
    }

    fn fits(&self, outputs: usize) -> bool {
        outputs > 1
    }
}

impl Classes {
    /// What each row has, and how much it counts.
    fn pairs<'a>(
        &'a self,
        data: &'a Data,
        predictions: &'a [f32],
    ) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
        let outputs = (predictions.len() / data.rows().max(1)).max(1);
        let rows = predictions.chunks(outputs).enumerate();
        rows.map(move |(row, probabilities)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked by the objective"
            )]
            let class = data.labels[row] as usize;
            ((self.term)(probabilities, class), f64::from(data.weight(row)))
        })
    }
}
