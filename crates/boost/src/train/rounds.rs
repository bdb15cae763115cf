//! The rounds of a training, whoever holds the rows.

use super::dart;
use super::stopping::Watch;
use super::{Stopped, TrainError, Trained};
use crate::bins::Axes;
use crate::fixed::Scales;
use crate::grow::{
    Columns, Constraints, Field, Grower, Grown, Lost, MOST_WAITING, Order, Penalties, Shape, Shares,
};
use crate::model::{Member, Model};
use crate::params::Params;
use crate::workers::Workers;

/// One measure after one round.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Of which rows.
    pub of: String,
    /// The metric.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Whether more is better.
    pub rises: bool,
}

/// How far it is.
#[derive(Debug)]
pub struct Progress<'a> {
    /// The round that ended, from 0.
    pub round: usize,
    /// How many there are to be.
    pub rounds: usize,
    /// What the model is worth now.
    pub scores: &'a [Score],
}

/// The rows of a training, in memory or with parties. Every round begins once, and has a tree for each output: its
/// gradients are made integers, it is grown, and its leaves are added to the margins of the rows.
pub(crate) trait Rows: Field {
    /// Derives the loss, and draws the rows of the round.
    fn begin(&mut self, round: usize) -> Result<(), Lost>;

    /// Turns the gradients of one output into integers; nothing where they are not finite.
    fn fix(&mut self, output: usize) -> Result<Option<Scales>, Lost>;

    /// Adds a tree to the margins; where leaves are no means, sets them first.
    fn add(&mut self, grown: &mut Grown, output: usize) -> Result<(), Lost>;

    /// Takes the margins that a model gives in place of those that trees were added to.
    fn say(&mut self, model: &Model) -> Result<(), Lost>;

    /// What the model is worth.
    fn scores(&mut self) -> Result<Vec<Score>, Lost>;

    /// What the trees are grown with.
    fn as_field(&mut self) -> &mut dyn Field;
}

/// What stays the same in all rounds.
pub(crate) struct Setting<'a> {
    pub(crate) params: &'a Params,
    pub(crate) rounds: usize,
    pub(crate) patience: Option<usize>,
    pub(crate) axes: &'a Axes,
    pub(crate) penalties: Penalties,
    pub(crate) constraints: Constraints,
    pub(crate) workers: &'a dyn Workers,
}

/// Told after each round of the model as it is; says whether to go on.
pub(crate) type Note<'a> = dyn FnMut(&Progress<'_>, &Model) -> bool + 'a;

/// A training on its way.
pub(crate) struct Rounds<'a> {
    setting: &'a Setting<'a>,
    shape: Shape,
    model: Model,
    rows: &'a mut dyn Rows,
    /// The weights of all trees in the best round so far.
    best: Vec<f32>,
}

impl<'a> Rounds<'a> {
    pub(crate) fn new(setting: &'a Setting<'a>, model: Model, rows: &'a mut dyn Rows) -> Self {
        let params = setting.params;
        let order = if params.grow_policy == "lossguide" { Order::Loss } else { Order::Depth };
        let shape = Shape {
            order,
            max_depth: params.max_depth,
            max_leaves: params.max_leaves,
            min_gain: params.gamma,
            eta: params.eta,
        };
        Self { setting, shape, model, rows, best: Vec::new() }
    }

    /// Goes on after the rounds whose scores are in `history`, which the model has already.
    pub(crate) fn run(
        mut self,
        mut history: Vec<Vec<Score>>,
        note: &mut Note<'_>,
    ) -> Result<Trained, TrainError> {
        let Setting { rounds, patience, .. } = *self.setting;
        let done = history.len();
        let before = self.model.rounds() - done.min(self.model.rounds());
        let mut watch = patience.map(Watch::new);
        let mut over = false;
        for (round, scores) in history.iter().enumerate() {
            over = is_over(&mut watch, round, scores);
        }
        for round in done..rounds {
            if over {
                break;
            }
            self.round(before + round)?;
            let scores = self.rows.scores()?;
            if scores.iter().any(|score| score.value.is_nan()) {
                return Err(TrainError::Diverged(before + round));
            }
            over = is_over(&mut watch, round, &scores);
            if watch.as_ref().and_then(|watch| watch.best.as_ref()).is_some_and(|best| best.round == round) {
                self.best = self.model.trees.iter().map(|member| member.weight).collect();
            }
            let goes_on = note(&Progress { round, rounds, scores: &scores }, &self.model);
            history.push(scores);
            if !goes_on {
                return Err(TrainError::Interrupted(before + round));
            }
        }
        let best = watch.and_then(|watch| watch.best);
        if let Some(best) = &best {
            self.keep(before + best.round + 1);
        }
        let stopped = best.filter(|_| over).map(|best| Stopped {
            best_round: best.round,
            best_score: best.score.value,
            metric: format!("{}-{}", best.score.of, best.score.metric),
        });
        Ok(Trained { model: self.model, history, stopped })
    }

    /// Drops what came after a round.
    fn keep(&mut self, rounds: usize) {
        self.model.rounds.truncate(rounds + 1);
        let trees = self.model.rounds.last().copied().unwrap_or_default();
        self.model.trees.truncate(trees);
        // Later rounds may have made them less.
        self.model.trees.iter_mut().zip(&self.best).for_each(|(member, weight)| member.weight = *weight);
    }

    fn round(&mut self, round: usize) -> Result<(), TrainError> {
        let dropped = dart::dropped(self.setting.params, round, &self.model.trees);
        if !dropped.is_empty() {
            self.rows.say(&dart::without(&self.model, &dropped))?;
        }
        self.rows.begin(round)?;
        for output in 0..self.model.outputs() {
            let scales = self.rows.fix(output)?.ok_or(TrainError::Diverged(round))?;
            let mut grown = self.grow(scales, self.model.trees.len())?;
            self.rows.add(&mut grown, output)?;
            self.model.trees.push(Member { tree: grown.tree, output, weight: 1.0 });
        }
        let before = self.model.rounds.last().copied().unwrap_or_default();
        self.model.rounds.push(self.model.trees.len());
        if !dropped.is_empty() {
            dart::weigh(self.setting.params, &mut self.model.trees, before, &dropped);
            self.rows.say(&self.model)?;
        }
        Ok(())
    }

    fn grow(&mut self, scales: Scales, tree: usize) -> Result<Grown, Lost> {
        let Setting { params, axes, penalties, constraints, workers, .. } = self.setting;
        let shares = Shares {
            by_tree: params.colsample_bytree,
            by_level: params.colsample_bylevel,
            by_node: params.colsample_bynode,
        };
        let columns = Columns::of_tree(axes.features(), shares, params.seed, tree as u64);
        let grower = Grower {
            axes,
            shape: &self.shape,
            penalties,
            constraints,
            workers: *workers,
            memory: MOST_WAITING,
        };
        grower.grow(self.rows.as_field(), scales, &columns)
    }
}

/// Whether the last score of a round ends the training.
fn is_over(watch: &mut Option<Watch>, round: usize, scores: &[Score]) -> bool {
    scores.last().zip(watch.as_mut()).is_some_and(|(last, watch)| watch.is_over(round, last))
}
