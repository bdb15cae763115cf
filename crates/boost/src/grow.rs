//! Grows one tree.
//!
//! 1. The histogram of the root: for each bin of each feature the sum of its rows' gradients.
//! 2. The best split of each node that may be split further, out of its histogram alone.
//! 3. The nodes whose turn it is are split: a level at a time, or with loss-guided growth the one that gains most. Of two
//!    children the one with fewer rows gets a histogram of its own, the other what is left of their parent's.
//!
//! All sums are of integers (see [`crate::fixed`]), and ties go to the lower feature and bin, so that the tree depends on
//! the rows as a set.

mod columns;
mod constraints;
mod gain;
mod histogram;
mod partition;
mod split;

pub(crate) use columns::{Columns, Shares};
pub(crate) use constraints::Constraints;
pub(crate) use gain::Penalties;

use crate::bins::Bins;
use crate::fixed::{Pair, Scales, Sums};
use crate::tree::{Branch, Node, Test, Tree};
use crate::workers::Workers;
use constraints::Bounds;
use histogram::Histogram;
use split::{Cut, Question, Split};
use std::collections::BTreeSet;
use std::ops::Range;

/// Memory for histograms that wait for their node's turn, in bytes: what is beyond it is computed anew.
pub(crate) const MOST_WAITING: usize = 1 << 30;

/// Nodes that are split at once: enough for all workers, and not a level of a deep tree, which may have a node for each row.
const MOST_AT_ONCE: usize = 256;

/// Splits that gain less are noise.
const LEAST_GAIN: f32 = 1e-6;

/// In which order nodes are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Level by level.
    Depth,
    /// The node that gains most first.
    Loss,
}

/// What bounds a tree.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) order: Order,
    /// 0: no bound.
    pub(crate) max_depth: usize,
    /// 0: no bound.
    pub(crate) max_leaves: usize,
    pub(crate) min_gain: f32,
    pub(crate) eta: f32,
}

/// What trees are grown from.
pub(crate) struct Grower<'a> {
    pub(crate) bins: &'a Bins,
    pub(crate) shape: &'a Shape,
    pub(crate) penalties: &'a Penalties,
    pub(crate) constraints: &'a Constraints,
    pub(crate) workers: &'a dyn Workers,
    /// Memory for histograms that wait, [`MOST_WAITING`] but in tests.
    pub(crate) memory: usize,
}

/// A tree, and where its rows are.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    /// What each branch asks, in bins.
    pub(crate) cuts: Vec<Option<Cut>>,
    /// Rows, those of one leaf beside each other,
    pub(crate) rows: Vec<u32>,
    /// and which they are.
    pub(crate) leaves: Vec<(u32, Range<usize>)>,
}

/// A node that has been made, and is not split yet.
struct Open {
    node: u32,
    depth: usize,
    rows: Range<usize>,
    sums: Sums,
    bounds: Bounds,
    /// Features that its branch's path has used, where their interaction is constrained.
    used: BTreeSet<u32>,
    histogram: Option<Histogram>,
    split: Option<Split>,
}

impl Open {
    fn gain(&self) -> f32 {
        self.split.as_ref().map_or(0.0, |split| split.gain)
    }
}

impl Grower<'_> {
    /// A tree for `rows`, in that order, whose gradients are `pairs`.
    pub(crate) fn grow(&self, pairs: &[Pair], scales: Scales, rows: Vec<u32>, columns: &Columns) -> Grown {
        let mut growth = Growth {
            grower: self,
            pairs,
            scales,
            columns,
            scratch: vec![0; rows.len()],
            rows,
            nodes: Vec::new(),
            cuts: Vec::new(),
            leaves: Vec::new(),
            open: Vec::new(),
            free: Vec::new(),
        };
        growth.root();
        growth.expand();
        growth.finish()
    }
}

struct Growth<'a> {
    grower: &'a Grower<'a>,
    pairs: &'a [Pair],
    scales: Scales,
    columns: &'a Columns,
    rows: Vec<u32>,
    scratch: Vec<u32>,
    nodes: Vec<Node>,
    cuts: Vec<Option<Cut>>,
    leaves: Vec<(u32, Range<usize>)>,
    /// Nodes with a split, in the order of their numbers.
    open: Vec<Open>,
    /// Histograms that are used again.
    free: Vec<Histogram>,
}

impl Growth<'_> {
    fn root(&mut self) {
        let all = 0..self.rows.len();
        let mut histogram = self.blank();
        let sums = self.build(&all, &mut histogram);
        let bounds = Bounds::default();
        let root = self.node(None, sums, bounds);
        let open = Open {
            node: root,
            depth: 0,
            rows: all,
            sums,
            bounds,
            used: BTreeSet::new(),
            histogram: Some(histogram),
            split: None,
        };
        self.judge(vec![open]);
    }

    /// Splits nodes until none is left that may be.
    fn expand(&mut self) {
        while !self.open.is_empty() {
            let batch = self.next();
            let mut children = Vec::new();
            for open in batch {
                if self.is_full() {
                    self.close(open);
                } else {
                    children.push(self.split(open));
                }
            }
            let deepest = self.grower.shape.max_depth;
            let mut ahead = Vec::new();
            for (left, right, histogram) in children {
                if (deepest > 0 && left.depth >= deepest) || self.is_full() {
                    self.free.extend(histogram);
                    self.close(left);
                    self.close(right);
                } else {
                    ahead.extend(self.histograms(left, right, histogram));
                }
            }
            self.judge(ahead);
        }
    }

    /// Whether there may be no more leaves.
    fn is_full(&self) -> bool {
        let leaves = self.nodes.len() / 2 + 1;
        let most = self.grower.shape.max_leaves;
        most > 0 && leaves >= most
    }

    /// The nodes whose turn it is.
    fn next(&mut self) -> Vec<Open> {
        match self.grower.shape.order {
            // They stand in the order of their numbers, which is that of their levels.
            Order::Depth => {
                let at_once = (self.most_waiting() / 2).clamp(1, MOST_AT_ONCE).min(self.open.len());
                self.open.drain(..at_once).collect()
            }
            Order::Loss => {
                let most = |best: usize, (index, open): (usize, &Open)| {
                    if open.gain() > self.open[best].gain() { index } else { best }
                };
                let best = self.open.iter().enumerate().fold(0, most);
                vec![self.open.remove(best)]
            }
        }
    }

    /// Finds the best split of each node; those that have none are leaves.
    fn judge(&mut self, mut nodes: Vec<Open>) {
        let grower = self.grower;
        let mut questions: Vec<Question<'_>> = nodes
            .iter()
            .filter_map(|open| {
                let histogram = open.histogram.as_ref()?;
                let features = self.columns.of(open.node, open.depth);
                let features = grower.constraints.allowed(&open.used, features);
                Some(Question { histogram, sums: open.sums, bounds: open.bounds, features, best: None })
            })
            .collect();
        split::answer(grower, self.scales, &mut questions);
        let answers: Vec<Option<Split>> = questions.into_iter().map(|question| question.best).collect();
        for (open, split) in nodes.iter_mut().zip(answers) {
            open.split = split.filter(|split| split.gain > LEAST_GAIN && split.gain >= grower.shape.min_gain);
        }
        for open in nodes {
            if open.split.is_some() {
                self.open.push(open);
            } else {
                self.close(open);
            }
        }
        self.forget();
    }

    /// How many histograms may wait.
    fn most_waiting(&self) -> usize {
        (self.grower.memory / Histogram::bytes(self.grower.bins)).max(2)
    }

    /// Drops histograms that wait, beyond what memory there is for them: those whose turn is last.
    fn forget(&mut self) {
        let most = self.most_waiting();
        self.free.truncate(most.saturating_sub(self.open.len()));
        self.open.iter_mut().skip(most).for_each(|open| open.histogram = None);
    }

    /// A node stays a leaf.
    fn close(&mut self, open: Open) {
        self.free.extend(open.histogram);
        self.leaves.push((open.node, open.rows));
    }

    /// Parts the rows of a node, and makes its children. Gives back its histogram.
    fn split(&mut self, open: Open) -> (Open, Open, Option<Histogram>) {
        let Some(split) = open.split else { unreachable!("only nodes with a split are open") };
        let bins = self.grower.bins;
        let rows = open.rows.clone();
        let (own, scratch) = (&mut self.rows[rows.clone()], &mut self.scratch[rows.clone()]);
        let feature = split.feature as usize;
        let middle =
            rows.start + partition::by_cut(self.grower.workers, own, scratch, bins, feature, &split.cut);
        let (left_bounds, right_bounds) =
            self.grower.constraints.children(open.bounds, split.feature, split.weights);
        let mut used = open.used;
        self.grower.constraints.note(&mut used, split.feature);
        let left = self.node(Some(open.node), split.left, left_bounds);
        let right = self.node(Some(open.node), split.right, right_bounds);
        let node = &mut self.nodes[open.node as usize];
        node.gain = split.gain;
        node.value = 0.0;
        let test = match &split.cut.categories {
            Some(categories) => Test::NotIn(categories.clone()),
            None => Test::Below(bins.cuts[split.feature as usize].threshold(split.cut.bins)),
        };
        let default_left = split.cut.default_left;
        node.branch = Some(Branch { feature: split.feature, test, default_left, left, right });
        self.cuts[open.node as usize] = Some(split.cut);
        let child = |node, rows, sums, bounds, used| Open {
            node,
            depth: open.depth + 1,
            rows,
            sums,
            bounds,
            used,
            histogram: None,
            split: None,
        };
        (
            child(left, rows.start..middle, split.left, left_bounds, used.clone()),
            child(right, middle..rows.end, split.right, right_bounds, used),
            open.histogram,
        )
    }

    /// Gives both children their histograms, out of that of their parent where it is still there.
    fn histograms(&mut self, mut left: Open, mut right: Open, parent: Option<Histogram>) -> [Open; 2] {
        let (few, many) = if left.rows.len() <= right.rows.len() {
            (&mut left, &mut right)
        } else {
            (&mut right, &mut left)
        };
        let mut histogram = self.blank();
        self.build(&few.rows, &mut histogram);
        many.histogram = Some(match parent {
            Some(mut parent) => {
                parent.subtract(&histogram);
                parent
            }
            None => {
                let mut own = self.blank();
                self.build(&many.rows, &mut own);
                own
            }
        });
        few.histogram = Some(histogram);
        [left, right]
    }

    fn blank(&mut self) -> Histogram {
        self.free.pop().unwrap_or_else(|| Histogram::new(self.grower.bins))
    }

    fn build(&self, rows: &Range<usize>, into: &mut Histogram) -> Sums {
        into.fill(self.grower.workers, self.grower.bins, self.pairs, &self.rows[rows.clone()])
    }

    fn node(&mut self, parent: Option<u32>, sums: Sums, bounds: Bounds) -> u32 {
        let (g, h) = (self.scales.g.real(sums.g), self.scales.h.real(sums.h));
        let weight = bounds.clamp(self.grower.penalties.weight(g, h));
        #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
        let (weight, cover) = (weight as f32, h as f32);
        let value = weight * self.grower.shape.eta;
        self.nodes.push(Node { parent, branch: None, value, gain: 0.0, cover, weight });
        self.cuts.push(None);
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    fn finish(self) -> Grown {
        let Self { mut nodes, cuts, rows, leaves, .. } = self;
        // As XGBoost has it: what is no branch keeps the weight that it was given, times the learning rate.
        nodes.iter_mut().filter(|node| node.branch.is_none()).for_each(|node| node.weight = node.value);
        Grown { tree: Tree::grown(nodes), cuts, rows, leaves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, Features, Kind};
    use crate::fixed::Scale;
    use crate::workers::Alone;

    const ROWS: usize = 4000;

    /// A deep tree, with so much memory for histograms that wait.
    fn grown(order: Order, memory: usize) -> Grown {
        let noise = |row: usize, salt: u64| (crate::random::hash(&[row as u64, salt]) >> 40) as f32;
        let column = |salt| Column::Dense((0..ROWS).map(|row| noise(row, salt)).collect());
        let columns = (0..3).map(|at| (format!("x{at}"), Kind::Number, column(at))).collect();
        let features = Features::new(ROWS, columns).unwrap();
        let bins = Bins::of(&features, 64, usize::MAX, &Alone).unwrap();
        let shape = Shape { order, max_depth: 12, max_leaves: 0, min_gain: 0.0, eta: 1.0 };
        let penalties = Penalties {
            lambda: 1.0,
            alpha: 0.0,
            max_delta_step: 0.0,
            min_child_weight: 1.0,
            max_cat_to_onehot: 4,
            max_cat_threshold: 64,
        };
        let pairs: Vec<Pair> =
            (0..ROWS).map(|row| Pair { g: noise(row, 9) as i32 - (1 << 23), h: 1 << 29 }).collect();
        let scales = Scales { g: Scale::of(1.0), h: Scale::of(1.0) };
        let shares = Shares { by_tree: 1.0, by_level: 1.0, by_node: 1.0 };
        let columns = Columns::of_tree(3, shares, 0, 0);
        let constraints = Constraints::default();
        let grower = Grower {
            bins: &bins,
            shape: &shape,
            penalties: &penalties,
            constraints: &constraints,
            workers: &Alone,
            memory,
        };
        grower.grow(&pairs, scales, (0..ROWS as u32).collect(), &columns)
    }

    #[test]
    fn a_tree_is_the_same_when_histograms_are_forgotten() {
        for order in [Order::Depth, Order::Loss] {
            let (rich, poor) = (grown(order, MOST_WAITING), grown(order, 0));
            assert!(rich.tree.nodes().len() > 1000, "{}", rich.tree.nodes().len());
            assert_eq!(rich.tree, poor.tree);
            assert_eq!(rich.rows, poor.rows);
        }
    }
}
