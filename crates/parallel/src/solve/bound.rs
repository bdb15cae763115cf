//! A lower bound, assignments near it, and labels that no better assignment can have.
//!
//! Tree-reweighted message passing in sequence (Kolmogorov, 2006). The costs are shared out among chains that run through the
//! nodes in order; the sum of the chains' optima is a bound, and no pass makes it lower. While a pass visits a node, the sum of
//! all chains' optima is known for each of its labels: one that is above the cost of an assignment in hand is removed. The
//! bounds and removals hold wherever the passes stop.

use super::graph::{Graph, Node};
use super::steps::least;
use super::store::{Store, lesser, lower};

/// Bounds and assignments get no better than this share of the cost: sums of doubles.
pub(crate) const EQUAL: f64 = 1e-10;

/// The state of the passes over what is left of a graph.
pub(crate) struct Passes<'a> {
    store: &'a Store,
    nodes: Vec<Seat>,
    edges: Vec<Link>,
    /// Labels by graph node: the best assignment of what is left.
    pub(crate) best: Vec<u32>,
    pub(crate) best_cost: f64,
    pub(crate) bound: f64,
    constant: f64,
    keep: f64,
}

struct Seat {
    node: Node,
    cost: Vec<f64>,
    alive: Vec<bool>,
    /// By how much the bound is above itself for each label, as of the last visit.
    above: Vec<f64>,
    before: Vec<usize>,
    after: Vec<usize>,
}

struct Link {
    first: usize,
    second: usize,
    table: super::store::TableId,
    turned: super::store::TableId,
    /// To the second of the nodes, and to the first.
    forward: Vec<f64>,
    backward: Vec<f64>,
}

impl<'a> Passes<'a> {
    /// `known` is what an assignment in hand costs; labels of assignments up to `keep` are kept in any case.
    pub(crate) fn new(store: &'a Store, graph: &Graph, gone: &[bool], known: f64, keep: f64) -> Self {
        let mut seat_of = vec![usize::MAX; graph.costs.len()];
        let mut nodes = Vec::new();
        let mut order: Vec<Node> = (0..graph.costs.len()).filter(|node| !gone[*node]).collect();
        order.sort_by_key(|node| (graph.ranks[*node], *node));
        for node in order {
            seat_of[node] = nodes.len();
            let cost = store.get(graph.costs[node]).to_vec();
            let alive = vec![true; cost.len()];
            let above = vec![0.0; cost.len()];
            nodes.push(Seat { node, cost, alive, above, before: Vec::new(), after: Vec::new() });
        }
        let mut edges = Vec::new();
        for first in 0..nodes.len() {
            for (other, table) in &graph.edges[nodes[first].node] {
                let second = seat_of[*other];
                if second < first {
                    continue;
                }
                let turned = graph.edges[*other][&nodes[first].node];
                let (forward, backward) =
                    (vec![0.0; nodes[second].cost.len()], vec![0.0; nodes[first].cost.len()]);
                nodes[first].after.push(edges.len());
                nodes[second].before.push(edges.len());
                edges.push(Link { first, second, table: *table, turned, forward, backward });
            }
        }
        let best = vec![0; graph.costs.len()];
        let bound = f64::NEG_INFINITY;
        Self { store, nodes, edges, best, best_cost: known, bound, constant: graph.constant, keep }
    }

    /// A pass onwards and one back.
    pub(crate) fn round(&mut self) {
        self.pass(true);
        self.pass(false);
    }

    fn pass(&mut self, onwards: bool) {
        let mut bound = self.constant;
        let mut labels = vec![0_u32; self.nodes.len()];
        for turn in 0..self.nodes.len() {
            let at = if onwards { turn } else { self.nodes.len() - 1 - turn };
            let (mut total, rounded) = self.total(at, onwards, &labels);
            labels[at] = rounded;
            let lowest = total[least(&total) as usize];
            total.iter_mut().for_each(|cost| *cost -= lowest);
            bound += lowest;
            self.remove(at, &mut total);
            self.nodes[at].above.copy_from_slice(&total);
            bound += self.send(at, onwards, &total);
        }
        self.bound = self.bound.max(bound);
        self.offer(&labels);
    }

    /// The node's cost with all messages, and the label that goes best with those chosen before in this pass.
    fn total(&self, at: usize, onwards: bool, labels: &[u32]) -> (Vec<f64>, u32) {
        let seat = &self.nodes[at];
        let (come, go) = if onwards { (&seat.before, &seat.after) } else { (&seat.after, &seat.before) };
        let mut total = seat.cost.clone();
        for (cost, alive) in total.iter_mut().zip(&seat.alive) {
            if !alive {
                *cost = f64::INFINITY;
            }
        }
        for edge in go {
            add(&mut total, self.message(*edge, !onwards));
        }
        let mut rounded = total.clone();
        for edge in come {
            add(&mut total, self.message(*edge, onwards));
            let link = &self.edges[*edge];
            let (other, table) = if onwards { (link.first, link.table) } else { (link.second, link.turned) };
            add(&mut rounded, self.store.see(table).row(labels[other] as usize));
        }
        let rounded = least(&rounded);
        (total, rounded)
    }

    fn message(&self, edge: usize, onwards: bool) -> &[f64] {
        if onwards { &self.edges[edge].forward } else { &self.edges[edge].backward }
    }

    fn remove(&mut self, at: usize, total: &mut [f64]) {
        let most = self.best_cost.max(self.keep);
        let margin = most - self.bound + most.abs() * EQUAL;
        if !margin.is_finite() {
            return;
        }
        for (cost, alive) in total.iter_mut().zip(&mut self.nodes[at].alive) {
            if *cost > margin {
                *cost = f64::INFINITY;
                *alive = false;
            }
        }
    }

    fn send(&mut self, at: usize, onwards: bool, total: &[f64]) -> f64 {
        let seat = &self.nodes[at];
        #[expect(clippy::cast_precision_loss, reason = "a count of edges")]
        let share = 1.0 / seat.before.len().max(seat.after.len()).max(1) as f64;
        let go = if onwards { &seat.after } else { &seat.before };
        let mut sum = 0.0;
        for edge in go {
            let link = &mut self.edges[*edge];
            let (message, back, table) = if onwards {
                (&mut link.forward, &link.backward, link.table)
            } else {
                (&mut link.backward, &link.forward, link.turned)
            };
            let table = self.store.see(table);
            message.fill(f64::INFINITY);
            for (row, (cost, back)) in total.iter().zip(back).enumerate() {
                if cost.is_infinite() {
                    continue;
                }
                let base = share * cost - back;
                for (least, cell) in message.iter_mut().zip(table.row(row)) {
                    *least = lesser(*least, base + cell);
                }
            }
            sum += lower(message);
        }
        sum
    }

    /// Takes an assignment if it is the best so far.
    fn offer(&mut self, labels: &[u32]) {
        let own: f64 = self.nodes.iter().zip(labels).map(|(seat, label)| seat.cost[*label as usize]).sum();
        let pair = |link: &Link| {
            self.store.see(link.table).at(labels[link.first] as usize, labels[link.second] as usize)
        };
        let cost = self.constant + own + self.edges.iter().map(pair).sum::<f64>();
        if cost < self.best_cost {
            self.best_cost = cost;
            for (seat, label) in self.nodes.iter().zip(labels) {
                self.best[seat.node] = *label;
            }
        }
    }

    /// The labels of each node that cost at most so much above the bound.
    pub(crate) fn within(&self, above: f64) -> Vec<(Node, Vec<u32>)> {
        let chosen = |seat: &Seat| {
            (0..).zip(&seat.above).filter(|(_, cost)| **cost <= above).map(|(at, _)| at).collect()
        };
        self.nodes.iter().map(|seat| (seat.node, chosen(seat))).collect()
    }

    /// The labels that are left, of each node that has lost some.
    pub(crate) fn left(&self) -> Vec<(Node, Vec<u32>)> {
        let reduced = self.nodes.iter().filter(|seat| seat.alive.contains(&false));
        reduced
            .map(|seat| {
                (seat.node, (0..).zip(&seat.alive).filter(|(_, alive)| **alive).map(|(at, _)| at).collect())
            })
            .collect()
    }
}

fn add(total: &mut [f64], message: &[f64]) {
    total.iter_mut().zip(message).for_each(|(total, cell)| *total += cell);
}
