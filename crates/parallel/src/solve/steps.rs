//! How an elimination is undone: what was done to nodes, in order, and from the end back to labels.
//!
//! Read backwards, each step gives its node a label out of those of its neighbours, which have theirs already. What a label
//! costs more than the best one is its *excess*, and an assignment costs the optimum plus the excesses of its labels. So the
//! steps list all assignments in the neighbourhood of the optimum, which is what the search under limits goes through.

use super::graph::Node;
use super::store::{Store, TableId, VectorId};

/// Something done to one node.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The node was done away with: its costs, and the tables to its neighbours (rows are the node's).
    Gone { node: Node, cost: VectorId, tables: Vec<(Node, TableId)>, wide: Vec<Wide> },
    /// Only these labels were kept, and are numbered anew.
    Kept { node: Node, labels: Vec<u32> },
}

/// A table over more than two nodes, the first of which changes slowest.
#[derive(Debug, Clone)]
pub(crate) struct Wide {
    pub(crate) nodes: Vec<Node>,
    pub(crate) sizes: Vec<usize>,
    pub(crate) cells: std::rc::Rc<[f64]>,
}

impl Wide {
    pub(crate) fn at(&self, label: impl Fn(Node) -> usize) -> f64 {
        let place = self.nodes.iter().zip(&self.sizes).fold(0, |at, (node, size)| at * size + label(*node));
        self.cells[place]
    }
}

/// What each label of the step's node costs, given those of its neighbours.
pub(crate) fn local(store: &Store, step: &Step, labels: &[u32]) -> Vec<f64> {
    let Step::Gone { node, cost, tables, wide } = step else { return Vec::new() };
    let mut costs = store.get(*cost).to_vec();
    for (other, table) in tables {
        let table = store.see(*table);
        let column = labels[*other] as usize;
        costs.iter_mut().enumerate().for_each(|(row, cost)| *cost += table.at(row, column));
    }
    for wide in wide {
        for (label, cost) in costs.iter_mut().enumerate() {
            *cost += wide.at(|other| if other == *node { label } else { labels[other] as usize });
        }
    }
    costs
}

/// The best labels of nodes that were done away with, once all others have theirs.
pub(crate) fn decode_into(store: &Store, steps: &[Step], labels: &mut [u32]) {
    for step in steps.iter().rev() {
        match step {
            Step::Gone { node, .. } => labels[*node] = least(&local(store, step, labels)),
            Step::Kept { node, labels: kept } => labels[*node] = kept[labels[*node] as usize],
        }
    }
}

/// The place of the least number; the first of equals.
pub(crate) fn least(costs: &[f64]) -> u32 {
    let mut best = 0;
    for (at, cost) in costs.iter().enumerate() {
        if *cost < costs[best] {
            best = at;
        }
    }
    u32::try_from(best).expect("a node has far fewer labels")
}
