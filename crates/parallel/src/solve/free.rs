//! The optimum where nothing is limited.
//!
//! Steps: do away with nodes of up to two neighbours; bound what is left and remove labels by the bound, until the rest can
//! be eliminated. *Guarantee:* the cost is the optimum when the bound equals it, and the bound holds always. *Rejected:*
//! elimination alone (without removal of labels, tables of a transformer have 10^8 cells), and a general integer solver (a
//! C++ build, and seconds where this takes milliseconds).

use super::bound::{EQUAL, Passes};
use super::contract::contract;
use super::dominate::dominated;
use super::eliminate::{eliminate, most_cells, order};
use super::graph::Graph;
use super::steps::{Step, decode_into};
use super::store::Store;

/// Passes before the first look at whether the rest can be eliminated; twice and more before later ones.
const ROUNDS: usize = 8;

/// Looks before what is not proven stays unproven.
const LOOKS: usize = 12;

/// Looks that may bring nothing.
const PATIENCE: usize = 4;

/// Shares of the gap: labels within each of them are tried together, the most first that can be eliminated.
const NEAR: &[f64] = &[0.5, 0.2, 0.05, 0.01, 0.0];

/// The best assignment that was found, and what no assignment can cost less than.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) labels: Vec<u32>,
    pub(crate) cost: f64,
    pub(crate) bound: f64,
    /// How it was found, if to the end: assignments up to the ceiling can be listed from it.
    pub(crate) steps: Option<Vec<Step>>,
}

/// Solves a graph. Labels that an assignment of cost `ceiling` may have are kept, for whoever wants to list those. Once all
/// assignments cost as much as `known`, the search ends.
pub(crate) fn solve(store: &mut Store, whole: &Graph, ceiling: f64, known_cost: f64) -> Found {
    let mut rest = Rest::new(whole);
    let mut found: Option<(Vec<u32>, f64)> = None;
    let mut bound = f64::NEG_INFINITY;
    let take = |found: &mut Option<(Vec<u32>, f64)>, store: &Store, labels: Vec<u32>| {
        let cost = whole.cost(store, &labels);
        if found.as_ref().is_none_or(|(_, best)| cost < *best) {
            *found = Some((labels, cost));
        }
    };
    for look in 0..LOOKS {
        contract(store, &mut rest.graph, &mut rest.gone, &mut rest.steps);
        if ceiling == f64::NEG_INFINITY {
            loop {
                let left = dominated(store, &rest.graph, &rest.gone);
                if left.is_empty() {
                    break;
                }
                rest.restrict(store, left);
                contract(store, &mut rest.graph, &mut rest.gone, &mut rest.steps);
            }
        }
        if let Some(labels) = rest.finish(store, most_cells(look)) {
            // Nothing was left out: the optimum is what was found.
            take(&mut found, store, labels);
            let (labels, cost) = found.expect("just taken");
            return Found { bound: cost, labels, cost, steps: Some(rest.steps) };
        }
        let known = found.as_ref().map_or(f64::INFINITY, |(_, cost)| *cost);
        let mut passes = Passes::new(store, &rest.graph, &rest.gone, known, ceiling);
        for _ in 0..ROUNDS << look.min(3) {
            passes.round();
        }
        bound = bound.max(passes.bound);
        let (better, left) = (passes.best_cost < known, passes.left());
        let near: Vec<_> = NEAR
            .iter()
            .map(|share| passes.within((passes.best_cost - passes.bound).max(0.0) * share))
            .collect();
        if better {
            let mut labels = passes.best;
            decode_into(store, &rest.steps, &mut labels);
            take(&mut found, store, labels);
        }
        if left.iter().any(|(_, labels)| labels.is_empty()) {
            // No assignment costs less than the one in hand, nor as little as the ceiling.
            let (labels, cost) = found.expect("labels are removed for an assignment in hand");
            return Found { labels, cost, bound: cost.max(ceiling), steps: None };
        }
        let worse = bound >= known_cost && found.is_some();
        for labels in near.into_iter().filter(|_| !worse) {
            let mut part = rest.clone();
            part.restrict(store, labels);
            contract(store, &mut part.graph, &mut part.gone, &mut part.steps);
            if let Some(labels) = part.finish(store, most_cells(look)) {
                take(&mut found, store, labels);
                break;
            }
        }
        let cost = found.as_ref().map_or(f64::INFINITY, |(_, cost)| *cost);
        let improved = cost < known || !left.is_empty();
        if !improved && (look > PATIENCE || cost - bound <= cost.abs() * EQUAL) {
            break;
        }
        if bound >= known_cost {
            break;
        }
        rest.restrict(store, left);
    }
    let (labels, cost) = found.expect("passes find an assignment");
    Found { labels, cost, bound: bound.min(cost), steps: None }
}

/// What is left of a graph, and what was done to the rest.
#[derive(Clone)]
struct Rest {
    graph: Graph,
    gone: Vec<bool>,
    steps: Vec<Step>,
}

impl Rest {
    fn new(graph: &Graph) -> Self {
        Self { graph: graph.clone(), gone: vec![false; graph.costs.len()], steps: Vec::new() }
    }

    /// Eliminates all that is left and returns the best labels, if that takes few cells.
    fn finish(&mut self, store: &mut Store, most: f64) -> Option<Vec<u32>> {
        let order = order(store, &self.graph, &self.gone, most)?;
        eliminate(store, &mut self.graph, &order, &mut self.steps);
        let mut labels = vec![0; self.graph.costs.len()];
        decode_into(store, &self.steps, &mut labels);
        Some(labels)
    }

    /// Keeps only these labels of these nodes.
    fn restrict(&mut self, store: &mut Store, left: Vec<(usize, Vec<u32>)>) {
        for (node, labels) in left {
            self.graph.costs[node] = store.pick(self.graph.costs[node], &labels);
            for (other, table) in self.graph.edges[node].clone() {
                let table = store.pick_rows(table, &labels);
                let turned = store.transpose(table);
                self.graph.edges[node].insert(other, table);
                self.graph.edges[other].insert(node, turned);
            }
            self.steps.push(Step::Kept { node, labels });
        }
    }
}
