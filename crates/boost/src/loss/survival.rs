//! Times until something happens, after Cox: which row it happens to next, of those to whom it has not happened yet.
//!
//! A label is a time: positive where it happened then, negative where until then it had not. A margin is the logarithm of
//! how likely it is, beside the others. For each time at which it happened, the chances of all rows that were still there
//! are added up, and events of one time share that sum (Breslow's way).
//!
//! Sums over rows are of integers ([`Peak`]), so that the order of rows is no matter; sums over times go by the order of
//! times. XGBoost lets a row with an event know only of those events of its own time that stand before it in the file.

use super::{Gradient, LabelError, Loss, check_labels};
use crate::data::Data;
use crate::exact::Peak;
use crate::format::Value;
use crate::math::{exp, ln};
use crate::workers::Workers;

/// `survival:cox`.
#[derive(Debug)]
pub(super) struct Cox;

/// Where models begin: nobody is likelier than others.
const BASE_SCORE: f32 = 1.0;

/// Rows of one time beside each other, by time: a file without ties has as many times as rows.
fn by_time(labels: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(labels.len()).unwrap_or(u32::MAX)).collect();
    let time = |row: &u32| labels[*row as usize].abs();
    order.sort_by(|a, b| time(a).total_cmp(&time(b)));
    order
}

/// Calls `each` with the rows of each time and the sum of the chances of all that were there until then.
fn times(labels: &[f32], chances: &[f64], mut each: impl FnMut(&[u32], f64)) {
    let order = by_time(labels);
    let peak = Peak::of(chances.iter().copied());
    let mut left = peak.total(chances.iter().copied());
    for rows in order.chunk_by(|a, b| labels[*a as usize].abs() == labels[*b as usize].abs()) {
        each(rows, peak.worth(left));
        left -= peak.total(rows.iter().map(|row| chances[*row as usize]));
    }
}

impl Loss for Cox {
    fn name(&self) -> &'static str {
        "survival:cox"
    }

    fn check(&self, data: &Data) -> Result<(), LabelError> {
        let needs =
            "that are times: positive where it happened, negative where it had not happened until then";
        check_labels(data, self.name(), needs, |label| label.is_finite() && label != 0.0)
    }

    #[expect(clippy::cast_possible_truncation, reason = "gradients have single precision")]
    #[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^31 rows")]
    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], _workers: &dyn Workers) {
        let chances: Vec<f64> = margins.iter().map(|margin| exp(f64::from(*margin))).collect();
        let happened = |row: &&u32| data.labels[**row as usize] > 0.0;
        // Of all events so far: what they add to the derivatives of whoever was there.
        let (mut first, mut second) = (0.0, 0.0);
        times(&data.labels, &chances, |rows, all| {
            let events = rows.iter().filter(happened).count() as f64;
            if events > 0.0 {
                (first, second) = (first + events / all, second + events / (all * all));
            }
            for row in rows {
                let (at, chance) = (*row as usize, chances[*row as usize]);
                let event = f64::from(u8::from(data.labels[at] > 0.0));
                let weight = data.weight(at);
                let (g, h) = (chance * first - event, chance * first - chance * chance * second);
                gradients[at] = [g as f32 * weight, h as f32 * weight];
            }
        });
    }

    fn base_score(&self, _data: &Data) -> Vec<f32> {
        vec![BASE_SCORE]
    }

    fn base_terms(&self, _data: &Data) -> Vec<Vec<f64>> {
        Vec::new()
    }

    fn base_lists(&self) -> usize {
        0
    }

    fn base_of(&self, _sums: &[f64]) -> Vec<f32> {
        vec![BASE_SCORE]
    }

    fn metric(&self) -> String {
        "cox-nloglik".to_owned()
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}

/// How unlikely it was, for each event, that it happened to that row, on average.
pub(crate) fn surprise(labels: &[f32], predictions: &[f32]) -> f64 {
    let chances: Vec<f64> = predictions.iter().map(|chance| f64::from(*chance)).collect();
    let (mut terms, mut events) = (Vec::new(), 0_u32);
    times(labels, &chances, |rows, all| {
        for row in rows.iter().filter(|row| labels[**row as usize] > 0.0) {
            terms.push(ln(all) - ln(chances[*row as usize]));
            events += 1;
        }
    });
    crate::exact::sum(terms.iter().copied()) / f64::from(events.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::Alone;

    fn derived(labels: &[f32], margins: &[f32]) -> Vec<Gradient> {
        let data = Data { labels: labels.to_vec(), ..Data::default() };
        let mut gradients = vec![[0.0; 2]; labels.len()];
        Cox.gradients(&data, margins, &mut gradients, &Alone);
        gradients
    }

    #[test]
    fn derivatives_are_those_of_the_likelihood() {
        let labels = [3.0_f32, -1.0, 2.0, -4.0, 2.0, 0.5];
        let margins = [0.3_f32, -0.2, 0.1, 0.7, -0.5, 0.0];
        // The sum over events of what is lost, by the definition.
        let loss = |margins: &[f64]| -> f64 {
            let there = |time: f32| (0..6).filter(move |row| labels[*row].abs() >= time);
            let all = |time: f32| there(time).map(|row| margins[row].exp()).sum::<f64>().ln();
            (0..6).filter(|row| labels[*row] > 0.0).map(|row| all(labels[row]) - margins[row]).sum()
        };
        let gradients = derived(&labels, &margins);
        for row in 0..6 {
            let moved = |by: f64| {
                let mut margins = margins.map(f64::from);
                margins[row] += by;
                loss(&margins)
            };
            let step = 1e-4;
            let first = (moved(step) - moved(-step)) / (2.0 * step);
            let second = (moved(step) - 2.0 * moved(0.0) + moved(-step)) / (step * step);
            assert!((f64::from(gradients[row][0]) - first).abs() < 1e-5, "row {row}: {first}");
            assert!((f64::from(gradients[row][1]) - second).abs() < 1e-4, "row {row}: {second}");
        }
    }

    #[test]
    fn the_order_of_rows_of_one_time_is_no_matter() {
        let (labels, margins) = ([2.0, 2.0, -2.0, 1.0], [0.1_f32, 0.9, -0.4, 0.2]);
        let (mut other, mut others) = (labels, margins);
        other.reverse();
        others.reverse();
        let mut reversed = derived(&other, &others);
        reversed.reverse();
        assert_eq!(derived(&labels, &margins), reversed);
        assert_eq!(surprise(&labels, &margins.map(f32::exp)), surprise(&other, &others.map(f32::exp)));
    }
}
