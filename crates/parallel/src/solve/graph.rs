//! The graph that is solved: nodes with a cost for each label, edges with a cost for each pair.

use super::store::{Store, TableId, VectorId};
use std::collections::BTreeMap;

/// A node of a graph.
pub(crate) type Node = usize;

/// What is minimised: the sum of a cost for each node and each edge, where each node has one label.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub(crate) costs: Vec<VectorId>,
    /// For each node its neighbours, and the table whose rows are the node's labels.
    pub(crate) edges: Vec<BTreeMap<Node, TableId>>,
    /// Passes go through the nodes in this order: neighbours should be near each other.
    pub(crate) ranks: Vec<usize>,
    /// What is paid in any case.
    pub(crate) constant: f64,
}

impl Graph {
    pub(crate) fn node(&mut self, cost: VectorId, rank: usize) -> Node {
        self.costs.push(cost);
        self.ranks.push(rank);
        self.edges.push(BTreeMap::new());
        self.costs.len() - 1
    }

    /// Adds a table whose rows are the first node's labels. Tables between the same nodes add up.
    pub(crate) fn edge(&mut self, store: &mut Store, first: Node, second: Node, table: TableId) {
        let table = match self.edges[first].get(&second) {
            Some(before) => store.table_sum(*before, table),
            None => table,
        };
        let turned = store.transpose(table);
        self.edges[first].insert(second, table);
        self.edges[second].insert(first, turned);
    }

    pub(crate) fn add(&mut self, store: &mut Store, node: Node, cost: VectorId) {
        self.costs[node] = store.sum(self.costs[node], cost);
    }

    /// Takes a node's edges away.
    pub(crate) fn cut(&mut self, node: Node) -> BTreeMap<Node, TableId> {
        let edges = std::mem::take(&mut self.edges[node]);
        for neighbour in edges.keys() {
            self.edges[*neighbour].remove(&node);
        }
        edges
    }

    /// What an assignment costs.
    pub(crate) fn cost(&self, store: &Store, labels: &[u32]) -> f64 {
        let own = self.costs.iter().zip(labels).map(|(cost, label)| store.get(*cost)[*label as usize]);
        let pairs = self.edges.iter().enumerate().flat_map(|(node, edges)| {
            edges.iter().filter(move |(other, _)| **other > node).map(move |(other, table)| {
                store.see(*table).at(labels[node] as usize, labels[*other] as usize)
            })
        });
        self.constant + own.chain(pairs).sum::<f64>()
    }
}
