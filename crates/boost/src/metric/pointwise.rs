//! Means over rows of something that one prediction and one label have.

use super::{Metric, MetricError};
use crate::data::Data;
use crate::exact;
use crate::math::{exp, ln};
use crate::params::Params;

/// Such a mean.
#[derive(Debug)]
struct Mean {
    name: String,
    term: Term,
    end: End,
}

/// What becomes of the mean.
#[derive(Debug, Clone, Copy)]
enum End {
    Mean,
    Root,
    Twice,
}

#[derive(Debug, Clone, Copy)]
enum Term {
    Square,
    SquareOfLogs,
    Absolute,
    Relative,
    /// With its slope.
    PseudoHuber(f64),
    LogLoss,
    /// Whether it is on the wrong side of this.
    Error(f32),
    Poisson,
    Gamma,
    GammaDeviance,
    /// With its power.
    Tweedie(f64),
}

/// Probabilities are kept so far from 0 and 1, and counts from 0.
const NEAREST: f64 = 1e-16;

/// Amounts are kept so far from 0.
const LEAST: f64 = 1e-6;

pub(super) fn by_name(
    name: &str,
    plain: &str,
    argument: Option<&str>,
    params: &Params,
) -> Result<Option<Box<dyn Metric>>, MetricError> {
    let number = |needs: &'static str, fits: fn(f64) -> bool, absent: Option<f64>| {
        let given = argument.map_or(absent, |text| text.parse().ok());
        given.filter(|n| fits(*n)).ok_or(MetricError::Argument { name: name.to_owned(), needs })
    };
    let plainly = |term, end| if argument.is_none() { Some((term, end)) } else { None };
    let found = match plain {
        "rmse" => plainly(Term::Square, End::Root),
        "rmsle" => plainly(Term::SquareOfLogs, End::Root),
        "mae" => plainly(Term::Absolute, End::Mean),
        "mape" => plainly(Term::Relative, End::Mean),
        "mphe" => plainly(Term::PseudoHuber(params.huber_slope.into()), End::Mean),
        "logloss" => plainly(Term::LogLoss, End::Mean),
        "poisson-nloglik" => plainly(Term::Poisson, End::Mean),
        "gamma-nloglik" => plainly(Term::Gamma, End::Mean),
        "gamma-deviance" => plainly(Term::GammaDeviance, End::Twice),
        "error" => {
            let threshold = number("`error@T` with a number T", f64::is_finite, Some(0.5))?;
            #[expect(clippy::cast_possible_truncation, reason = "as predictions have it")]
            Some((Term::Error(threshold as f32), End::Mean))
        }
        "tweedie-nloglik" => {
            let needs = "`tweedie-nloglik@P` with a number P from 1, below 2";
            Some((Term::Tweedie(number(needs, |p| (1.0..2.0).contains(&p), None)?), End::Mean))
        }
        _ => None,
    };
    Ok(found.map(|(term, end)| Box::new(Mean { name: name.to_owned(), term, end }) as Box<dyn Metric>))
}

impl End {
    fn of(self, mean: f64) -> f64 {
        match self {
            Self::Mean => mean,
            Self::Root => mean.sqrt(),
            Self::Twice => 2.0 * mean,
        }
    }
}

impl Mean {
    /// What each row has, and how much it counts.
    fn pairs<'a>(
        &'a self,
        data: &'a Data,
        predictions: &'a [f32],
    ) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
        let rows = data.labels.iter().zip(predictions).enumerate();
        rows.map(|(row, (label, p))| (self.term.of(*p, *label), f64::from(data.weight(row))))
    }
}

impl Term {
    fn of(self, prediction: f32, label: f32) -> f64 {
        let (p, y) = (f64::from(prediction), f64::from(label));
        match self {
            Self::Square => (p - y) * (p - y),
            Self::SquareOfLogs => (libm::log1p(y) - libm::log1p(p)).powi(2),
            Self::Absolute => (p - y).abs(),
            Self::Relative => ((p - y) / y).abs(),
            Self::PseudoHuber(slope) => slope * slope * ((1.0 + ((p - y) / slope).powi(2)).sqrt() - 1.0),
            Self::LogLoss => {
                // What is multiplied with 0 may be infinite.
                let part = |share: f64, p: f64| if share > 0.0 { -share * ln(p.max(NEAREST)) } else { 0.0 };
                part(y, p) + part(1.0 - y, 1.0 - p)
            }
            Self::Error(threshold) if prediction > threshold => 1.0 - y,
            Self::Error(_) => y,
            Self::Poisson => libm::lgamma(y + 1.0) + p.max(NEAREST) - ln(p.max(NEAREST)) * y,
            Self::Gamma => y / p.max(LEAST) + ln(p.max(LEAST)),
            Self::GammaDeviance => {
                let (p, y) = (p + LEAST, y + LEAST);
                ln(p / y) + y / p - 1.0
            }
            Self::Tweedie(power) => {
                let log = ln(p.max(NEAREST));
                let (one, two) = (1.0 - power, 2.0 - power);
                let first = if one == 0.0 { y * log } else { y * exp(one * log) / one };
                exp(two * log) / two - first
            }
        }
    }
}

impl Metric for Mean {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn value(&self, data: &Data, predictions: &[f32]) -> f64 {
        self.end.of(exact::mean(self.pairs(data, predictions)))
    }

    fn terms(&self, data: &Data, predictions: &[f32]) -> Option<[Vec<f64>; 2]> {
        Some(exact::weighted(self.pairs(data, predictions)))
    }

    fn is_of_sums(&self) -> bool {
        true
    }

    fn of_sums(&self, sums: [f64; 2]) -> f64 {
        self.end.of(if sums[1] > 0.0 { sums[0] / sums[1] } else { 0.0 })
    }
}
