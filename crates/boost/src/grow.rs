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
mod field;
mod gain;
mod histogram;
mod partition;
mod split;

pub(crate) use columns::{Columns, Shares};
pub(crate) use constraints::Constraints;
pub use field::Lost;
pub(crate) use field::{Field, Part, Patch};
pub(crate) use gain::Penalties;
pub(crate) use histogram::Histogram;
pub(crate) use split::Cut;

use crate::bins::Axes;
use crate::fixed::{Scales, Sums};
use crate::tree::{Branch, Node, Test, Tree};
use crate::workers::Workers;
use constraints::Bounds;
use split::{Question, Split};
use std::collections::BTreeSet;

/// Memory for histograms that wait for their node's turn, in bytes: what is beyond it is computed anew.
pub(crate) const MOST_WAITING: usize = 1 << 30;

/// Nodes that are split at once: enough for all workers, and not a level of a deep tree, which may have a node for each row.
pub(crate) const MOST_AT_ONCE: usize = 256;

/// Splits that gain less are noise.
pub(crate) const LEAST_GAIN: f32 = 1e-6;

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

/// What trees are grown by.
pub(crate) struct Grower<'a> {
    pub(crate) axes: &'a Axes,
    pub(crate) shape: &'a Shape,
    pub(crate) penalties: &'a Penalties,
    pub(crate) constraints: &'a Constraints,
    pub(crate) workers: &'a dyn Workers,
    /// Memory for histograms that wait, [`MOST_WAITING`] but in tests.
    pub(crate) memory: usize,
}

/// A tree.
#[derive(Debug)]
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    /// What each branch asks, in bins.
    pub(crate) cuts: Vec<Option<Cut>>,
    /// Its leaves.
    pub(crate) leaves: Vec<u32>,
}

/// A node that has been made, and is not split yet.
struct Open {
    node: u32,
    depth: usize,
    sums: Sums,
    bounds: Bounds,
    /// Features that its branch's path has used, where their interaction is constrained.
    used: BTreeSet<u32>,
    histogram: Option<Histogram>,
    split: Option<Split>,
}

/// Two nodes that have been made of one, with its histogram where it is still there.
type Children = (Open, Open, Option<Histogram>);

impl Open {
    fn gain(&self) -> f32 {
        self.split.as_ref().map_or(0.0, |split| split.gain)
    }
}

impl Grower<'_> {
    /// A tree for the rows of a field.
    pub(crate) fn grow(
        &self,
        field: &mut dyn Field,
        scales: Scales,
        columns: &Columns,
    ) -> Result<Grown, Lost> {
        let mut growth = Growth {
            grower: self,
            field,
            scales,
            columns,
            nodes: Vec::new(),
            cuts: Vec::new(),
            leaves: Vec::new(),
            open: Vec::new(),
            free: Vec::new(),
        };
        growth.root()?;
        growth.expand()?;
        Ok(growth.finish())
    }
}

struct Growth<'a> {
    grower: &'a Grower<'a>,
    field: &'a mut dyn Field,
    scales: Scales,
    columns: &'a Columns,
    nodes: Vec<Node>,
    cuts: Vec<Option<Cut>>,
    leaves: Vec<u32>,
    /// Nodes with a split, in the order of their numbers.
    open: Vec<Open>,
    /// Histograms that are used again.
    free: Vec<Histogram>,
}

impl Growth<'_> {
    fn root(&mut self) -> Result<(), Lost> {
        let mut histogram = self.blank();
        let sums = self.field.root(&mut histogram)?;
        let bounds = Bounds::default();
        let root = self.node(None, sums, bounds);
        let open = Open {
            node: root,
            depth: 0,
            sums,
            bounds,
            used: BTreeSet::new(),
            histogram: Some(histogram),
            split: None,
        };
        self.judge(vec![open]);
        Ok(())
    }

    /// Splits nodes until none is left that may be.
    fn expand(&mut self) -> Result<(), Lost> {
        while !self.open.is_empty() {
            let batch = self.next();
            let (mut children, mut parts) = (Vec::new(), Vec::new());
            for open in batch {
                if self.is_full() {
                    self.close(open);
                } else {
                    children.push(self.split(open, &mut parts));
                }
            }
            self.field.part(parts)?;
            let deepest = self.grower.shape.max_depth;
            let mut ahead = Vec::new();
            for (left, right, histogram) in children {
                if (deepest > 0 && left.depth >= deepest) || self.is_full() {
                    self.free.extend(histogram);
                    self.close(left);
                    self.close(right);
                } else {
                    ahead.push((left, right, histogram));
                }
            }
            let ahead = self.histograms(ahead)?;
            self.judge(ahead);
        }
        Ok(())
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
        (self.grower.memory / Histogram::bytes(self.grower.axes)).max(2)
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
        self.leaves.push(open.node);
    }

    /// Makes the children of a node, and notes how its rows are parted among them.
    fn split(&mut self, open: Open, parts: &mut Vec<Part>) -> Children {
        let Some(split) = open.split else { unreachable!("only nodes with a split are open") };
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
            None => Test::Below(self.grower.axes.cuts[split.feature as usize].threshold(split.cut.bins)),
        };
        let default_left = split.cut.default_left;
        node.branch = Some(Branch { feature: split.feature, test, default_left, left, right });
        self.cuts[open.node as usize] = Some(split.cut.clone());
        parts.push(Part { node: open.node, feature: split.feature, cut: split.cut, left, right });
        let child = |node, sums, bounds, used| Open {
            node,
            depth: open.depth + 1,
            sums,
            bounds,
            used,
            histogram: None,
            split: None,
        };
        (
            child(left, split.left, left_bounds, used.clone()),
            child(right, split.right, right_bounds, used),
            open.histogram,
        )
    }

    /// Gives all children their histograms: of two the one with fewer rows gets its own, and the other what is left of
    /// that of their parent, where it is still there.
    fn histograms(&mut self, children: Vec<Children>) -> Result<Vec<Open>, Lost> {
        let mut wanted = Vec::new();
        let mut of_parents = Vec::new();
        for (left, right, parent) in &mut children.into_iter() {
            let left_first = self.field.has_fewer((left.node, left.sums), (right.node, right.sums));
            let (few, many) = if left_first { (left.node, right.node) } else { (right.node, left.node) };
            wanted.push((few, self.blank()));
            match &parent {
                Some(parent) => self.field.hint(few, parent),
                None => wanted.push((many, self.blank())),
            }
            of_parents.push((left, right, left_first, parent));
        }
        self.field.fill(&mut wanted)?;
        let mut filled = wanted.into_iter().map(|(_, histogram)| histogram);
        let mut next =
            || filled.next().unwrap_or_else(|| unreachable!("there is one for each that was asked for"));
        let mut ahead = Vec::new();
        for (mut left, mut right, left_first, parent) in of_parents {
            let few = next();
            let many = match parent {
                Some(mut parent) => {
                    parent.subtract(self.grower.workers, &few);
                    parent
                }
                None => next(),
            };
            let (of_left, of_right) = if left_first { (few, many) } else { (many, few) };
            (left.histogram, right.histogram) = (Some(of_left), Some(of_right));
            ahead.extend([left, right]);
        }
        Ok(ahead)
    }

    fn blank(&mut self) -> Histogram {
        self.free.pop().unwrap_or_else(|| Histogram::new(self.grower.axes))
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
        let Self { mut nodes, cuts, leaves, .. } = self;
        // As XGBoost has it: what is no branch keeps the weight that it was given, times the learning rate.
        nodes.iter_mut().filter(|node| node.branch.is_none()).for_each(|node| node.weight = node.value);
        Grown { tree: Tree::grown(nodes), cuts, leaves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bins::Bins;
    use crate::data::{Column, Features, Kind};
    use crate::fixed::Pair;
    use crate::fixed::Scale;
    use crate::workers::Alone;

    const ROWS: usize = 4000;

    /// Rows of the test's own.
    struct Rows<'a> {
        bins: &'a Bins,
        pairs: &'a [Pair],
        patch: Patch,
    }

    impl Field for Rows<'_> {
        fn root(&mut self, into: &mut Histogram) -> Result<Sums, Lost> {
            Ok(self.patch.fill(&Alone, self.bins, self.pairs, 0, into))
        }

        fn part(&mut self, parts: Vec<Part>) -> Result<(), Lost> {
            parts.iter().for_each(|part| self.patch.part(&Alone, self.bins, part));
            Ok(())
        }

        fn has_fewer(&self, one: (u32, Sums), other: (u32, Sums)) -> bool {
            self.patch.rows_of(one.0).len() <= self.patch.rows_of(other.0).len()
        }

        fn fill(&mut self, wanted: &mut [(u32, Histogram)]) -> Result<(), Lost> {
            for (node, into) in wanted {
                self.patch.fill(&Alone, self.bins, self.pairs, *node, into);
            }
            Ok(())
        }
    }

    /// A deep tree, with so much memory for histograms that wait.
    fn grown(order: Order, memory: usize) -> (Grown, Vec<u32>) {
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
            axes: &bins.axes,
            shape: &shape,
            penalties: &penalties,
            constraints: &constraints,
            workers: &Alone,
            memory,
        };
        let mut rows = Rows { bins: &bins, pairs: &pairs, patch: Patch::new((0..ROWS as u32).collect()) };
        let grown = grower.grow(&mut rows, scales, &columns).unwrap();
        let in_leaves = grown.leaves.iter().flat_map(|leaf| rows.patch.rows_of(*leaf).to_vec()).collect();
        (grown, in_leaves)
    }

    #[test]
    fn a_tree_is_the_same_when_histograms_are_forgotten() {
        for order in [Order::Depth, Order::Loss] {
            let (rich, poor) = (grown(order, MOST_WAITING), grown(order, 0));
            assert!(rich.0.tree.nodes().len() > 1000, "{}", rich.0.tree.nodes().len());
            assert_eq!(rich.0.tree, poor.0.tree);
            assert_eq!(rich.1, poor.1);
        }
    }
}
