//! Rows in memory, as a training needs them: all of them, or one party's.

use super::rounds::Rows;
use super::{Score, TrainError};
use crate::bins::{Axes, Bins};
use crate::data::Data;
use crate::exact;
use crate::fixed::{Pair, Scale, Scales, Sums};
use crate::grow::{Cut, Field, Grown, Histogram, Lost, Part, Patch};
use crate::loss::{Gradient, Loss};
use crate::metric::Metric;
use crate::model::Model;
use crate::params::Params;
use crate::predict::Forest;
use crate::random::{hash, unit};
use crate::tree::Tree;
use crate::workers::{Workers, each, each_piece, piece_size};

/// Rows that one job looks at at least.
const LEAST_ROWS: usize = 8192;

/// What a stream of numbers is for.
const SAMPLE: u64 = 0x7361_6d70;

/// What does not change while trees grow.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) params: &'a Params,
    pub(crate) loss: &'a dyn Loss,
    pub(crate) metrics: &'a [Box<dyn Metric>],
    pub(crate) data: &'a Data,
    /// What the model is judged by, by name.
    pub(crate) watched: &'a [(&'a str, &'a Data)],
    pub(crate) workers: &'a dyn Workers,
}

/// Rows that the model is judged by.
pub(crate) struct Watched<'a> {
    name: &'a str,
    data: &'a Data,
    /// Nothing where the rows are those trained on, whose margins are known.
    margins: Option<Vec<f32>>,
}

/// See the head of the module.
pub(crate) struct Share<'a> {
    ground: Ground<'a>,
    outputs: usize,
    bins: Bins,
    margins: Vec<f32>,
    gradients: Vec<Gradient>,
    pairs: Vec<Pair>,
    sample: Vec<u32>,
    patch: Patch,
    watched: Vec<Watched<'a>>,
}

impl<'a> Share<'a> {
    /// Rows as they stand after what `model` has learnt already.
    pub(crate) fn new(ground: Ground<'a>, bins: Bins, model: &Model) -> Result<Self, TrainError> {
        let Ground { data, workers, .. } = ground;
        let margins = |of: &str, data: &Data| {
            let margins = model.margins(&data.features, workers);
            margins.map_err(|error| TrainError::Features { of: of.to_owned(), error })
        };
        let watched = ground.watched.iter().map(|(name, rows)| {
            let own = !std::ptr::eq(*rows, data);
            Ok(Watched { name, data: rows, margins: own.then(|| margins(name, rows)).transpose()? })
        });
        let watched = watched.collect::<Result<_, TrainError>>()?;
        let outputs = model.outputs();
        Ok(Self {
            ground,
            outputs,
            bins,
            margins: margins("the training data", data)?,
            gradients: vec![[0.0; 2]; data.rows() * outputs],
            pairs: vec![Pair::default(); data.rows()],
            sample: Vec::new(),
            patch: Patch::default(),
            watched,
        })
    }

    pub(crate) fn axes(&self) -> &Axes {
        &self.bins.axes
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Derives the loss, and draws the rows of a round.
    pub(crate) fn derive(&mut self, round: usize) {
        let Ground { loss, data, workers, .. } = self.ground;
        loss.gradients(data, &self.margins, &mut self.gradients, workers);
        self.sample = self.draw(round);
    }

    /// Rows of a round, ascending.
    fn draw(&self, round: usize) -> Vec<u32> {
        let Ground { params, data, .. } = self.ground;
        let all = 0..u32::try_from(data.rows()).unwrap_or(u32::MAX);
        if params.subsample >= 1.0 {
            return all.collect();
        }
        let id = |row: u32| data.ids.get(row as usize).copied().unwrap_or(row.into());
        let drawn = |row: &u32| unit(hash(&[params.seed, SAMPLE, round as u64, id(*row)])) < params.subsample;
        all.filter(drawn).collect()
    }

    /// The largest magnitudes of the gradients of one output.
    pub(crate) fn largest(&self, output: usize) -> Gradient {
        let workers = self.ground.workers;
        let gradients = self.gradients_of(output);
        let size = piece_size(workers, gradients.len(), LEAST_ROWS, 1);
        let mut largest: Vec<(&[Gradient], Gradient)> =
            gradients.chunks(size).map(|p| (p, [0.0; 2])).collect();
        each(workers, &mut largest, |_, (piece, largest)| *largest = magnitudes(piece));
        largest.iter().fold([0.0; 2], |a, (_, b)| [greater(a[0], b[0]), greater(a[1], b[1])])
    }

    /// Turns the gradients of one output into integers, for a tree of all rows that were drawn.
    pub(crate) fn plant(&mut self, output: usize, scales: Scales) {
        let workers = self.ground.workers;
        let rows = self.pairs.len();
        let gradients = &self.gradients[output * rows..(output + 1) * rows];
        let size = piece_size(workers, rows, LEAST_ROWS, 1);
        each_piece(workers, &mut self.pairs, size, |first, pairs| {
            pairs.iter_mut().zip(&gradients[first..]).for_each(|(pair, [g, h])| {
                *pair = Pair { g: scales.g.fixed(*g), h: scales.h.fixed(*h) };
            });
        });
        self.patch = Patch::new(self.sample.clone());
    }

    fn gradients_of(&self, output: usize) -> &[Gradient] {
        let rows = self.pairs.len();
        &self.gradients[output * rows..(output + 1) * rows]
    }

    /// Fills in the histogram of a node, and gives the sum of its rows.
    pub(crate) fn histogram(&self, node: u32, into: &mut Histogram) -> Sums {
        self.patch.fill(self.ground.workers, &self.bins, &self.pairs, node, into)
    }

    /// Sets leaves to the quantiles of what is left to explain of their rows.
    fn set_leaves(&self, grown: &mut Grown, output: usize, alpha: f64) {
        let Ground { params, data, .. } = self.ground;
        for leaf in &grown.leaves {
            let left = |row: &u32| {
                let row = *row as usize;
                (data.labels[row] - self.margins[row * self.outputs + output], data.weight(row))
            };
            let mut pairs: Vec<(f32, f32)> = self.patch.rows_of(*leaf).iter().map(left).collect();
            let value = exact::quantile(&mut pairs, alpha, !data.weights.is_empty()) * params.eta;
            grown.tree.set_leaf(*leaf, value);
        }
    }

    /// Adds a tree's values to the margins of all rows.
    pub(crate) fn grow_margins(&mut self, tree: &Tree, cuts: &[Option<Cut>], leaves: &[u32], output: usize) {
        let outputs = self.outputs;
        let nodes = tree.nodes();
        let slot = |row: usize| row * outputs + output;
        if self.patch.count() == self.pairs.len() {
            for leaf in leaves {
                let value = nodes[*leaf as usize].value;
                let rows = self.patch.rows_of(*leaf);
                rows.iter().for_each(|row| self.margins[slot(*row as usize)] += value);
            }
        } else {
            // Rows that were not drawn are in no leaf.
            for row in 0..self.pairs.len() {
                self.margins[slot(row)] += nodes[leaf(tree, cuts, &self.bins, row)].value;
            }
        }
        let workers = self.ground.workers;
        self.watched.iter_mut().for_each(|watched| watched.add(workers, tree, output));
    }

    /// The rows that the model is judged by, each with what the model says of them.
    pub(crate) fn judged(&self) -> impl Iterator<Item = (&str, &Data, Vec<f32>)> {
        self.watched.iter().map(|watched| {
            let mut predictions = watched.margins.as_ref().unwrap_or(&self.margins).clone();
            let link = self.ground.loss.judged_by();
            predictions.chunks_mut(self.outputs).for_each(|row| link.predict(row));
            (watched.name, watched.data, predictions)
        })
    }
}

impl Field for Share<'_> {
    fn root(&mut self, into: &mut Histogram) -> Result<Sums, Lost> {
        Ok(self.histogram(0, into))
    }

    fn part(&mut self, parts: Vec<Part>) -> Result<(), Lost> {
        parts.iter().for_each(|part| self.patch.part(self.ground.workers, &self.bins, part));
        Ok(())
    }

    fn has_fewer(&self, one: (u32, Sums), other: (u32, Sums)) -> bool {
        self.patch.rows_of(one.0).len() <= self.patch.rows_of(other.0).len()
    }

    fn fill(&mut self, wanted: &mut [(u32, Histogram)]) -> Result<(), Lost> {
        for (node, into) in wanted {
            self.histogram(*node, into);
        }
        Ok(())
    }
}

impl Rows for Share<'_> {
    fn begin(&mut self, round: usize) -> Result<(), Lost> {
        self.derive(round);
        Ok(())
    }

    fn fix(&mut self, output: usize) -> Result<Option<Scales>, Lost> {
        let [g, h] = self.largest(output);
        if !g.is_finite() || !h.is_finite() {
            return Ok(None);
        }
        let scales = Scales { g: Scale::of(g.into()), h: Scale::of(h.into()) };
        self.plant(output, scales);
        Ok(Some(scales))
    }

    fn add(&mut self, grown: &mut Grown, output: usize) -> Result<(), Lost> {
        if let Some(alpha) = self.ground.loss.quantile(output) {
            self.set_leaves(grown, output, alpha);
        }
        self.grow_margins(&grown.tree, &grown.cuts, &grown.leaves, output);
        Ok(())
    }

    fn say(&mut self, model: &Model) -> Result<(), Lost> {
        let workers = self.ground.workers;
        // Their features are those that were trained on so far.
        let margins = |data: &Data| model.margins(&data.features, workers).map_err(|_| Lost);
        self.margins = margins(self.ground.data)?;
        for watched in self.watched.iter_mut().filter(|watched| watched.margins.is_some()) {
            watched.margins = Some(margins(watched.data)?);
        }
        Ok(())
    }

    fn scores(&mut self) -> Result<Vec<Score>, Lost> {
        let mut scores = Vec::new();
        for (name, data, predictions) in self.judged() {
            scores.extend(self.ground.metrics.iter().map(|metric| Score {
                of: name.to_owned(),
                metric: metric.name(),
                value: metric.value(data, &predictions),
                rises: metric.rises(),
            }));
        }
        Ok(scores)
    }

    fn as_field(&mut self) -> &mut dyn Field {
        self
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
fn leaf(tree: &Tree, cuts: &[Option<Cut>], bins: &Bins, row: usize) -> usize {
    let mut node = 0;
    while let (Some(branch), Some(cut)) = (&tree.nodes()[node].branch, &cuts[node]) {
        let feature = branch.feature as usize;
        let left = cut.goes_left(bins.bin(row, feature), bins.axes.cuts[feature].count());
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
