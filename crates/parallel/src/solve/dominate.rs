//! Removes labels that another label of the same node is never worse than, whatever its neighbours have.
//!
//! Goldstein's criterion of dead ends: the node's own costs and, over each edge, the most by which the other label can be
//! dearer. Exact, and local: equal neighbourhoods are looked up.

use super::graph::{Graph, Node};
use super::store::{Store, TableId, VectorId};

/// The labels that are left, of each node that lost some.
pub(crate) fn dominated(store: &mut Store, graph: &Graph, gone: &[bool]) -> Vec<(Node, Vec<u32>)> {
    let mut all = Vec::new();
    for node in (0..graph.costs.len()).filter(|node| !gone[*node]) {
        let cost = graph.costs[node];
        let tables: Vec<TableId> = graph.edges[node].values().copied().collect();
        let labels = store.undominated(cost, tables, left);
        if labels.len() < store.get(cost).len() {
            all.push((node, labels.to_vec()));
        }
    }
    all
}

fn left(store: &mut Store, cost: VectorId, tables: &[TableId]) -> Vec<u32> {
    let count = store.get(cost).len();
    let own = store.get(cost).to_vec();
    // By how much the label of a row is dearer than that of a column, at least.
    let mut dearer: Vec<f64> =
        own.iter().flat_map(|row| own.iter().map(move |column| row - column)).collect();
    for table in tables {
        let least = store.least_differences(*table);
        dearer.iter_mut().zip(least.iter()).for_each(|(sum, least)| *sum += least);
    }
    let mut kept: Vec<bool> = vec![true; count];
    for row in (0..count).rev() {
        kept[row] =
            !(0..count).any(|column| column != row && kept[column] && dearer[row * count + column] >= 0.0);
    }
    (0..).zip(kept).filter(|(_, kept)| *kept).map(|(label, _)| label).collect()
}
