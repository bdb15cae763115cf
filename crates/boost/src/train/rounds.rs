//! The rounds of a training.

use super::stopping::Watch;
use super::{Stopped, TrainError, Trained, Training};
use crate::bins::Bins;
use crate::data::Data;
use crate::exact;
use crate::fixed::{Pair, Scale, Scales};
use crate::grow::{Columns, Constraints, Grower, Grown, MOST_WAITING, Order, Penalties, Shape, Shares};
use crate::loss::{Gradient, Loss};
use crate::metric::Metric;
use crate::model::{Member, Model};
use crate::predict::Forest;
use crate::random::{hash, unit};
use crate::tree::Tree;
use crate::workers::{Workers, each, each_piece, piece_size};

/// Rows that one job looks at at least.
const LEAST_ROWS: usize = 8192;

/// What a stream of numbers is for.
const SAMPLE: u64 = 0x7361_6d70;

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

/// What stays the same in all rounds.
pub(super) struct Setting<'a> {
    pub(super) training: &'a Training<'a>,
    pub(super) loss: &'a dyn Loss,
    pub(super) metrics: &'a [Box<dyn Metric>],
    pub(super) bins: &'a Bins,
    pub(super) penalties: Penalties,
    pub(super) constraints: Constraints,
}

/// Rows that the model is judged by.
struct Watched<'a> {
    name: &'a str,
    data: &'a Data,
    /// Nothing where the rows are those trained on, whose margins are known.
    margins: Option<Vec<f32>>,
}

/// A training on its way.
pub(super) struct Rounds<'a> {
    setting: &'a Setting<'a>,
    shape: Shape,
    model: Model,
    margins: Vec<f32>,
    gradients: Vec<Gradient>,
    pairs: Vec<Pair>,
    watched: Vec<Watched<'a>>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(setting: &'a Setting<'a>, model: Model) -> Result<Self, TrainError> {
        let (training, outputs) = (setting.training, model.outputs());
        let params = training.params;
        let order = if params.grow_policy == "lossguide" { Order::Loss } else { Order::Depth };
        let shape = Shape {
            order,
            max_depth: params.max_depth,
            max_leaves: params.max_leaves,
            min_gain: params.gamma,
            eta: params.eta,
        };
        let margins = |of: &str, data: &Data| {
            let margins = model.margins(&data.features, training.workers);
            margins.map_err(|error| TrainError::Features { of: of.to_owned(), error })
        };
        let watched = training.watched.iter().map(|(name, data)| {
            let own = !std::ptr::eq(*data, training.data);
            Ok(Watched { name, data, margins: own.then(|| margins(name, data)).transpose()? })
        });
        let watched = watched.collect::<Result<_, TrainError>>()?;
        let rows = training.data.rows();
        Ok(Self {
            setting,
            shape,
            margins: margins("the training data", training.data)?,
            gradients: vec![[0.0; 2]; rows * outputs],
            pairs: vec![Pair::default(); rows],
            watched,
            model,
        })
    }

    pub(super) fn run(
        mut self,
        progress: &mut dyn FnMut(&Progress<'_>) -> bool,
    ) -> Result<Trained, TrainError> {
        let training = self.setting.training;
        let before = self.model.rounds();
        let mut watch = training.patience.map(Watch::new);
        let mut history = Vec::new();
        let mut over = false;
        for round in 0..training.rounds {
            self.round(before + round)?;
            let scores = self.scores();
            if scores.iter().any(|score| score.value.is_nan()) {
                return Err(TrainError::Diverged(before + round));
            }
            let told = Progress { round, rounds: training.rounds, scores: &scores };
            let goes_on = progress(&told);
            over = scores.last().zip(watch.as_mut()).is_some_and(|(last, watch)| watch.is_over(round, last));
            history.push(scores);
            if !goes_on {
                return Err(TrainError::Interrupted(before + round));
            }
            if over {
                break;
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
    }

    fn round(&mut self, round: usize) -> Result<(), TrainError> {
        let Setting { training, loss, .. } = *self.setting;
        loss.gradients(training.data, &self.margins, &mut self.gradients, training.workers);
        let rows = self.sample(round);
        for output in 0..self.model.outputs() {
            let scales = self.fix(output).ok_or(TrainError::Diverged(round))?;
            let mut grown = self.grow(scales, rows.clone(), self.model.trees.len());
            if let Some(alpha) = loss.quantile() {
                self.set_leaves(&mut grown, alpha);
            }
            self.add(&grown, output);
            self.watched.iter_mut().for_each(|watched| watched.add(training.workers, &grown.tree, output));
            self.model.trees.push(Member { tree: grown.tree, output, weight: 1.0 });
        }
        self.model.rounds.push(self.model.trees.len());
        Ok(())
    }

    /// Rows of this round, ascending.
    fn sample(&self, round: usize) -> Vec<u32> {
        let Training { params, data, .. } = self.setting.training;
        let all = 0..u32::try_from(data.rows()).unwrap_or(u32::MAX);
        if params.subsample >= 1.0 {
            return all.collect();
        }
        let id = |row: u32| data.ids.get(row as usize).copied().unwrap_or(row.into());
        let drawn = |row: &u32| unit(hash(&[params.seed, SAMPLE, round as u64, id(*row)])) < params.subsample;
        all.filter(drawn).collect()
    }

    /// Turns the gradients of one output into integers; nothing where they are not finite.
    fn fix(&mut self, output: usize) -> Option<Scales> {
        let workers = self.setting.training.workers;
        let rows = self.pairs.len();
        let gradients = &self.gradients[output * rows..(output + 1) * rows];
        let size = piece_size(workers, rows, LEAST_ROWS, 1);
        let mut largest: Vec<(&[Gradient], Gradient)> =
            gradients.chunks(size).map(|p| (p, [0.0; 2])).collect();
        each(workers, &mut largest, |_, (piece, largest)| *largest = magnitudes(piece));
        let [g, h] =
            largest.iter().fold([0.0_f32; 2], |a, (_, b)| [greater(a[0], b[0]), greater(a[1], b[1])]);
        if !g.is_finite() || !h.is_finite() {
            return None;
        }
        let scales = Scales { g: Scale::of(g.into()), h: Scale::of(h.into()) };
        each_piece(workers, &mut self.pairs, size, |first, pairs| {
            pairs.iter_mut().zip(&gradients[first..]).for_each(|(pair, [g, h])| {
                *pair = Pair { g: scales.g.fixed(*g), h: scales.h.fixed(*h) };
            });
        });
        Some(scales)
    }

    fn grow(&self, scales: Scales, rows: Vec<u32>, tree: usize) -> Grown {
        let Setting { training, bins, penalties, constraints, .. } = self.setting;
        let params = training.params;
        let shares = Shares {
            by_tree: params.colsample_bytree,
            by_level: params.colsample_bylevel,
            by_node: params.colsample_bynode,
        };
        let columns = Columns::of_tree(bins.features(), shares, params.seed, tree as u64);
        let grower = Grower {
            bins,
            shape: &self.shape,
            penalties,
            constraints,
            workers: training.workers,
            memory: MOST_WAITING,
        };
        grower.grow(&self.pairs, scales, rows, &columns)
    }

    /// Sets leaves to the quantiles of what is left to explain of their rows.
    fn set_leaves(&self, grown: &mut Grown, alpha: f64) {
        let data = self.setting.training.data;
        for (leaf, range) in &grown.leaves {
            let left = |row: &u32| {
                let row = *row as usize;
                (data.labels[row] - self.margins[row], data.weight(row))
            };
            let mut pairs: Vec<(f32, f32)> = grown.rows[range.clone()].iter().map(left).collect();
            let value = exact::quantile(&mut pairs, alpha, !data.weights.is_empty()) * self.shape.eta;
            grown.tree.set_leaf(*leaf, value);
        }
    }

    /// Adds a tree's values to the margins of all rows.
    fn add(&mut self, grown: &Grown, output: usize) {
        let outputs = self.model.outputs();
        let nodes = grown.tree.nodes();
        let slot = |row: usize| row * outputs + output;
        if grown.rows.len() == self.pairs.len() {
            for (leaf, rows) in &grown.leaves {
                let value = nodes[*leaf as usize].value;
                grown.rows[rows.clone()].iter().for_each(|row| self.margins[slot(*row as usize)] += value);
            }
        } else {
            // Rows that were not drawn are in no leaf.
            for row in 0..self.pairs.len() {
                self.margins[slot(row)] += nodes[leaf(grown, self.setting.bins, row)].value;
            }
        }
    }

    fn scores(&self) -> Vec<Score> {
        let mut scores = Vec::new();
        for watched in &self.watched {
            let outputs = self.model.outputs();
            let mut predictions = watched.margins.as_ref().unwrap_or(&self.margins).clone();
            let link = self.setting.loss.judged_by();
            predictions.chunks_mut(outputs).for_each(|row| link.predict(row));
            scores.extend(self.setting.metrics.iter().map(|metric| Score {
                of: watched.name.to_owned(),
                metric: metric.name(),
                value: metric.value(watched.data, &predictions),
                rises: metric.rises(),
            }));
        }
        scores
    }
}

impl Watched<'_> {
    fn add(&mut self, workers: &dyn Workers, tree: &Tree, output: usize) {
        let Some(margins) = &mut self.margins else { return };
        let outputs = margins.len() / self.data.rows();
        let forest = Forest::of([(tree, output, 1.0)].into_iter());
        let size = piece_size(workers, self.data.rows(), LEAST_ROWS, 1);
        each_piece(workers, margins, size * outputs, |first, margins| {
            forest.add(&self.data.features, first / outputs, margins, outputs);
        });
    }
}

/// The leaf of a row, by its bins.
fn leaf(grown: &Grown, bins: &Bins, row: usize) -> usize {
    let mut node = 0;
    while let (Some(branch), Some(cut)) = (&grown.tree.nodes()[node].branch, &grown.cuts[node]) {
        let feature = branch.feature as usize;
        let left = cut.goes_left(bins.bin(row, feature), bins.cuts[feature].count());
        node = if left { branch.left } else { branch.right } as usize;
    }
    node
}

fn magnitudes(gradients: &[Gradient]) -> Gradient {
    gradients.iter().fold([0.0; 2], |a, [g, h]| [greater(a[0], g.abs()), greater(a[1], h.abs())])
}

/// The greater of two, and what is no number where one of them is none.
fn greater(a: f32, b: f32) -> f32 {
    if a >= b {
        a
    } else if b.is_nan() || b > a {
        b
    } else {
        a
    }
}
