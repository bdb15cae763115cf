//! Trees laid out for walking: as heaps where they have few levels, else twelve bytes a node, both children beside each
//! other.

use super::BLOCK;
use super::heap::{ABREAST, Heap};
use crate::data::Features;
use crate::model::Model;
use crate::tree::{Branch, Test, Tree};

/// A node. A leaf sends every row to itself, since no value is infinite, so that rows which are there already can wait for
/// those that are not.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The feature; with [`DEFAULT_LEFT`] and [`CATEGORY`].
    asks: u32,
    /// The threshold, or for categories the number of their set.
    number: f32,
    /// The left child, behind which is the right one.
    left: u32,
}

const DEFAULT_LEFT: u32 = 1 << 31;
const CATEGORY: u32 = 1 << 30;
const FEATURE: u32 = CATEGORY - 1;

/// All trees of a model.
#[derive(Debug)]
pub(crate) struct Forest {
    steps: Vec<Step>,
    /// What each leaf adds.
    values: Vec<f32>,
    sets: Vec<Branch>,
    trees: Vec<Walked>,
}

/// One tree.
#[derive(Debug)]
struct Walked {
    way: Way,
    output: usize,
    /// What its values are multiplied with.
    weight: f32,
}

/// How it is walked.
#[derive(Debug)]
enum Way {
    Heap(Heap),
    /// Along steps, from this one on.
    Steps(usize),
}

impl Forest {
    pub(crate) fn new(model: &Model) -> Self {
        Self::of(model.trees.iter().map(|member| (&member.tree, member.output, member.weight)))
    }

    pub(crate) fn of<'a>(trees: impl Iterator<Item = (&'a Tree, usize, f32)>) -> Self {
        let mut forest = Self { steps: Vec::new(), values: Vec::new(), sets: Vec::new(), trees: Vec::new() };
        for (tree, output, weight) in trees {
            let way = match Heap::of(tree) {
                Some(heap) => Way::Heap(heap),
                None => {
                    let first = forest.steps.len();
                    forest.lay(tree);
                    Way::Steps(first)
                }
            };
            forest.trees.push(Walked { way, output, weight });
        }
        forest
    }

    /// Lays out one tree, level by level.
    fn lay(&mut self, tree: &Tree) {
        let first = self.steps.len();
        let mut order = vec![0_u32];
        let mut next = 0;
        while let Some(index) = order.get(next) {
            let node = &tree.nodes()[*index as usize];
            let step = match &node.branch {
                None => {
                    let own = u32::try_from(next).unwrap_or(u32::MAX);
                    Step { asks: DEFAULT_LEFT, number: f32::INFINITY, left: own }
                }
                Some(branch) => {
                    // Numbers are within the tree: the first step is 0.
                    let left = u32::try_from(order.len()).unwrap_or(u32::MAX);
                    order.extend([branch.left, branch.right]);
                    self.step(branch, left)
                }
            };
            self.steps.push(step);
            self.values.push(node.value);
            next += 1;
        }
        debug_assert_eq!(self.steps.len() - first, order.len());
    }

    fn step(&mut self, branch: &Branch, left: u32) -> Step {
        let default = if branch.default_left { DEFAULT_LEFT } else { 0 };
        let asks = branch.feature | default;
        match branch.test {
            Test::Below(number) => Step { asks, number, left },
            Test::NotIn(_) => {
                self.sets.push(branch.clone());
                let set = u32::try_from(self.sets.len() - 1).unwrap_or(u32::MAX);
                Step { asks: asks | CATEGORY, number: f32::from_bits(set), left }
            }
        }
    }

    /// Adds the values of rows from `first` on to their margins.
    pub(crate) fn add(&self, features: &Features, first: usize, margins: &mut [f32], outputs: usize) {
        let width = features.count();
        let mut rows = vec![f32::NAN; BLOCK * width];
        for (index, margins) in margins.chunks_mut(BLOCK * outputs).enumerate() {
            let count = margins.len() / outputs;
            let block = &mut rows[..count * width];
            features.copy_rows(first + index * BLOCK, block);
            if block.iter().any(|value| value.is_nan()) {
                self.add_rows::<true>(block, width, margins, outputs);
            } else {
                self.add_rows::<false>(block, width, margins, outputs);
            }
        }
    }

    /// The same for rows that lie beside each other, of which values are missing or not.
    fn add_rows<const MISSING: bool>(&self, rows: &[f32], width: usize, margins: &mut [f32], outputs: usize) {
        // Without features there are no branches, and rows of nothing do not lie beside each other.
        let none = [0.0; ABREAST];
        let groups = |margins: &mut [f32]| margins.len().div_ceil(ABREAST * outputs);
        for Walked { way, output, weight } in &self.trees {
            for group in 0..groups(margins) {
                let first = group * ABREAST;
                let rows = rows.get(first * width..).filter(|_| width > 0).unwrap_or(&none);
                let width = width.max(1);
                let rows = &rows[..rows.len().min(ABREAST * width)];
                let values = match way {
                    Way::Heap(heap) => heap.values::<MISSING>(rows, width),
                    Way::Steps(first) => {
                        let (steps, values) = (&self.steps[*first..], &self.values[*first..]);
                        self.walk(steps, rows, width).map(|at| values[at as usize])
                    }
                };
                let margins = margins[first * outputs..].iter_mut().skip(*output).step_by(outputs);
                margins.zip(values).for_each(|(margin, value)| *margin += value * weight);
            }
        }
    }

    /// The leaves of at most [`ABREAST`] rows.
    fn walk(&self, steps: &[Step], rows: &[f32], width: usize) -> [u32; ABREAST] {
        let mut at = [0; ABREAST];
        loop {
            let mut moved = 0;
            for (at, row) in at.iter_mut().zip(rows.chunks_exact(width)) {
                let next = self.next(&steps[*at as usize], row);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return at;
            }
        }
    }

    #[inline]
    fn next(&self, step: &Step, row: &[f32]) -> u32 {
        let value = row[(step.asks & FEATURE) as usize];
        let right = if step.asks & CATEGORY != 0 {
            !self.sets[step.number.to_bits() as usize].goes_left(value)
        } else {
            // What is missing is not below anything.
            let missing = value.is_nan() & (step.asks & DEFAULT_LEFT != 0);
            !((value < step.number) | missing)
        };
        step.left + u32::from(right)
    }
}
