//! Does away with nodes that have at most two neighbours, or one label. This is exact, and no table has more cells than
//! the node's neighbours have pairs of labels.

use super::graph::{Graph, Node};
use super::steps::{Step, least};
use super::store::{Store, TableId, VectorId};
use std::collections::BTreeSet;

/// Goes on until every node that is left has three neighbours and two labels.
pub(crate) fn contract(store: &mut Store, graph: &mut Graph, gone: &mut [bool], steps: &mut Vec<Step>) {
    let small = |graph: &Graph, node: Node| graph.edges[node].len() <= 2;
    let single = |store: &Store, graph: &Graph, node: Node| store.get(graph.costs[node]).len() == 1;
    let mut queue: BTreeSet<Node> = (0..graph.costs.len())
        .filter(|node| !gone[*node] && (small(graph, *node) || single(store, graph, *node)))
        .collect();
    while let Some(node) = queue.pop_first() {
        let cost = graph.costs[node];
        let tables: Vec<_> = graph.cut(node).into_iter().collect();
        match tables[..] {
            [_, _, _, ..] => spread(store, graph, cost, &tables),
            [] => {
                let own = store.get(cost);
                graph.constant += own[least(own) as usize];
            }
            [(other, table)] => {
                let (folded, lowest) = store.fold(cost, table);
                graph.constant += lowest;
                graph.add(store, other, folded);
            }
            [(first, first_table), (second, second_table)] => {
                let (joined, lowest) = store.join(cost, first_table, second_table);
                graph.constant += lowest;
                graph.edge(store, first, second, joined);
            }
        }
        gone[node] = true;
        queue.extend(tables.iter().map(|(other, _)| *other).filter(|other| small(graph, *other)));
        steps.push(Step::Gone { node, cost, tables, wide: Vec::new() });
    }
}

/// A node with one label is what its neighbours' labels cost.
fn spread(store: &mut Store, graph: &mut Graph, cost: VectorId, tables: &[(Node, TableId)]) {
    graph.constant += store.get(cost)[0];
    let nothing = store.vector(vec![0.0]);
    for (other, table) in tables {
        let (row, lowest) = store.fold(nothing, *table);
        graph.constant += lowest;
        graph.add(store, *other, row);
    }
}
