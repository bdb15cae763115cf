//! What XGBoost knows and this crate has not.

const ONE_TREE: &str = "only boosted trees by histograms are grown";
const RANK: &str = "what the place of a row in a list did to its label is not corrected";

/// Names, and why not.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("updater", ONE_TREE),
    ("refresh_leaf", ONE_TREE),
    ("process_type", ONE_TREE),
    ("sketch_eps", ONE_TREE),
    ("feature_selector", ONE_TREE),
    ("top_k", ONE_TREE),
    ("max_cached_hist_node", "memory for histograms is bounded by itself"),
    ("extmem_single_page", "rows are kept in memory"),
    ("seed_per_iteration", "what is drawn always depends on the round"),
    ("feature_weights", "features are drawn with equal weights"),
    ("lambdarank_bias_norm", RANK),
    ("expectile_alpha", "the objective `reg:expectileerror` is not there yet"),
    ("aft_loss_distribution", "the objective `survival:aft` is not there yet"),
    ("aft_loss_distribution_scale", "the objective `survival:aft` is not there yet"),
    ("enable_categorical", "categories are named with the data"),
    ("missing", "a cell without a number is missing"),
    ("num_boost_round", "rounds are an argument of training, not a parameter"),
    ("n_estimators", "rounds are an argument of training, not a parameter"),
    ("early_stopping_rounds", "early stopping is an argument of training, not a parameter"),
];
