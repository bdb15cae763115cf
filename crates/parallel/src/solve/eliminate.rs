//! Does away with the nodes that are left, by tables over several of them, while these stay small.

use super::graph::{Graph, Node};
use super::steps::{Step, Wide};
use super::store::{Store, TableId, lesser};
use std::collections::{BTreeMap, BTreeSet};

/// Cells of all tables together, by the looks that were taken before: labels are removed between two looks, and few cells are
/// gone through sooner than labels are found that can be. At last 16 million doubles, which are 128 MB.
pub(crate) fn most_cells(look: usize) -> f64 {
    f64::powi(4.0, i32::try_from(look.min(3)).expect("at most 3")) * 250e3
}

/// The order in which the least cells come to be, as far as one sees by taking the node with the smallest table next; nothing
/// when that is too many.
pub(crate) fn order(store: &Store, graph: &Graph, gone: &[bool], most: f64) -> Option<Vec<Node>> {
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
        if cells > most {
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
    let place = |of: Node| nodes.iter().position(|other| *other == of).expect("it is among the neighbours");
    let narrow = tables.iter().map(|(other, table)| Term::narrow(store, *table, place(*other), nodes.len()));
    let wide = wide.iter().map(|wide| Term::wide(wide, node, &nodes));
    let terms: Vec<Term> = narrow.chain(wide).collect();
    let cells = least_sums(store.get(graph.costs[node]), &sizes, &terms);
    Wide { nodes, sizes, cells: cells.into() }
}

/// Costs of the node's labels and of some neighbours'. All but one of the strides go over neighbours, and the last neighbour's
/// labels lie next to each other.
struct Term {
    cells: std::rc::Rc<[f64]>,
    /// Over the node's labels.
    own: usize,
    /// Over those of each neighbour; 0 for one that it does not depend on.
    strides: Vec<usize>,
}

impl Term {
    fn narrow(store: &Store, table: TableId, place: usize, count: usize) -> Self {
        let table = store.see(table);
        let mut strides = vec![0; count];
        strides[place] = 1;
        Self { cells: table.cells.clone(), own: table.columns, strides }
    }

    /// Turned so that the node's labels change slowest.
    fn wide(wide: &Wide, node: Node, nodes: &[Node]) -> Self {
        let at = wide.nodes.iter().position(|other| *other == node).expect("the table is the node's");
        let inner: usize = wide.sizes[at + 1..].iter().product();
        let (size, outer) = (wide.sizes[at], wide.sizes[..at].iter().product::<usize>());
        let mut cells = Vec::with_capacity(wide.cells.len());
        for label in 0..size {
            for block in 0..outer {
                let from = (block * size + label) * inner;
                cells.extend_from_slice(&wide.cells[from..from + inner]);
            }
        }
        let mut strides = vec![0; nodes.len()];
        let mut stride = 1;
        for (other, size) in wide.nodes.iter().zip(&wide.sizes).rev().filter(|(other, _)| **other != node) {
            strides[nodes.iter().position(|known| known == other).expect("it is a neighbour")] = stride;
            stride *= size;
        }
        Self { cells: cells.into(), own: stride, strides }
    }
}

/// The least over the node's labels of all terms' sum, for each labelling of the neighbours.
fn least_sums(own: &[f64], sizes: &[usize], terms: &[Term]) -> Vec<f64> {
    let Some((last, outer)) = sizes.split_last() else {
        return vec![own.iter().copied().fold(f64::INFINITY, lesser)];
    };
    let (along, apart): (Vec<&Term>, Vec<&Term>) =
        terms.iter().partition(|term| term.strides[outer.len()] != 0);
    let mut cells = vec![f64::INFINITY; outer.iter().product::<usize>() * last];
    let mut labels = vec![0_usize; outer.len()];
    let mut sums = vec![0.0; *last];
    for row in cells.chunks_exact_mut(*last) {
        let from = |term: &Term| -> usize {
            labels.iter().zip(&term.strides).map(|(label, stride)| label * stride).sum()
        };
        let (along_at, apart_at): (Vec<usize>, Vec<usize>) =
            (along.iter().map(|term| from(term)).collect(), apart.iter().map(|term| from(term)).collect());
        for (label, cost) in own.iter().enumerate() {
            let base = apart.iter().zip(&apart_at).map(|(term, at)| term.cells[at + label * term.own]);
            sums.fill(cost + base.sum::<f64>());
            for (term, at) in along.iter().zip(&along_at) {
                let at = at + label * term.own;
                sums.iter_mut().zip(&term.cells[at..at + last]).for_each(|(sum, cell)| *sum += cell);
            }
            row.iter_mut().zip(&sums).for_each(|(least, sum)| *least = lesser(*least, *sum));
        }
        for at in (0..labels.len()).rev() {
            labels[at] += 1;
            if labels[at] < outer[at] {
                break;
            }
            labels[at] = 0;
        }
    }
    cells
}
