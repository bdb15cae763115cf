//! XGBoost's parameters, by its names and with its defaults.
//!
//! What is known here is used; what XGBoost knows and this crate has not is refused by name, and so is what nobody knows:
//! a parameter that is passed over in silence is a model that is not what its user thinks.

mod parse;
mod refused;

pub use parse::Directions;

use crate::format;
use crate::near::nearest;
use parse::{Parse, parse};
use std::collections::BTreeSet;

/// What to train, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    pub(crate) objective: String,
    /// With the booster `dart`.
    pub(crate) dart: Dart,
    pub(crate) booster: String,
    pub(crate) eta: f32,
    pub(crate) gamma: f32,
    pub(crate) max_depth: usize,
    pub(crate) max_leaves: usize,
    pub(crate) grow_policy: String,
    pub(crate) min_child_weight: f32,
    pub(crate) max_delta_step: Option<f32>,
    pub(crate) subsample: f64,
    pub(crate) colsample_bytree: f64,
    pub(crate) colsample_bylevel: f64,
    pub(crate) colsample_bynode: f64,
    pub(crate) lambda: f32,
    pub(crate) alpha: f32,
    pub(crate) scale_pos_weight: f32,
    pub(crate) max_bin: usize,
    pub(crate) base_score: Option<Vec<f32>>,
    pub(crate) seed: u64,
    pub(crate) num_class: usize,
    pub(crate) tweedie_variance_power: f32,
    pub(crate) huber_slope: f32,
    /// Of each output one.
    pub(crate) quantile_alpha: Vec<f32>,
    pub(crate) eval_metric: Vec<String>,
    pub(crate) disable_default_eval_metric: bool,
    pub(crate) monotone_constraints: Directions,
    pub(crate) interaction_constraints: Vec<Vec<String>>,
    pub(crate) lambdarank_num_pair_per_sample: usize,
    pub(crate) lambdarank_normalization: bool,
    pub(crate) lambdarank_score_normalization: bool,
    pub(crate) ndcg_exp_gain: bool,
    pub(crate) max_cat_to_onehot: usize,
    pub(crate) max_cat_threshold: usize,
    pub(crate) nthread: usize,
    /// The names that were set, as they stand first in the list of names.
    set: BTreeSet<&'static str>,
    /// What was set, in its order and as it was written.
    settings: Vec<(String, String)>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            objective: "reg:squarederror".to_owned(),
            dart: Dart::default(),
            booster: "gbtree".to_owned(),
            eta: 0.3,
            gamma: 0.0,
            max_depth: 6,
            max_leaves: 0,
            grow_policy: "depthwise".to_owned(),
            min_child_weight: 1.0,
            max_delta_step: None,
            subsample: 1.0,
            colsample_bytree: 1.0,
            colsample_bylevel: 1.0,
            colsample_bynode: 1.0,
            lambda: 1.0,
            alpha: 0.0,
            scale_pos_weight: 1.0,
            max_bin: 256,
            base_score: None,
            seed: 0,
            num_class: 0,
            tweedie_variance_power: 1.5,
            huber_slope: 1.0,
            quantile_alpha: vec![0.5],
            eval_metric: Vec::new(),
            disable_default_eval_metric: false,
            monotone_constraints: Directions::default(),
            interaction_constraints: Vec::new(),
            lambdarank_num_pair_per_sample: 32,
            lambdarank_normalization: true,
            lambdarank_score_normalization: true,
            ndcg_exp_gain: true,
            max_cat_to_onehot: 4,
            max_cat_threshold: 64,
            nthread: 0,
            set: BTreeSet::new(),
            settings: Vec::new(),
        }
    }
}

/// Which trees a round is trained without, and what becomes of their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Dart {
    pub(crate) rate_drop: f64,
    pub(crate) skip_drop: f64,
    pub(crate) one_drop: bool,
    /// Whether trees are drawn by their weights.
    pub(crate) weighted: bool,
    /// Whether new trees weigh as much as all that were dropped together.
    pub(crate) forest: bool,
}

/// Its names.
const DART: [&str; 5] = ["rate_drop", "skip_drop", "one_drop", "sample_type", "normalize_type"];

/// Why a parameter cannot be set.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParamError {
    /// Nobody knows it.
    #[error("there is no parameter `{name}`{}", .suggestion.map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    Unknown {
        /// What was given.
        name: String,
        /// What may have been meant.
        suggestion: Option<&'static str>,
    },
    /// XGBoost knows it, and here it is not there.
    #[error("`{name}` is a parameter of XGBoost that cannot be used here: {why}")]
    Refused {
        /// What was given.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// The value makes no sense.
    #[error("`{name}` is {value}, and should be {needs}")]
    Value {
        /// Which parameter.
        name: String,
        /// What was given.
        value: String,
        /// What would do.
        needs: String,
    },
    /// A file of parameters that is no map.
    #[error("the parameters are not a JSON object of names and values: {0}")]
    File(String),
}

/// Leaves and bins at most; larger numbers are taken for slips.
const MOST: f64 = 65_534.0;
/// XGBoost keeps this one in 32 bits; whatever is above the categories there are means the same.
const MOST_CATEGORIES: f64 = 4_294_967_295.0;

/// Every name that is understood, with the others that XGBoost gives it.
const NAMES: &[(&str, &[&str])] = &[
    ("objective", &[]),
    ("booster", &[]),
    ("rate_drop", &[]),
    ("skip_drop", &[]),
    ("one_drop", &[]),
    ("sample_type", &[]),
    ("normalize_type", &[]),
    ("eta", &["learning_rate"]),
    ("gamma", &["min_split_loss"]),
    ("max_depth", &[]),
    ("max_leaves", &[]),
    ("grow_policy", &[]),
    ("min_child_weight", &[]),
    ("max_delta_step", &[]),
    ("subsample", &[]),
    ("sampling_method", &[]),
    ("colsample_bytree", &[]),
    ("colsample_bylevel", &[]),
    ("colsample_bynode", &[]),
    ("lambda", &["reg_lambda"]),
    ("alpha", &["reg_alpha"]),
    ("scale_pos_weight", &[]),
    ("max_bin", &[]),
    ("base_score", &[]),
    ("seed", &["random_state"]),
    ("num_class", &[]),
    ("tweedie_variance_power", &[]),
    ("huber_slope", &[]),
    ("quantile_alpha", &[]),
    ("lambdarank_pair_method", &[]),
    ("lambdarank_num_pair_per_sample", &[]),
    ("lambdarank_normalization", &[]),
    ("lambdarank_score_normalization", &[]),
    ("lambdarank_unbiased", &[]),
    ("ndcg_exp_gain", &[]),
    ("eval_metric", &[]),
    ("disable_default_eval_metric", &[]),
    ("monotone_constraints", &[]),
    ("interaction_constraints", &[]),
    ("max_cat_to_onehot", &[]),
    ("max_cat_threshold", &[]),
    ("nthread", &["n_jobs"]),
    ("tree_method", &[]),
    ("device", &[]),
    ("num_parallel_tree", &[]),
    ("multi_strategy", &[]),
    ("validate_parameters", &[]),
    ("verbosity", &[]),
];

impl Params {
    /// Reads parameters from a JSON object.
    ///
    /// # Errors
    /// If it is none, or one of them cannot be set.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), ParamError> {
        let value = format::read(bytes).map_err(|error| ParamError::File(error.to_string()))?;
        let format::Value::Map(entries) = value else {
            return Err(ParamError::File("it is not an object".to_owned()));
        };
        self.set_all(&entries)
    }

    /// Sets those of a JSON object.
    pub(crate) fn set_all(&mut self, entries: &[(String, format::Value)]) -> Result<(), ParamError> {
        entries.iter().try_for_each(|(name, value)| self.set(name, &parse::text(value)))
    }

    /// Sets one parameter, whose value is written as XGBoost takes it.
    ///
    /// # Errors
    /// If it is not known, not there or makes no sense.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ParamError> {
        let known = NAMES.iter().find(|(known, others)| *known == name || others.contains(&name));
        let Some((known, _)) = known else { return Err(unknown(name)) };
        let parsed = Parse { name, value };
        if !self.set_tree(known, &parsed)? {
            self.set_other(known, &parsed)?;
        }
        self.set.insert(known);
        self.settings.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// What was set, in its order: set again, the same parameters come of it.
    #[must_use]
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Whether trees are dropped while others are trained.
    pub(crate) fn drops(&self) -> bool {
        self.booster == "dart"
    }

    /// One that means nothing to the booster.
    pub(crate) fn strange_to_booster(&self) -> Option<&'static str> {
        DART.into_iter().find(|name| !self.drops() && self.is_set(name))
    }

    /// Whether a parameter was set, by the first of its names.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.set.contains(name)
    }

    /// One that was set besides these, by the first of its names.
    pub(crate) fn other_than(&self, names: &[&str]) -> Option<&'static str> {
        self.set.iter().find(|set| !names.contains(set)).copied()
    }

    /// Those that shape trees.
    fn set_tree(&mut self, name: &str, value: &Parse<'_>) -> Result<bool, ParamError> {
        let max = f64::from(f32::MAX);
        match name {
            "eta" => self.eta = value.single(0.0, max)?,
            "gamma" => self.gamma = value.single(0.0, max)?,
            "max_depth" => self.max_depth = value.whole(0.0, 30.0)?,
            "max_leaves" => self.max_leaves = value.whole(0.0, MOST)?,
            "grow_policy" => self.grow_policy = value.one_of(&["depthwise", "lossguide"])?,
            "min_child_weight" => self.min_child_weight = value.single(0.0, max)?,
            "max_delta_step" => self.max_delta_step = Some(value.single(0.0, max)?),
            // tidy: expect(clouds, reason = "a Greek letter")
            "lambda" => self.lambda = value.single(0.0, max)?,
            "alpha" => self.alpha = value.single(0.0, max)?,
            "subsample" => self.subsample = value.share()?,
            "colsample_bytree" => self.colsample_bytree = value.share()?,
            "colsample_bylevel" => self.colsample_bylevel = value.share()?,
            "colsample_bynode" => self.colsample_bynode = value.share()?,
            "max_bin" => self.max_bin = value.whole(2.0, MOST)?,
            "monotone_constraints" => self.monotone_constraints = value.directions()?,
            "interaction_constraints" => self.interaction_constraints = value.sets()?,
            "max_cat_to_onehot" => self.max_cat_to_onehot = value.whole(1.0, MOST_CATEGORIES)?,
            "max_cat_threshold" => self.max_cat_threshold = value.whole(1.0, MOST)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_other(&mut self, name: &str, value: &Parse<'_>) -> Result<(), ParamError> {
        match name {
            "objective" => self.objective = value.objective()?,
            "booster" => self.booster = value.one_of(&["gbtree", "dart"])?,
            "rate_drop" => self.dart.rate_drop = value.fraction()?,
            "skip_drop" => self.dart.skip_drop = value.fraction()?,
            "one_drop" => self.dart.one_drop = value.flag()?,
            "sample_type" => self.dart.weighted = value.one_of(&["uniform", "weighted"])? == "weighted",
            "normalize_type" => self.dart.forest = value.one_of(&["tree", "forest"])? == "forest",
            "scale_pos_weight" => self.scale_pos_weight = value.single(0.0, f64::from(f32::MAX))?,
            "base_score" => self.base_score = Some(value.singles(-1e38, 1e38)?),
            "seed" => self.seed = parse(value, "a whole number from 0")?,
            "num_class" => self.num_class = value.whole(0.0, MOST)?,
            "tweedie_variance_power" => self.tweedie_variance_power = value.single(1.0, 1.999)?,
            "huber_slope" => self.huber_slope = value.single(1e-6, 1e6)?,
            "quantile_alpha" => self.quantile_alpha = value.parts()?,
            "lambdarank_pair_method" => drop(value.one_of(&["topk"])?),
            "lambdarank_num_pair_per_sample" => {
                self.lambdarank_num_pair_per_sample = value.whole(1.0, 1e9)?
            }
            "lambdarank_normalization" => self.lambdarank_normalization = value.flag()?,
            "lambdarank_score_normalization" => self.lambdarank_score_normalization = value.flag()?,
            "lambdarank_unbiased" => drop(value.one_of(&["false", "0"])?),
            "ndcg_exp_gain" => self.ndcg_exp_gain = value.flag()?,
            "eval_metric" => self.eval_metric.extend(value.words()),
            "disable_default_eval_metric" => self.disable_default_eval_metric = value.flag()?,
            "nthread" => self.nthread = value.whole(0.0, 4096.0)?,
            "sampling_method" => drop(value.one_of(&["uniform"])?),
            "tree_method" => drop(value.one_of(&["hist", "auto"])?),
            "device" => drop(value.one_of(&["cpu"])?),
            "num_parallel_tree" => drop(value.one_of(&["1"])?),
            "multi_strategy" => drop(value.one_of(&["one_output_per_tree"])?),
            "validate_parameters" => drop(value.flag()?),
            "verbosity" => drop(value.whole(0.0, 3.0)?),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// How many margins a row has.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.num_class.max(self.quantile_alpha.len()).max(1)
    }

    /// How many threads were asked for; 0 is as many as there are cores.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.nthread
    }
}

fn unknown(name: &str) -> ParamError {
    if let Some((_, why)) = refused::NAMES.iter().find(|(known, _)| *known == name) {
        return ParamError::Refused { name: name.to_owned(), why };
    }
    let all = NAMES.iter().flat_map(|(name, others)| [*name].into_iter().chain(others.iter().copied()));
    ParamError::Unknown { name: name.to_owned(), suggestion: nearest(name, all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> String {
        Params::default().set(name, value).unwrap_err().to_string()
    }

    #[test]
    fn names_and_their_aliases_set_what_they_name() {
        let mut params = Params::default();
        let text = br#"{"learning_rate": 0.1, "max_depth": 3, "objective": "binary:logistic",
            "eval_metric": ["auc", "logloss"], "monotone_constraints": [1, 0, -1], "reg_lambda": "2",
            "interaction_constraints": [["a", "b"], ["c"]]}"#;
        params.read(text).unwrap();
        assert_eq!((params.eta, params.max_depth, params.lambda), (0.1, 3, 2.0));
        assert_eq!(params.eval_metric, ["auc", "logloss"]);
        assert_eq!(params.monotone_constraints, Directions::Places(vec![1, 0, -1]));
        assert_eq!(params.interaction_constraints, [vec!["a", "b"], vec!["c"]]);
        params.set("monotone_constraints", "(1,-1)").unwrap();
        assert_eq!(params.monotone_constraints, Directions::Places(vec![1, -1]));
        params.set("monotone_constraints", "{\"age\": 1}").unwrap();
        assert_eq!(params.monotone_constraints, Directions::Names(vec![("age".to_owned(), 1)]));
        params.set("interaction_constraints", "[[0, 2]]").unwrap();
        assert_eq!(params.interaction_constraints, [vec!["0", "2"]]);
    }

    #[test]
    fn nothing_is_passed_over() {
        assert_eq!(said("max_dept", "3"), "there is no parameter `max_dept`; did you mean `max_depth`?");
        assert_eq!(said("zzz", "3"), "there is no parameter `zzz`");
        assert!(said("updater", "x").contains("cannot be used here"));
        assert_eq!(said("eta", "-1"), "`eta` is -1, and should be a number from 0");
        assert_eq!(said("subsample", "0"), "`subsample` is 0, and should be a number above 0, at most 1");
        assert_eq!(said("eta", "nan"), "`eta` is nan, and should be a number from 0");
        assert_eq!(said("tree_method", "exact"), "`tree_method` is exact, and should be `hist` or `auto`");
        assert!(said("objective", "binary:logistc").contains("did you mean `binary:logistic`?"));
        assert!(said("max_depth", "2.5").contains("a whole number"));
        assert!(Params::default().read(b"[1]").is_err());
    }
}
