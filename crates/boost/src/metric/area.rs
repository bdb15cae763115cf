//! Areas under curves, of one class against the rest.
//!
//! Rows of one prediction are one step of a curve, so that their order is no matter.

use super::Metric;
use crate::data::Data;
use crate::exact;
use crate::math::ln;
use crate::params::Params;

/// The area under a curve. Where there are several classes it is that of each against all others, on average.
#[derive(Debug)]
pub(super) struct Area {
    curve: Curve,
    over: Over,
}

/// Which curve it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    /// True over false positives: how often a positive row is above a negative one, where equal ones count half. The mean over classes
    /// counts each by its rows.
    Roc,
    /// Precision over recall, with Davis and Goadrich's curve between its points. The mean counts all classes the same.
    Precision,
}

/// What predictions are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// How likely a row is a positive one.
    One,
    /// How likely each class is.
    Classes,
    /// Places in groups, which have no negative and positive rows.
    Groups,
}

/// `auc` and `aucpr`.
pub(super) fn by_name(name: &str, params: &Params) -> Option<Area> {
    let curve = match name {
        "auc" => Curve::Roc,
        "aucpr" => Curve::Precision,
        _ => return None,
    };
    let over = match params.objective.split_once(':') {
        Some(("multi", _)) => Over::Classes,
        Some(("rank", _)) => Over::Groups,
        _ => Over::One,
    };
    Some(Area { curve, over })
}

/// Rows of one prediction, and how much they weigh.
#[derive(Debug, Clone, Copy)]
struct Step {
    positive: f64,
    negative: f64,
}

impl Area {
    /// The area, and the weight of positive rows.
    fn of(&self, rows: &mut [(f32, Step)]) -> (f64, f64) {
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let total = |rows: &[(f32, Step)]| Step {
            positive: exact::sum(rows.iter().map(|row| row.1.positive)),
            negative: exact::sum(rows.iter().map(|row| row.1.negative)),
        };
        let steps: Vec<Step> = rows.chunk_by(|a, b| a.0 == b.0).map(total).collect();
        let positive: f64 = steps.iter().map(|step| step.positive).sum();
        let negative: f64 = steps.iter().map(|step| step.negative).sum();
        // What rows in no order at all are expected to have, where there is nothing to put in order.
        let area = match self.curve {
            _ if positive > 0.0 && negative > 0.0 => self.below(&steps, positive, negative),
            Curve::Roc => 0.5,
            Curve::Precision => f64::from(u8::from(positive > 0.0)),
        };
        (area, positive)
    }

    /// The area below a curve that goes through `steps`.
    fn below(&self, steps: &[Step], positive: f64, negative: f64) -> f64 {
        let mut at = Step { positive: 0.0, negative: 0.0 };
        let mut area = 0.0;
        for step in steps {
            area += match self.curve {
                Curve::Roc => step.negative * (at.positive + step.positive / 2.0) / (positive * negative),
                Curve::Precision => precision(at, *step) / positive,
            };
            at.positive += step.positive;
            at.negative += step.negative;
        }
        area
    }
}

/// The integral of precision over the positive rows of a step: false positives grow along it as true ones do, so that precision
/// is t / (t + n) with t the true ones, from `at.positive` on, and n linear in t.
fn precision(at: Step, step: Step) -> f64 {
    if step.positive <= 0.0 {
        return 0.0;
    }
    // t + n = slope · t + rest
    let slope = 1.0 + step.negative / step.positive;
    let rest = at.negative - (slope - 1.0) * at.positive;
    let (from, to) = (at.positive + at.negative, at.positive + at.negative + step.positive + step.negative);
    // The first step begins where nothing is found, and has one precision all along.
    let bend = if rest == 0.0 || from <= 0.0 { 0.0 } else { rest / slope * ln(to / from) };
    (step.positive - bend) / slope
}

impl Metric for Area {
    fn name(&self) -> String {
        match self.curve {
            Curve::Roc => "auc".to_owned(),
            Curve::Precision => "aucpr".to_owned(),
        }
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        let outputs = (predictions.len() / data.labels.len().max(1)).max(1);
        let area_of = |class: usize| {
            let rows = predictions.chunks(outputs).enumerate().map(|(row, predictions)| {
                let (label, weight) = (f64::from(data.labels[row]), f64::from(data.weight(row)));
                #[expect(clippy::cast_precision_loss, reason = "there are few classes")]
                let share = match self.over {
                    Over::Classes => f64::from(u8::from(label == class as f64)),
                    // Amounts are judged as well; whether a row is positive is not more than certain.
                    Over::One | Over::Groups => label.clamp(0.0, 1.0),
                };
                (predictions[class], Step { positive: share * weight, negative: (1.0 - share) * weight })
            });
            self.of(&mut rows.collect::<Vec<_>>())
        };
        if outputs == 1 {
            return area_of(0).0;
        }
        let areas: Vec<(f64, f64)> = (0..outputs).map(area_of).collect();
        let count = |positive: f64| match self.curve {
            Curve::Roc => positive,
            Curve::Precision => f64::from(u8::from(positive > 0.0)),
        };
        exact::mean(areas.iter().map(|(area, positive)| (*area, count(*positive))))
    }

    fn fits(&self, outputs: usize) -> bool {
        match self.over {
            Over::One => outputs == 1,
            Over::Classes => outputs > 1,
            Over::Groups => false,
        }
    }

    fn rises(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(objective: &str) -> Params {
        let mut params = Params::default();
        params.set("objective", objective).unwrap();
        params
    }

    fn value(name: &str, objective: &str, labels: &[f32], predictions: &[f32]) -> f64 {
        let params = params(objective);
        let data = Data { labels: labels.to_vec(), ..Data::default() };
        by_name(name, &params).unwrap().value(&data, predictions)
    }

    #[test]
    fn areas_of_few_rows() {
        let binary =
            |name, labels: &[f32], predictions: &[f32]| value(name, "binary:logistic", labels, predictions);
        let close = |area: f64, wanted: f64| assert!((area - wanted).abs() < 1e-12, "{area}, not {wanted}");
        let (labels, predictions) = ([1.0, 0.0, 1.0, 0.0], [0.9, 0.8, 0.7, 0.1]);
        close(binary("auc", &labels, &predictions), 0.75);
        // 1/2 for the first; then t / (t + 1) from 1 to 2, over 2.
        close(binary("aucpr", &labels, &predictions), 0.5 + (1.0 - (3.0_f64 / 2.0).ln()) / 2.0);
        for name in ["auc", "aucpr"] {
            close(binary(name, &labels, &[0.5; 4]), 0.5);
            close(binary(name, &labels, &[0.9, 0.2, 0.8, 0.1]), 1.0);
        }
        for (name, none, all) in [("auc", 0.5, 0.5), ("aucpr", 0.0, 1.0)] {
            close(binary(name, &[0.0; 4], &predictions), none);
            close(binary(name, &[1.0; 4], &predictions), all);
        }
    }

    #[test]
    fn classes_without_rows_do_not_count() {
        let (labels, predictions) = ([0.0, 1.0, 1.0], [0.6, 0.4, 0.0, 0.7, 0.3, 0.0, 0.2, 0.8, 0.0]);
        for name in ["auc", "aucpr"] {
            let three = value(name, "multi:softprob", &labels, &predictions);
            let two: Vec<f32> = predictions.chunks(3).flat_map(|row| row[..2].to_vec()).collect();
            assert_eq!(three, value(name, "multi:softprob", &labels, &two));
            assert!(three > 0.0 && three < 1.0, "{name}: {three}");
        }
    }

    #[test]
    fn models_of_another_kind_are_not_judged() {
        let fits = |objective: &str, outputs| by_name("auc", &params(objective)).unwrap().fits(outputs);
        assert!(fits("binary:logistic", 1) && fits("multi:softmax", 3));
        assert!(!fits("reg:quantileerror", 2) && !fits("rank:ndcg", 1));
    }
}
