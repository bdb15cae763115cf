//! A tree that always has all of its nodes. Those that the plain trainer would not have are marked; the rows of such a
//! one are where they would be: a node that is not split sends all of them left, and both of its children have its value.

use super::choose::{choose_single, flag};
use super::column::Column;
use super::rows::{Asked, Rows};
use super::split::{NONE, Search, Split, sums};
use crate::fixed::Sums;
use crate::tree::{Branch, Node, Test, Tree};
use crate::workers::{Workers, each};
use std::collections::VecDeque;
use welkin_oblivious::select;

/// A node that there may be.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Whether the plain trainer has it, and whether it splits it.
    exists: u64,
    splits: u64,
    sums: Sums,
    weight: f32,
    cover: f32,
    /// The value of it as a leaf, or of the leaf above it where there is one.
    value: f32,
    split: Split,
}

/// All levels of a tree.
pub(super) struct Grown(Vec<Vec<Place>>);

/// What trees are grown by.
#[derive(Clone, Copy)]
pub(super) struct Grower<'a> {
    pub(super) search: Search<'a>,
    pub(super) depth: usize,
    pub(super) min_gain: f32,
    pub(super) eta: f32,
    /// The bin of what is missing.
    pub(super) missing: u16,
    pub(super) workers: &'a dyn Workers,
}

impl Grower<'_> {
    /// Grows a tree, and leaves each row with the number of its leaf.
    pub(super) fn grow(&self, columns: &mut [Column], rows: &mut Rows, all: Sums) -> Grown {
        let mut level = vec![self.place(u64::MAX, all)];
        let mut levels = Vec::new();
        for depth in 0..self.depth {
            self.split(&mut level, columns, rows, depth);
            let asked: Vec<Asked> = level.iter().map(Place::asked).collect();
            rows.part(self.workers, &asked, &columns.iter().collect::<Vec<_>>(), self.missing);
            let next = level.iter().flat_map(|place| self.children(place)).collect();
            levels.push(std::mem::replace(&mut level, next));
        }
        levels.push(level);
        Grown(levels)
    }

    /// Finds the split of each node of a level.
    fn split(&self, level: &mut [Place], columns: &mut [Column], rows: &Rows, depth: usize) {
        let sums: Vec<Sums> = level.iter().map(|place| place.sums).collect();
        let mut jobs: Vec<(&mut Column, Vec<Split>)> =
            columns.iter_mut().map(|column| (column, Vec::new())).collect();
        each(self.workers, &mut jobs, |feature, (column, found)| {
            match depth {
                0 => column.plant(&rows.derivatives),
                _ => column.descend(sums.len() / 2, &rows.sides),
            }
            let best = |(node, sums): (usize, &Sums)| {
                self.search.best(feature, &column.cuts, column.histogram(node), *sums)
            };
            found.extend(sums.iter().enumerate().map(best));
        });
        for (_, found) in &jobs {
            for (place, split) in level.iter_mut().zip(found) {
                place.split.replace(flag(split.gain > place.split.gain), split);
            }
        }
        for place in level {
            let found = flag(place.split.feature != NONE) & flag(place.split.gain >= self.min_gain);
            place.splits = place.exists & found;
        }
    }

    fn place(&self, exists: u64, sums: Sums) -> Place {
        #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
        let (weight, cover) = (self.search.weight(sums) as f32, self.search.scales.h.real(sums.h) as f32);
        Place { exists, splits: 0, sums, weight, cover, value: weight * self.eta, split: Split::none() }
    }

    fn children(&self, parent: &Place) -> [Place; 2] {
        let left = sums(parent.splits, parent.split.left, parent.sums);
        [left, parent.sums - left].map(|sums| {
            let child = self.place(parent.splits, sums);
            Place { value: choose_single(parent.splits, child.value, parent.value), ..child }
        })
    }
}

impl Place {
    #[expect(clippy::cast_possible_truncation, reason = "features and bins are bounded")]
    fn asked(&self) -> Asked {
        Asked {
            feature: select(self.splits, self.split.feature, 0) as u16,
            // All bins lie below that.
            bins: select(self.splits, self.split.bins, u64::MAX) as u16,
            default_left: select(self.splits, self.split.default_left, u64::MAX) as u16,
        }
    }
}

impl Grown {
    /// What each leaf adds to its rows.
    pub(super) fn values(&self) -> Vec<f32> {
        self.0.last().into_iter().flatten().map(|place| place.value).collect()
    }

    /// The tree of the plain trainer, which has only nodes that exist. This looks at them as they are.
    pub(super) fn tree(&self) -> Tree {
        let mut nodes = Vec::new();
        let mut ahead = VecDeque::from([(0, 0, None)]);
        let mut made = 1_u32;
        while let Some((level, at, parent)) = ahead.pop_front() {
            let Place { splits, weight, cover, value, split, .. } = self.0[level][at];
            let own = u32::try_from(nodes.len()).ok();
            let node = Node { parent, branch: None, value, gain: 0.0, cover, weight: value };
            nodes.push(if splits == 0 {
                node
            } else {
                let (left, right) = (made, made + 1);
                made += 2;
                ahead.extend([(level + 1, 2 * at, own), (level + 1, 2 * at + 1, own)]);
                let branch = Branch {
                    feature: u32::try_from(split.feature).unwrap_or(u32::MAX),
                    test: Test::Below(split.threshold),
                    default_left: split.default_left != 0,
                    left,
                    right,
                };
                Node { branch: Some(branch), value: 0.0, gain: split.gain, weight, ..node }
            });
        }
        Tree::grown(nodes)
    }
}
