//! Means over rows of something that one prediction and one label have.

use super::{Metric, MetricError};
use crate::data::Data;
use crate::exact;
use crate::math::ln;

/// Such a mean.
#[derive(Debug)]
struct Mean {
    name: String,
    term: Term,
    /// Whether the root of it is shown.
    root: bool,
}

#[derive(Debug, Clone, Copy)]
enum Term {
    Square,
    Absolute,
    LogLoss,
    /// Whether it is on the wrong side of this.
    Error(f32),
}

/// Probabilities are kept so far from 0 and 1.
const NEAREST: f64 = 1e-16;

pub(super) fn by_name(
    name: &str,
    plain: &str,
    argument: Option<&str>,
) -> Result<Option<Box<dyn Metric>>, MetricError> {
    let (term, root) = match (plain, argument) {
        ("rmse", None) => (Term::Square, true),
        ("mae", None) => (Term::Absolute, false),
        ("logloss", None) => (Term::LogLoss, false),
        ("error", None) => (Term::Error(0.5), false),
        ("error", Some(threshold)) => {
            let needs = "`error@T` with a number T";
            let wrong = || MetricError::Argument { name: name.to_owned(), needs };
            (Term::Error(threshold.parse().ok().filter(|t: &f32| t.is_finite()).ok_or_else(wrong)?), false)
        }
        _ => return Ok(None),
    };
    Ok(Some(Box::new(Mean { name: name.to_owned(), term, root })))
}

impl Term {
    fn of(self, prediction: f32, label: f32) -> f64 {
        let (p, y) = (f64::from(prediction), f64::from(label));
        match self {
            Self::Square => (p - y) * (p - y),
            Self::Absolute => (p - y).abs(),
            Self::LogLoss => {
                let p = p.clamp(NEAREST, 1.0 - NEAREST);
                // What is multiplied with 0 may be infinite.
                let part = |share: f64, p: f64| if share > 0.0 { -share * ln(p.max(NEAREST)) } else { 0.0 };
                part(y, p) + part(1.0 - y, 1.0 - p)
            }
            Self::Error(threshold) => {
                if prediction > threshold {
                    1.0 - y
                } else {
                    y
                }
            }
        }
    }
}

impl Metric for Mean {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        let rows = data.labels.iter().zip(predictions).enumerate();
        let terms = rows.map(|(row, (label, p))| (self.term.of(*p, *label), f64::from(data.weight(row))));
        let mean = exact::mean(terms);
        if self.root { mean.sqrt() } else { mean }
    }
}
