//! Does away with the nodes that are left, by tables over several of them, while these stay small.

use super::graph::{Graph, Node};
use super::steps::{Step, Wide};
use super::store::{Store, TableId};
use std::collections::{BTreeMap, BTreeSet};

/// Cells of all tables together: 16 million doubles are 128 MB.
pub(crate) const MOST_CELLS: f64 = 16e6;

/// The order in which the least cells come to be, as far as one sees by taking the node with the smallest table next; nothing
/// when that is too many.
pub(crate) fn order(store: &Store, graph: &Graph, gone: &[bool]) -> Option<Vec<Node>> {
    let size = |node: Node| store.get(graph.costs[node]).len() as f64;
    let mut near: BTreeMap<Node, BTreeSet<Node>> = (0..graph.costs.len())
        .filter(|node| !gone[*node])
        .map(|node| (node, graph.edges[node].keys().copied().collect()))
        .collect();
    // The cells of a node's table, kept up to date: nodes with hundreds of neighbours are looked at often.
    let weigh = |(node, near): (&Node, &BTreeSet<Node>)| {
        (*node, near.iter().map(|other| size(*other)).product::<f64>() * size(*node))
    };
    let mut weight: BTreeMap<Node, f64> = near.iter().map(weigh).collect();
    let mut queue: BTreeSet<(u64, Node)> =
        weight.iter().map(|(node, weight)| (weight.to_bits(), *node)).collect();
    let (mut order, mut cells) = (Vec::new(), 0.0);
    while let Some((bits, node)) = queue.pop_first() {
        cells += f64::from_bits(bits);
        if cells > MOST_CELLS {
            return None;
        }
        let others = near.remove(&node)?;
        for other in &others {
            let (before, cells) = (near.get_mut(other)?, weight.get_mut(other)?);
            queue.remove(&(cells.to_bits(), *other));
            before.remove(&node);
            // Products of hundreds of sizes end at infinity; then there is no way back, nor need there be.
            *cells /= size(node);
            for third in others.iter().filter(|third| *third != other) {
                if before.insert(*third) {
                    *cells *= size(*third);
                }
            }
            if !cells.is_finite() {
                *cells = weigh((other, before)).1;
            }
            queue.insert((cells.to_bits(), *other));
        }
        order.push(node);
    }
    Some(order)
}

/// Does away with all nodes in this order. What is left is the constant.
pub(crate) fn eliminate(store: &mut Store, graph: &mut Graph, order: &[Node], steps: &mut Vec<Step>) {
    let mut wide: Vec<Option<Wide>> = Vec::new();
    let mut wide_of: BTreeMap<Node, BTreeSet<usize>> = BTreeMap::new();
    for node in order {
        let cost = graph.costs[*node];
        let tables: Vec<_> = graph.cut(*node).into_iter().collect();
        let mine: Vec<Wide> = wide_of
            .remove(node)
            .into_iter()
            .flatten()
            .filter_map(|at| {
                let taken = wide[at].take()?;
                for other in &taken.nodes {
                    if let Some(set) = wide_of.get_mut(other) {
                        set.remove(&at);
                    }
                }
                Some(taken)
            })
            .collect();
        let made = message(store, graph, *node, &tables, &mine);
        steps.push(Step::Gone { node: *node, cost, tables, wide: mine });
        match made.nodes[..] {
            [] => graph.constant += made.cells[0],
            [other] => {
                let cost = store.vector(made.cells.to_vec());
                graph.add(store, other, cost);
            }
            [first, second] => {
                let table = store.table(made.sizes[1], made.cells.to_vec());
                graph.edge(store, first, second, table);
            }
            _ => {
                for other in &made.nodes {
                    wide_of.entry(*other).or_default().insert(wide.len());
                }
                wide.push(Some(made));
            }
        }
    }
}

/// For each labelling of the neighbours, the least that the node adds.
fn message(store: &Store, graph: &Graph, node: Node, tables: &[(Node, TableId)], wide: &[Wide]) -> Wide {
    let others: BTreeSet<Node> = tables
        .iter()
        .map(|(other, _)| *other)
        .chain(wide.iter().flat_map(|wide| wide.nodes.iter().copied()))
        .filter(|other| *other != node)
        .collect();
    let nodes: Vec<Node> = others.into_iter().collect();
    let sizes: Vec<usize> = nodes.iter().map(|other| store.get(graph.costs[*other]).len()).collect();
    let own = store.get(graph.costs[node]);
    let place: BTreeMap<Node, usize> = nodes.iter().enumerate().map(|(at, other)| (*other, at)).collect();
    let mut labels = vec![0_usize; nodes.len()];
    let mut cells = Vec::with_capacity(sizes.iter().product());
    let mut sums = vec![0.0; own.len()];
    loop {
        sums.copy_from_slice(own);
        for (other, table) in tables {
            // The other side's table has this node's labels in a row.
            let turned = store.see(*table);
            let column = labels[place[other]];
            sums.iter_mut().enumerate().for_each(|(row, sum)| *sum += turned.at(row, column));
        }
        for wide in wide {
            for (label, sum) in sums.iter_mut().enumerate() {
                *sum += wide.at(|other| if other == node { label } else { labels[place[&other]] });
            }
        }
        cells.push(sums.iter().copied().fold(f64::INFINITY, f64::min));
        let Some(at) = (0..labels.len()).rev().find(|at| labels[*at] + 1 < sizes[*at]) else { break };
        labels[at] += 1;
        labels[at + 1..].fill(0);
    }
    Wide { nodes, sizes, cells: cells.into() }
}
