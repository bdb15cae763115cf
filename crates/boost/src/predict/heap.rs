//! Trees of few levels laid out as heaps: the children of place `n` are at `2n` and `2n + 1`, so that a walk has neither an
//! end to look for nor a pointer to follow. A leaf above the lowest level has branches below it that all lead to itself.
//!
//! Rows take the same ways as through the nodes of the tree.

use crate::tree::{Test, Tree};

/// Deeper trees would have more places than nodes: a heap of 8 levels takes 3 KiB.
pub(super) const MOST_LEVELS: usize = 8;

/// Rows that walk side by side: none waits long for memory that another one asked for.
pub(super) const ABREAST: usize = 16;

/// Set in what a branch asks where missing values go left.
const DEFAULT_LEFT: u32 = 1 << 31;

/// What one branch asks.
#[derive(Debug, Clone, Copy)]
struct Place {
    feature: u32,
    /// Values below this go left.
    number: f32,
}

/// One tree.
#[derive(Debug)]
pub(super) struct Heap {
    levels: usize,
    /// Place 0 is nobody's.
    places: Vec<Place>,
    values: Vec<f32>,
}

impl Heap {
    /// Lays a tree out, if it is shallow enough and asks for no categories.
    pub(super) fn of(tree: &Tree) -> Option<Self> {
        let levels = levels(tree)?;
        let nothing = Place { feature: 0, number: f32::INFINITY };
        let mut heap = Self { levels, places: vec![nothing; 1 << levels], values: vec![0.0; 1 << levels] };
        heap.lay(tree, 0, 1, 0);
        Some(heap)
    }

    fn lay(&mut self, tree: &Tree, node: u32, place: usize, level: usize) {
        let node = &tree.nodes()[node as usize];
        match &node.branch {
            Some(branch) => {
                if let Test::Below(number) = branch.test {
                    let default = if branch.default_left { DEFAULT_LEFT } else { 0 };
                    self.places[place] = Place { feature: branch.feature | default, number };
                }
                self.lay(tree, branch.left, 2 * place, level + 1);
                self.lay(tree, branch.right, 2 * place + 1, level + 1);
            }
            None => {
                let below = self.levels - level;
                let first = (place << below) - (1 << self.levels);
                self.values[first..first + (1 << below)].fill(node.value);
            }
        }
    }

    /// What the leaves of at most [`ABREAST`] rows, which lie beside each other, hold.
    #[inline]
    pub(super) fn values<const MISSING: bool>(&self, rows: &[f32], width: usize) -> [f32; ABREAST] {
        match self.levels {
            0 => [self.values[0]; ABREAST],
            1 => self.walk::<1, MISSING>(rows, width),
            2 => self.walk::<2, MISSING>(rows, width),
            3 => self.walk::<3, MISSING>(rows, width),
            4 => self.walk::<4, MISSING>(rows, width),
            5 => self.walk::<5, MISSING>(rows, width),
            6 => self.walk::<6, MISSING>(rows, width),
            7 => self.walk::<7, MISSING>(rows, width),
            _ => self.walk::<MOST_LEVELS, MISSING>(rows, width),
        }
    }

    fn walk<const LEVELS: usize, const MISSING: bool>(&self, rows: &[f32], width: usize) -> [f32; ABREAST] {
        let (places, values) = (&self.places[..1 << LEVELS], &self.values[..1 << LEVELS]);
        let mut at = [1_u32; ABREAST];
        for _ in 0..LEVELS {
            for (at, row) in at.iter_mut().zip(rows.chunks_exact(width)) {
                // The remainder changes nothing, and tells the compiler that the place is there.
                let place = places[*at as usize % (1 << LEVELS)];
                let value = row[(place.feature & !DEFAULT_LEFT) as usize];
                // What is missing is not below anything.
                let missing = MISSING && value.is_nan() & (place.feature & DEFAULT_LEFT != 0);
                *at = 2 * *at + u32::from(!((value < place.number) | missing));
            }
        }
        at.map(|at| values[at as usize % (1 << LEVELS)])
    }
}

/// How many levels of branches a tree has, if there are few and none asks for categories.
fn levels(tree: &Tree) -> Option<usize> {
    let mut deepest = 0;
    let mut open = vec![(0_u32, 0)];
    while let Some((node, level)) = open.pop() {
        let Some(branch) = &tree.nodes()[node as usize].branch else { continue };
        if level == MOST_LEVELS || matches!(branch.test, Test::NotIn(_)) {
            return None;
        }
        deepest = deepest.max(level + 1);
        open.extend([(branch.left, level + 1), (branch.right, level + 1)]);
    }
    Some(deepest)
}
