//! The plain trainer's model, bit for bit, by accesses and instructions that depend on sizes alone: rows, features, bins, depth and
//! rounds.
//!
//! 1. `cuts`: values are sorted by a network, and the ends of bins are found by passes over all of them.
//! 2. `column`: each feature keeps the way from the order of rows to that of its bins. Histograms are sums along it.
//! 3. `split`: all bins of all nodes that there may be are candidates; masks decide which is the best.
//! 4. `rows`: a row's node is a number. It goes down by looking at all nodes of a level and at all features.
//! 5. `tree`: every tree has all of its nodes, and marks say which of them the plain trainer has.
//!
//! Integers make it the same model: sums have no order, so that a network's order is as good as any.
//!
//! *What is told:* that the loss left the range of numbers, if it did, and after which round. And once training is done, trees lose
//! the nodes that are not theirs, and the model is written as any other: by then the shape of its trees and how long its numbers are as text
//! can be seen. How long single instructions take is not promised either; see [`welkin_oblivious`].
//!
//! `tests/trace.rs` compares whole traces.

mod base;
mod choose;
mod column;
mod cuts;
mod lanes;
mod predict;
mod rows;
mod split;
mod tree;

use crate::data::{Column as Values, Kind};
use crate::loss::{self, Loss};
use crate::metric;
use crate::model::{Member, Model};
use crate::params::{Directions, Params};
use crate::recipe::Recipe;
use crate::train::{
    MOST_BINS, Named, Progress, TrainError, Trained, Training, begin_with, check_rows, check_shape, penalties,
};
use crate::workers::each;
use column::{Column, Deal};
use rows::Rows;
use split::Search;
use tree::{Grower, Grown};

/// Levels of a tree at most: each has twice the nodes of the one above, whatever the rows are.
const DEEPEST: usize = 12;

/// Bins of a feature at most: each value is compared with all of them.
const MOST_BINS_EACH: usize = 1024;

/// Objectives whose formulas have no branches.
const OBJECTIVES: &[&str] = &[
    "reg:squarederror",
    "reg:logistic",
    "reg:gamma",
    "reg:tweedie",
    "binary:logistic",
    "binary:logitraw",
    "count:poisson",
];

/// Trains a model as [`crate::train`] does, so that neither accesses to memory nor instructions depend on values.
///
/// # Errors
/// As [`crate::train`] has them; and if something is asked for that there is no oblivious way for.
pub fn train_obliviously(
    training: &Training<'_>,
    progress: &mut dyn FnMut(&Progress<'_>) -> bool,
) -> Result<Trained, TrainError> {
    let Training { params, rounds, data, workers, .. } = *training;
    let loss = loss::by_params(params).map_err(TrainError::Params)?;
    fit_params(params)?;
    check_rows("the training data", data, &*loss)?;
    check_shape(params)?;
    metric::of(params, &*loss)?;
    let values = fit(training)?;
    let base_score = match &params.base_score {
        Some(scores) => scores.clone(),
        None => base_score(&*loss, training),
    };
    let mut model = begin_with(base_score, &Named::of(&data.features), &*loss)?;
    let deal = Deal::of(data.rows(), params.max_bin);
    let mut columns: Vec<Option<Column>> = values.iter().map(|_| None).collect();
    each(workers, &mut columns, |feature, slot| {
        *slot = Some(Column::new(values[feature], params.max_bin, deal));
    });
    let mut columns: Vec<Column> = columns.into_iter().flatten().collect();
    let penalties = penalties(params, &*loss);
    let mut rows = Rows::new(deal.filled());
    let mut margins = model.base_margins().repeat(data.rows());
    let mut gradients = vec![[0.0; 2]; data.rows()];
    let mut trees: Vec<Grown> = Vec::new();
    for round in 0..rounds {
        loss.gradients(data, &margins, &mut gradients, workers);
        let (scales, sums) = rows.plant(&gradients).ok_or(TrainError::Diverged(round))?;
        let grower = Grower {
            search: Search { penalties: &penalties, scales },
            depth: params.max_depth,
            min_gain: params.gamma,
            eta: params.eta,
            missing: u16::try_from(deal.bins).unwrap_or(u16::MAX),
            workers,
        };
        let grown = grower.grow(&mut columns, &mut rows, sums);
        rows.add(workers, &grown.values(), &mut margins);
        trees.push(grown);
        if !progress(&Progress { round, rounds, scores: &[] }) {
            return Err(TrainError::Interrupted(round));
        }
    }
    finish(&mut model, &trees);
    Ok(Trained { model, history: vec![Vec::new(); rounds], stopped: None })
}

/// Bytes that an oblivious training of so many rows takes besides the rows, nearly.
#[must_use]
pub fn oblivious_memory(params: &Params, rows: u64, features: u64) -> u64 {
    let deal = Deal::of(usize::try_from(rows).unwrap_or(usize::MAX), params.max_bin);
    let histograms = (params.max_bin as u64 * 24) << params.max_depth.min(DEEPEST);
    features.saturating_mul(deal.bytes().saturating_add(histograms))
}

/// From here on nodes are looked at as they are.
fn finish(model: &mut Model, trees: &[Grown]) {
    model.trees = trees.iter().map(|grown| Member { tree: grown.tree(), output: 0, weight: 1.0 }).collect();
    model.rounds = (0..=trees.len()).collect();
}

/// [`Loss::base_score`].
fn base_score(loss: &dyn Loss, training: &Training<'_>) -> Vec<f32> {
    let sums: Vec<f64> = loss.base_terms(training.data).iter().map(|terms| base::sum(terms)).collect();
    loss.base_of(&sums)
}

/// The values of all features, where everything that is asked for has an oblivious way.
fn fit<'a>(training: &Training<'a>) -> Result<Vec<&'a [f32]>, TrainError> {
    let Training { params, data, watched, patience, start, .. } = *training;
    let refused = |what: String| Err(TrainError::NotOblivious(what));
    if !watched.is_empty() || patience.is_some() {
        return refused(JUDGED.to_owned());
    }
    if start.is_some() {
        return refused("a model to continue from".to_owned());
    }
    let features = &data.features;
    fit_sizes(params, features.count())?;
    if let Some(at) = features.kinds().iter().position(|kind| *kind == Kind::Category) {
        return refused(format!("categories (`{}`)", features.names()[at]));
    }
    let dense = |(values, name): (&'a Values, &String)| {
        let what = || format!("rows of which only some values are written (`{name}`)");
        values.dense().ok_or_else(|| TrainError::NotOblivious(what()))
    };
    features.columns().iter().zip(features.names()).map(dense).collect()
}

const JUDGED: &str = "rows that the model is judged by while it is trained";

/// Says what of a recipe there is no oblivious way for, before anybody shows a row.
///
/// # Errors
/// The first such thing.
pub fn check_oblivious(recipe: &Recipe) -> Result<(), TrainError> {
    fit_params(&recipe.params)?;
    fit_sizes(&recipe.params, recipe.features.len())?;
    let refused = |what: String| Err(TrainError::NotOblivious(what));
    match (&recipe.valid, recipe.categories.first()) {
        (Some(_), _) => refused(JUDGED.to_owned()),
        (_, Some(name)) => refused(format!("categories (`{name}`)")),
        _ => Ok(()),
    }
}

fn fit_params(params: &Params) -> Result<(), TrainError> {
    let first = asked(params).into_iter().find(|(asked, _)| *asked);
    first.map_or(Ok(()), |(_, what)| Err(TrainError::NotOblivious(what)))
}

/// Histograms have all bins of all nodes, whatever the rows are.
fn fit_sizes(params: &Params, features: usize) -> Result<(), TrainError> {
    if features >= usize::from(u16::MAX) {
        let what = format!("{features} features; at most {} can be used", u16::MAX - 1);
        return Err(TrainError::NotOblivious(what));
    }
    let bins = (features * params.max_bin) << params.max_depth.saturating_sub(1);
    if bins > MOST_BINS { Err(TrainError::TooManyBins { bins, most: MOST_BINS }) } else { Ok(()) }
}

/// What there is no oblivious way for, and whether it is asked for.
fn asked(params: &Params) -> Vec<(bool, String)> {
    let plain = |asked: bool, what: &str| (asked, what.to_owned());
    let depth = format!(
        "`max_depth` {}: it has to be from 1 to {DEEPEST}, and trees have all their nodes",
        params.max_depth
    );
    let bins = format!("`max_bin` {}: at most {MOST_BINS_EACH} can be used", params.max_bin);
    let unconstrained = match &params.monotone_constraints {
        Directions::Places(list) => list.iter().all(|direction| *direction == 0),
        Directions::Names(named) => named.iter().all(|(_, direction)| *direction == 0),
    };
    vec![
        (!OBJECTIVES.contains(&params.objective.as_str()), format!("the objective {}", params.objective)),
        plain(params.drops(), "the booster dart"),
        plain(params.grow_policy != "depthwise", "`grow_policy` lossguide"),
        plain(params.max_leaves > 0, "`max_leaves`"),
        (!(1..=DEEPEST).contains(&params.max_depth), depth),
        (params.max_bin > MOST_BINS_EACH, bins),
        plain(params.subsample < 1.0, "`subsample`"),
        plain(params.colsample_bytree < 1.0, "`colsample_bytree`"),
        plain(params.colsample_bylevel < 1.0, "`colsample_bylevel`"),
        plain(params.colsample_bynode < 1.0, "`colsample_bynode`"),
        plain(!unconstrained, "`monotone_constraints`"),
        plain(!params.interaction_constraints.is_empty(), "`interaction_constraints`"),
    ]
}
