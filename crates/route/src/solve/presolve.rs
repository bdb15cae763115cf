//! Places that may stand in for each other are solved as one.
//!
//! Two relays are *interchangeable* when their units give and cost the same and every arc between either of
//! them and a third node has a twin at the other. An estimated graph is full of them (all regions of a
//! provider on a continent), and each would double the search: forbidding one only moves its flow to the
//! next.
//!
//! 1. Interchangeable relays form a class; its first member stands for it with the units of all. Arcs of the
//!    others are left out.
//! 2. Afterwards the units bought are given to the members in turn, each up to its own limit, and every
//!    route through the class is split in proportion.
//!
//! Guarantee: no loss. A member with a share of the class's units carries that share of its flow within its
//! capacities; and a hop inside a class can be skipped, since the next hop costs and takes the same from
//! where it began.

use super::problem::{Problem, Route, Solution};
use std::collections::BTreeMap;

/// A problem without its duplicates, and the way back.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// The smaller problem and the original index of each of its arcs; `None` when nothing is alike.
    smaller: Option<(Problem, Vec<usize>)>,
    /// Members of each class that has several, by the first.
    classes: BTreeMap<usize, Vec<usize>>,
}

impl Merged {
    pub(crate) fn new(problem: &Problem) -> Self {
        let twins = Twins::new(problem);
        let is_end = |node: usize| node == problem.source || problem.sinks.contains(&node);
        let mut classes: Vec<Vec<usize>> = Vec::new();
        for node in (0..problem.nodes).filter(|node| !is_end(*node)) {
            match classes.iter_mut().find(|class| twins.are(class[0], node)) {
                Some(class) => class.push(node),
                None => classes.push(vec![node]),
            }
        }
        classes.retain(|class| class.len() > 1);
        if classes.is_empty() {
            return Self::default();
        }
        let mut dropped = vec![false; problem.nodes];
        let mut purchases = problem.purchases.clone();
        for class in &classes {
            for member in &class[1..] {
                dropped[*member] = true;
                purchases[class[0]].limit += problem.purchases[*member].limit;
            }
        }
        let left = |arc: &usize| !dropped[problem.arcs[*arc].from] && !dropped[problem.arcs[*arc].to];
        let original: Vec<usize> = (0..problem.arcs.len()).filter(left).collect();
        let smaller = Problem {
            nodes: problem.nodes,
            source: problem.source,
            sinks: problem.sinks.clone(),
            arcs: original.iter().map(|arc| problem.arcs[*arc].clone()).collect(),
            purchases,
            resources: problem.resources.clone(),
        };
        let classes = classes.into_iter().map(|class| (class[0], class)).collect();
        Self { smaller: Some((smaller, original)), classes }
    }

    /// What is left to solve.
    pub(super) fn reduced<'p>(&'p self, problem: &'p Problem) -> &'p Problem {
        self.smaller.as_ref().map_or(problem, |(smaller, _)| smaller)
    }

    /// The solution in terms of the original problem.
    pub(super) fn expand(&self, problem: &Problem, mut solution: Solution) -> Solution {
        let Some((smaller, original)) = &self.smaller else { return solution };
        let twins = Twins::new(problem);
        let mut shares: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
        for (first, class) in &self.classes {
            let all = solution.bought[*first];
            let mut rest = all;
            let mut given = Vec::new();
            for member in class {
                let units = rest.min(problem.purchases[*member].limit);
                solution.bought[*member] = units;
                rest -= units;
                if units > 0 {
                    given.push((*member, f64::from(units) / f64::from(all)));
                }
            }
            shares.insert(*first, given);
        }
        let routes = std::mem::take(&mut solution.routes);
        for route in routes {
            let mut parts: Vec<(BTreeMap<usize, usize>, f64)> = vec![(BTreeMap::new(), route.rate)];
            let mut visited: Vec<usize> = route.arcs.iter().map(|arc| smaller.arcs[*arc].to).collect();
            visited.sort_unstable();
            for (first, given) in visited.iter().filter_map(|node| shares.get_key_value(node)) {
                let split = parts.iter().flat_map(|(chosen, rate)| {
                    given.iter().map(move |(member, share)| {
                        let mut chosen = chosen.clone();
                        chosen.insert(*first, *member);
                        (chosen, rate * share)
                    })
                });
                parts = split.collect();
            }
            for (chosen, rate) in parts {
                let stands_for = |node: usize| chosen.get(&node).copied().unwrap_or(node);
                let twin_of = |arc: &usize| {
                    let index = original[*arc];
                    let arc = &problem.arcs[index];
                    let ends = (stands_for(arc.from), stands_for(arc.to));
                    // Every arc has a twin at each member; among several the one that costs the same.
                    let alike = |at: &&usize| problem.arcs[**at].cost == arc.cost;
                    let twin = twins.between(ends.0, ends.1).iter().find(alike).copied();
                    if ends == (arc.from, arc.to) { index } else { twin.unwrap_or(index) }
                };
                let mut arcs: Vec<usize> = route.arcs.iter().map(twin_of).collect();
                arcs.sort_unstable();
                solution.routes.push(Route { arcs, rate });
            }
        }
        solution
    }
}

/// Finds out which nodes are twins.
struct Twins<'p> {
    problem: &'p Problem,
    /// Arcs by their ends, `from * nodes + to`.
    between: Vec<Vec<usize>>,
    /// Resources of each purchase.
    resources: Vec<Vec<usize>>,
}

impl<'p> Twins<'p> {
    fn new(problem: &'p Problem) -> Self {
        let mut between = vec![Vec::new(); problem.nodes * problem.nodes];
        for (index, arc) in problem.arcs.iter().enumerate() {
            between[arc.from * problem.nodes + arc.to].push(index);
        }
        let mut resources = vec![Vec::new(); problem.purchases.len()];
        for (index, resource) in problem.resources.iter().enumerate() {
            resources[resource.purchase].push(index);
        }
        Self { problem, between, resources }
    }

    fn between(&self, from: usize, to: usize) -> &[usize] {
        &self.between[from * self.problem.nodes + to]
    }

    /// Whether two nodes are interchangeable. Most are not, and the first third node tells.
    fn are(&self, a: usize, b: usize) -> bool {
        self.same_units(a, b)
            && (0..self.problem.nodes).filter(|node| *node != a && *node != b).all(|node| {
                self.same_arcs(self.between(a, node), self.between(b, node), (a, b))
                    && self.same_arcs(self.between(node, a), self.between(node, b), (a, b))
            })
    }

    /// Whether a unit at either node gives and costs the same.
    fn same_units(&self, a: usize, b: usize) -> bool {
        let (one, other) = (self.problem.purchases[a], self.problem.purchases[b]);
        let gives = |node: usize| self.resources[node].iter().map(|at| self.problem.resources[*at].capacity);
        one.price == other.price && one.limit == other.limit && gives(a).eq(gives(b))
    }

    /// Whether arcs cost and use the same, when what the first use at `nodes.0` the others use at `nodes.1`.
    fn same_arcs(&self, one: &[usize], other: &[usize], nodes: (usize, usize)) -> bool {
        let moved = |resource: usize| {
            if self.problem.resources[resource].purchase != nodes.0 {
                return Some(resource);
            }
            let ordinal = self.resources[nodes.0].iter().position(|at| *at == resource)?;
            self.resources[nodes.1].get(ordinal).copied()
        };
        let arcs = &self.problem.arcs;
        let alike = |a: &usize, b: &usize| {
            let (a, b) = (&arcs[*a], &arcs[*b]);
            let same_use = |(x, y): (&(usize, f64), &(usize, f64))| moved(x.0) == Some(y.0) && x.1 == y.1;
            a.cost == b.cost && a.uses.len() == b.uses.len() && a.uses.iter().zip(&b.uses).all(same_use)
        };
        one.len() == other.len() && one.iter().zip(other).all(|(a, b)| alike(a, b))
    }
}
