//! Training: round after round, a tree for each output.

mod dart;
mod features;
mod rounds;
mod share;
mod stopping;

pub(crate) use features::{Named, begin_with, constraints};
pub use rounds::{Progress, Score};
pub(crate) use rounds::{Rounds, Rows, Setting};
pub(crate) use share::{Ground, Share};

use crate::bins::Bins;
use crate::data::Data;
use crate::grow::{Lost, Penalties};
use crate::loss::{self, LabelError, Loss};
use crate::metric::{self, MetricError};
use crate::model::Model;
use crate::params::Params;
use crate::predict::PredictError;
use crate::workers::Workers;
use std::sync::Arc;

/// What to do.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    /// How.
    pub params: &'a Params,
    /// How often.
    pub rounds: usize,
    /// From what.
    pub data: &'a Data,
    /// What the model is judged by after each round, by name. The last decides of stopping early.
    pub watched: &'a [(&'a str, &'a Data)],
    /// Ends when the last metric of what is watched has not become better for so many rounds.
    pub patience: Option<usize>,
    /// What to go on with.
    pub start: Option<&'a Model>,
    /// Who does the work.
    pub workers: &'a dyn Workers,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model, up to its best round where it stopped early.
    pub model: Model,
    /// The scores of each round.
    pub history: Vec<Vec<Score>>,
    /// Why it ended before its last round.
    pub stopped: Option<Stopped>,
}

/// Why training ended early.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopped {
    /// The best round, from 0.
    pub best_round: usize,
    /// Its score.
    pub best_score: f64,
    /// What was looked at, such as `valid-logloss`.
    pub metric: String,
}

/// Why nothing can be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Without rows there is nothing to learn.
    #[error("there are no rows to train on")]
    NoRows,
    /// Without labels neither.
    #[error("{0} has no labels, or not one for each row")]
    NoLabels(String),
    /// Rows to rank without what they are ranked in.
    #[error("{0} has no groups (qid), and rows are ranked within them")]
    NoGroups(String),
    /// Without features neither.
    #[error("there are no features to train on")]
    NoFeatures,
    /// Lists of what is known of rows besides are not of their number.
    #[error("{0} has not one {1} for each row")]
    Lengths(String, &'static str),
    /// A label that the objective has no use for.
    #[error("{of}: {error}")]
    Label {
        /// Which rows.
        of: String,
        /// What is wrong.
        error: LabelError,
    },
    /// No such metric.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// Parameters that do not go together, or not with the rows.
    #[error("{0}")]
    Params(String),
    /// Features that are not those trained on.
    #[error("{of}: {error}")]
    Features {
        /// Which rows.
        of: String,
        /// What is wrong.
        error: PredictError,
    },
    /// A model that cannot be gone on with.
    #[error("the model cannot be gone on with: {0}")]
    Start(String),
    /// More bins than memory for one histogram.
    #[error(
        "the features have {bins} bins in all; at most {most} can be used (fewer categories, or a smaller max_bin)"
    )]
    TooManyBins {
        /// How many.
        bins: usize,
        /// How many can be.
        most: usize,
    },
    /// Numbers left their range.
    #[error("after round {0} the loss is no longer finite; a smaller eta or a larger lambda may help")]
    Diverged(usize),
    /// It was told to stop.
    #[error("training was stopped after round {0}")]
    Interrupted(usize),
    /// Parties that hold rows, not all of which can be reached.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// Something that cannot be hidden.
    #[error("there is no oblivious training with {0}")]
    NotOblivious(String),
    /// Something that noise does not hide.
    #[error("there is no training with noise with {0}")]
    NotPrivate(String),
    /// There is nothing to draw noise from.
    #[error("there are no random numbers")]
    NoRandomness,
    /// There is nothing to look at.
    #[error("stopping early needs rows to judge the model by, and a metric")]
    NothingToWatch,
}

/// Trains a model. `progress` is called after each round, and may end the training.
///
/// The model depends on the rows as a set, with their ids where rows are sampled, and on nothing else of how they are
/// ordered, split or shared out.
///
/// # Errors
/// If rows, parameters and what to begin with do not go together, or the loss leaves the range of numbers.
pub fn train(
    training: &Training<'_>,
    progress: &mut dyn FnMut(&Progress<'_>) -> bool,
) -> Result<Trained, TrainError> {
    let loss = loss::by_params(training.params).map_err(TrainError::Params)?;
    check_rows("the training data", training.data, &*loss)?;
    for (name, data) in training.watched {
        check_rows(name, data, &*loss)?;
        let (got, needs) = (data.features.count(), training.data.features.count());
        if got != needs {
            let error = PredictError::Features { got, needs };
            return Err(TrainError::Features { of: (*name).to_owned(), error });
        }
    }
    check_shape(training.params)?;
    let metrics = metric::of(training.params, &*loss)?;
    if training.patience.is_some() && (metrics.is_empty() || training.watched.is_empty()) {
        return Err(TrainError::NothingToWatch);
    }
    let named = Named::of(&training.data.features);
    let constraints = features::constraints(training.params, &named)?;
    let model = match training.start {
        Some(model) => features::going_on(model, training, &*loss)?,
        None => features::beginning(training, &*loss)?,
    };
    let model = Model { weighted: model.weighted || training.params.drops(), ..model };
    let bins = bins(training)?;
    let axes = Arc::clone(&bins.axes);
    let Training { params, data, watched, workers, .. } = *training;
    let ground = Ground { params, loss: &*loss, metrics: &metrics, data, watched, workers };
    let mut share = Share::new(ground, bins, &model)?;
    let setting = Setting {
        params,
        rounds: training.rounds,
        patience: training.patience,
        axes: &axes,
        penalties: penalties(params, &*loss),
        constraints,
        workers,
    };
    Rounds::new(&setting, model, &mut share).run(Vec::new(), &mut |told, _| progress(told))
}

pub(crate) fn check_rows(of: &str, data: &Data, loss: &dyn Loss) -> Result<(), TrainError> {
    let rows = data.rows();
    if rows == 0 {
        return Err(TrainError::NoRows);
    }
    if data.features.count() == 0 {
        return Err(TrainError::NoFeatures);
    }
    if data.labels.len() != rows {
        return Err(TrainError::NoLabels(of.to_owned()));
    }
    let lists = [("weight", data.weights.len()), ("group", data.groups.len()), ("id", data.ids.len())];
    for (what, length) in lists {
        if length != 0 && length != rows {
            return Err(TrainError::Lengths(of.to_owned(), what));
        }
    }
    if loss.ranks() && data.groups.is_empty() {
        return Err(TrainError::NoGroups(of.to_owned()));
    }
    if data.weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
        return Err(TrainError::Lengths(of.to_owned(), "finite weight from 0"));
    }
    loss.check(data).map_err(|error| TrainError::Label { of: of.to_owned(), error })
}

pub(crate) fn check_shape(params: &Params) -> Result<(), TrainError> {
    if params.max_depth == 0 && params.max_leaves == 0 {
        let what = "max_depth and max_leaves cannot both be 0: then nothing bounds a tree";
        return Err(TrainError::Params(what.to_owned()));
    }
    Ok(())
}

/// Memory for one histogram is 16 bytes a bin: 1 GiB.
pub(crate) const MOST_BINS: usize = 1 << 26;

fn bins(training: &Training<'_>) -> Result<Bins, TrainError> {
    let features = &training.data.features;
    Bins::of(features, training.params.max_bin, MOST_BINS, training.workers)
        .map_err(|bins| TrainError::TooManyBins { bins, most: MOST_BINS })
}

pub(crate) fn penalties(params: &Params, loss: &dyn Loss) -> Penalties {
    Penalties {
        lambda: params.lambda.into(),
        alpha: params.alpha.into(),
        max_delta_step: params.max_delta_step.unwrap_or(loss.max_delta_step()).into(),
        min_child_weight: params.min_child_weight.into(),
        max_cat_to_onehot: params.max_cat_to_onehot,
        max_cat_threshold: params.max_cat_threshold,
    }
}
