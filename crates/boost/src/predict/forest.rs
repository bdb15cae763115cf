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
    sets: Vec<Set>,
    /// Bits of sets.
    words: Vec<u64>,
    trees: Vec<Walked>,
}

/// Categories that go right.
#[derive(Debug)]
enum Set {
    /// A bit for each of so many categories, from this word on. Those beyond go left.
    Bits { first: usize, count: u32 },
    /// Few, that lie far apart.
    Listed(Vec<u32>),
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
        let mut forest = Self {
            steps: Vec::new(),
            values: Vec::new(),
            sets: Vec::new(),
            words: Vec::new(),
            trees: Vec::new(),
        };
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
            Test::NotIn(ref categories) => {
                let set = self.set(categories);
                self.sets.push(set);
                let set = u32::try_from(self.sets.len() - 1).unwrap_or(u32::MAX);
                Step { asks: asks | CATEGORY, number: f32::from_bits(set), left }
            }
        }
    }

    fn set(&mut self, categories: &[u32]) -> Set {
        let most = categories.last().copied().unwrap_or_default() as usize;
        // No more memory than a list has some times over, whatever numbers a model names.
        if most / 64 > 16 + 2 * categories.len() {
            return Set::Listed(categories.to_vec());
        }
        let first = self.words.len();
        self.words.resize(first + most / 64 + 1, 0);
        for category in categories {
            self.words[first + *category as usize / 64] |= 1 << (category % 64);
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is a category, of which there are 2^32")]
        Set::Bits { first, count: ((most / 64 + 1) * 64) as u32 }
    }

    /// Whether a value that is there is among categories that go right.
    #[inline]
    fn goes_right(&self, set: &Set, value: f32) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates; negatives are left out"
        )]
        let category = value as u32;
        value >= 0.0
            && match set {
                Set::Bits { first, count } => {
                    category < *count
                        && self.words[first + category as usize / 64] >> (category % 64) & 1 == 1
                }
                Set::Listed(categories) => categories.binary_search(&category).is_ok(),
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
            let missing = step.asks & DEFAULT_LEFT == 0;
            if value.is_nan() {
                missing
            } else {
                self.goes_right(&self.sets[step.number.to_bits() as usize], value)
            }
        } else {
            // What is missing is not below anything.
            let missing = value.is_nan() & (step.asks & DEFAULT_LEFT != 0);
            !((value < step.number) | missing)
        };
        step.left + u32::from(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Node;

    /// A tree that tells apart whether a value is in a set, whatever its default.
    fn tree(feature: u32, categories: &[u32], default_left: bool) -> Tree {
        let node = |branch, value| Node { parent: None, branch, value, gain: 0.0, cover: 0.0, weight: 0.0 };
        let test = Test::NotIn(categories.to_vec());
        let root = node(Some(Branch { feature, test, default_left, left: 1, right: 2 }), 0.0);
        Tree::new(vec![root, node(None, 1.0), node(None, 2.0)], 1).unwrap()
    }

    #[test]
    fn categories_go_where_their_tree_sends_them() {
        let far = [3, 70_000, 4_000_000_000];
        let values = [
            0.0,
            0.5,
            1.0,
            2.9,
            3.0,
            63.0,
            64.0,
            127.0,
            128.0,
            500.0,
            69_999.0,
            70_000.0,
            4e9,
            1e30,
            -0.5,
            -3.0,
            f32::NAN,
            -0.0,
        ];
        for categories in
            [&[][..], &[0], &[1, 3, 64], &[63, 127], &[128], &far, &[70_000], &(0..500).collect::<Vec<_>>()]
        {
            for default_left in [true, false] {
                let tree = tree(0, categories, default_left);
                let forest = Forest::of([(&tree, 0, 1.0)].into_iter());
                let mut margins = vec![0.0; values.len()];
                forest.add_rows::<true>(&values, 1, &mut margins, 1);
                let wanted: Vec<f32> = values.iter().map(|value| tree.value(&[*value])).collect();
                assert_eq!(margins, wanted, "{categories:?}, {default_left}");
            }
        }
        let forest = Forest::of([(&tree(0, &far, true), 0, 1.0)].into_iter());
        assert!(forest.words.is_empty(), "a category far beyond all others takes no memory");
    }
}
