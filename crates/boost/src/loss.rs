//! What a model is trained to make small, by XGBoost's names.

mod classes;
mod quantiles;
mod ranking;
mod regression;
mod survival;

use crate::data::Data;
use crate::exact;
use crate::format::Value;
use crate::link::Link;
use crate::params::Params;
use crate::workers::Workers;
use std::fmt::Debug;

pub(crate) use regression::by_name as regression;
pub(crate) use survival::surprise;

/// First and second derivative of the loss by a margin.
pub(crate) type Gradient = [f32; 2];

/// A loss, and how its margins are turned into what a user sees.
pub(crate) trait Loss: Debug + Send + Sync {
    /// XGBoost's name.
    fn name(&self) -> &'static str;

    /// How many margins a row has.
    fn outputs(&self) -> usize {
        1
    }

    /// Says what is wrong with the labels, if something is.
    fn check(&self, data: &Data) -> Result<(), LabelError>;

    /// Whether rows are ranked within groups, and all need one.
    fn ranks(&self) -> bool {
        false
    }

    /// Derivatives at `margins`, which has all of a row beside each other, into `gradients`, which has all rows of an
    /// output beside each other.
    fn gradients(&self, data: &Data, margins: &[f32], gradients: &mut [Gradient], workers: &dyn Workers);

    /// The best prediction that is the same for all rows, or near it, one for each output.
    fn base_score(&self, data: &Data) -> Vec<f32> {
        let sums: Vec<f64> =
            self.base_terms(data).iter().map(|terms| exact::sum(terms.iter().copied())).collect();
        self.base_of(&sums)
    }

    /// What of the rows is summed up to find that, so many lists of finite numbers; none where sums do not tell it.
    fn base_terms(&self, data: &Data) -> Vec<Vec<f64>>;

    /// How many lists those are.
    fn base_lists(&self) -> usize;

    /// What their sums say.
    fn base_of(&self, sums: &[f64]) -> Vec<f32>;

    /// How margins become predictions.
    fn link(&self) -> Link {
        Link::of(self.name()).unwrap_or(Link::Identity)
    }

    /// How margins become what metrics look at: as predictions, but for classes their probabilities.
    fn judged_by(&self) -> Link {
        match self.link() {
            Link::Class => Link::Softmax,
            link => link,
        }
    }

    /// The bound on weights where none was asked for.
    fn max_delta_step(&self) -> f32 {
        0.0
    }

    /// Whether outputs are numbers of their own, and no classes.
    fn has_targets(&self) -> bool {
        false
    }

    /// The part of rows that should lie below the prediction of an output, where leaves are such quantiles of what is left
    /// to explain.
    fn quantile(&self, _output: usize) -> Option<f64> {
        None
    }

    /// The metric that is shown where none was asked for.
    fn metric(&self) -> String;

    /// The parameters that models hold, under the name that they have there.
    fn settings(&self) -> Vec<(&'static str, Value)>;
}

/// A label that a loss has no use for.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("row {row} has the label {label}, and {objective} needs labels {needs}")]
pub struct LabelError {
    /// The row, counted from 0.
    pub row: usize,
    /// Its label.
    pub label: f32,
    /// The objective.
    pub objective: &'static str,
    /// What would do.
    pub needs: &'static str,
}

/// Every objective that can be trained.
pub(crate) const NAMES: &[&str] = &[
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "reg:logistic",
    "reg:gamma",
    "reg:tweedie",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:ndcg",
    "rank:pairwise",
    "survival:cox",
];

/// The loss that parameters name, or what is wrong with them.
pub(crate) fn by_params(params: &Params) -> Result<Box<dyn Loss>, String> {
    let name = params.objective.as_str();
    if let Some((parameter, _)) = FOR.iter().find(|(parameter, fits)| params.is_set(parameter) && !fits(name))
    {
        return Err(format!("`{parameter}` means nothing to {name}"));
    }
    if let Some(parameter) = params.strange_to_booster() {
        return Err(format!("`{parameter}` means nothing to the booster {}", params.booster));
    }
    let classes = NAMES.iter().find(|known| **known == name && known.starts_with("multi:"));
    match classes {
        Some(_) if params.num_class < 2 => {
            Err(format!("{name} needs `num_class`, the number of classes, from 2"))
        }
        Some(name) => Ok(Box::new(classes::Classes { name, count: params.num_class })),
        None if name == "rank:ndcg" => Ok(Box::new(ranking::Ranking::of(ranking::By::Gain, params))),
        None if name == "rank:pairwise" => Ok(Box::new(ranking::Ranking::of(ranking::By::Pairs, params))),
        None if name == "reg:quantileerror" => {
            Ok(Box::new(quantiles::Quantiles { alphas: params.quantile_alpha.clone() }))
        }
        None if name == "survival:cox" => Ok(Box::new(survival::Cox)),
        None => regression(name, params).ok_or_else(|| format!("there is no objective `{name}`")),
    }
}

/// Says of an objective whether it knows a parameter.
type Knows = fn(&str) -> bool;

/// Parameters that only some objectives know.
const FOR: &[(&str, Knows)] = &[
    ("scale_pos_weight", |name| {
        ["reg:squarederror", "reg:logistic", "reg:gamma", "binary:logistic", "binary:logitraw"]
            .contains(&name)
    }),
    ("num_class", |name| name.starts_with("multi:")),
    ("tweedie_variance_power", |name| name == "reg:tweedie"),
    ("huber_slope", |name| name == "reg:pseudohubererror"),
    ("quantile_alpha", |name| name == "reg:quantileerror"),
    ("lambdarank_pair_method", ranks),
    ("lambdarank_num_pair_per_sample", ranks),
    ("lambdarank_normalization", ranks),
    ("lambdarank_score_normalization", ranks),
    ("lambdarank_unbiased", ranks),
];

fn ranks(name: &str) -> bool {
    name.starts_with("rank:")
}

/// Looks at every label.
pub(crate) fn check_labels(
    data: &Data,
    objective: &'static str,
    needs: &'static str,
    allowed: impl Fn(f32) -> bool,
) -> Result<(), LabelError> {
    match data.labels.iter().position(|label| !allowed(*label)) {
        Some(row) => Err(LabelError { row, label: data.labels[row], objective, needs }),
        None => Ok(()),
    }
}

/// How much each row counts.
pub(crate) fn weights(data: &Data) -> Vec<f64> {
    (0..data.rows()).map(|row| f64::from(data.weight(row))).collect()
}
