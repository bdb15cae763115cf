//! Rows that a tree is grown from.
//!
//! Growing a tree asks three things of them: sums of a node's rows, bin by bin; to part the rows of a node among its
//! children; and which of two children has fewer. Whoever can answer that has a [`Field`]: rows in memory, or parties that
//! hold a part of the rows each, of which only sums come back.

use super::{Cut, Histogram, partition};
use crate::bins::Bins;
use crate::fixed::{Pair, Sums};
use crate::workers::Workers;
use std::ops::Range;

/// The rows cannot be asked any more. Whoever holds them knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not all rows can be reached any more")]
pub struct Lost;

/// How the rows of a node are parted among its children.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) node: u32,
    pub(crate) feature: u32,
    pub(crate) cut: Cut,
    pub(crate) left: u32,
    pub(crate) right: u32,
}

/// See the head of the module. All rows of a tree begin in node 0.
pub(crate) trait Field {
    /// Fills in the histogram of all rows, and gives their sum.
    fn root(&mut self, into: &mut Histogram) -> Result<Sums, Lost>;

    /// Parts the rows of nodes.
    fn part(&mut self, parts: Vec<Part>) -> Result<(), Lost>;

    /// Whether the first node, with these sums, has no more rows than the second. It decides of work, and of no bit.
    fn has_fewer(&self, one: (u32, Sums), other: (u32, Sums)) -> bool;

    /// The histogram of a node's parent, before the node's own is filled in: what it says of its size.
    fn hint(&mut self, _node: u32, _parent: &Histogram) {}

    /// Fills in the histograms of nodes.
    fn fill(&mut self, wanted: &mut [(u32, Histogram)]) -> Result<(), Lost>;
}

/// Rows in memory, those of a node beside each other.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    rows: Vec<u32>,
    scratch: Vec<u32>,
    /// Where those of each node are.
    places: Vec<Range<usize>>,
}

impl Patch {
    /// All of them in node 0, in that order.
    pub(crate) fn new(rows: Vec<u32>) -> Self {
        let all = 0..rows.len();
        Self { scratch: vec![0; rows.len()], rows, places: vec![all] }
    }

    /// How many rows there are in all.
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a node; none where there is no such node.
    pub(crate) fn rows_of(&self, node: u32) -> &[u32] {
        self.places.get(node as usize).map_or(&[], |place| &self.rows[place.clone()])
    }

    /// Fills in the histogram of a node, and gives the sum of its rows.
    pub(crate) fn fill(
        &self,
        workers: &dyn Workers,
        bins: &Bins,
        pairs: &[Pair],
        node: u32,
        into: &mut Histogram,
    ) -> Sums {
        into.fill(workers, bins, pairs, self.rows_of(node))
    }

    /// Parts the rows of a node.
    pub(crate) fn part(&mut self, workers: &dyn Workers, bins: &Bins, part: &Part) {
        let place = self.places.get(part.node as usize).cloned().unwrap_or_default();
        let (rows, scratch) = (&mut self.rows[place.clone()], &mut self.scratch[place.clone()]);
        let left = partition::by_cut(workers, rows, scratch, bins, part.feature as usize, &part.cut);
        let middle = place.start + left;
        self.put(part.left, place.start..middle);
        self.put(part.right, middle..place.end);
    }

    fn put(&mut self, node: u32, place: Range<usize>) {
        let node = node as usize;
        if self.places.len() <= node {
            self.places.resize(node + 1, 0..0);
        }
        self.places[node] = place;
    }
}
