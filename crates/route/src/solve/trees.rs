//! Which trees are worth adding: the cheapest arborescence from the source to all sinks under the duals.
//!
//! Dynamic programming after Dreyfus and Wagner (1971), in its directed form: `best[S][v]` is the least
//! weight of an arborescence rooted at `v` that reaches the sinks in `S`. Either two parts of `S` meet at
//! `v`, or the root's only arc leads to a node from which `S` is reached; the latter is one run of
//! Dijkstra's algorithm for each `S`.
//!
//! Guarantee: exact. Work is `3^k·n + 2^k·n²` for `k` sinks and `n` nodes: some two million steps for
//! eight sinks and 63 regions, hence [`MOST_SINKS`].
//!
//! *Rejected:* cut inequalities on arcs, whose separation is as long as this and gives no tree at the
//! end that gateways could be told to build.

use super::problem::{Found, Problem};

/// Most sinks: with ten, a pricing takes some 15 million steps.
pub(crate) const MOST_SINKS: usize = 10;

/// Arcs by head, and the terminals.
#[derive(Debug)]
pub(super) struct Trees {
    entering: Vec<Vec<usize>>,
    steps: u64,
}

/// How the best arborescence of a set and a root is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Nothing to reach, or no way to.
    Leaf,
    /// First an arc.
    Arc(usize),
    /// Two arborescences of the same root; this is the first one's set.
    Split(usize),
}

impl Trees {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut entering = vec![Vec::new(); problem.nodes];
        for (index, arc) in problem.arcs.iter().enumerate() {
            if arc.to != problem.source {
                entering[arc.to].push(index);
            }
        }
        let (nodes, sinks, arcs) =
            (problem.nodes as u64, problem.sinks.len() as u32, problem.arcs.len() as u64);
        let steps = 3_u64.pow(sinks) * nodes + 2_u64.pow(sinks) * (nodes * nodes + arcs);
        Self { entering, steps }
    }

    /// The lightest arborescence, if it is lighter than `budget`.
    pub(super) fn lighter(&self, problem: &Problem, weights: &[f64], budget: f64) -> Found {
        let (nodes, sets) = (problem.nodes, 1_usize << problem.sinks.len());
        let mut best = vec![f64::INFINITY; sets * nodes];
        let mut made = vec![Made::Leaf; sets * nodes];
        for set in 1..sets {
            let row = set * nodes;
            if set.is_power_of_two() {
                best[row + problem.sinks[set.trailing_zeros() as usize]] = 0.0;
            }
            // Each split once: the part with the lowest sink is the first.
            let lowest = set & set.wrapping_neg();
            let mut part = (set - 1) & set;
            while part > 0 {
                if part & lowest != 0 {
                    let rest = set ^ part;
                    for node in 0..nodes {
                        let weight = best[part * nodes + node] + best[rest * nodes + node];
                        if weight < best[row + node] {
                            best[row + node] = weight;
                            made[row + node] = Made::Split(part);
                        }
                    }
                }
                part = (part - 1) & set;
            }
            self.spread(problem, weights, &mut best[row..row + nodes], &mut made[row..row + nodes]);
        }
        let root = (sets - 1) * nodes + problem.source;
        let lightest = best[root];
        if lightest >= budget {
            return Found { lightest, routes: Vec::new() };
        }
        let mut arcs = Vec::new();
        let mut open = vec![(sets - 1, problem.source)];
        while let Some((set, node)) = open.pop() {
            match made[set * nodes + node] {
                Made::Leaf => {}
                Made::Arc(arc) => {
                    arcs.push(arc);
                    open.push((set, problem.arcs[arc].to));
                }
                Made::Split(part) => open.extend([(part, node), (set ^ part, node)]),
            }
        }
        Found { lightest, routes: vec![prune(problem, &arcs)] }
    }

    /// Steps that a pricing takes.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Lets every node reach the set through an arc where that is lighter.
    fn spread(&self, problem: &Problem, weights: &[f64], best: &mut [f64], made: &mut [Made]) {
        let mut settled = vec![false; best.len()];
        loop {
            let open = (0..best.len()).filter(|node| !settled[*node] && best[*node].is_finite());
            let Some(node) = open.min_by(|a, b| best[*a].total_cmp(&best[*b])) else { break };
            settled[node] = true;
            for arc in &self.entering[node] {
                let from = problem.arcs[*arc].from;
                let weight = best[node] + weights[*arc];
                if weight < best[from] {
                    best[from] = weight;
                    made[from] = Made::Arc(*arc);
                }
            }
        }
    }
}

/// Parts of a tree may have met by chance: one arc into each node, and no end but a sink.
fn prune(problem: &Problem, arcs: &[usize]) -> Vec<usize> {
    let mut into = vec![None; problem.nodes];
    let mut reached = vec![problem.source];
    let mut at = 0;
    while let Some(node) = reached.get(at).copied() {
        for arc in arcs.iter().filter(|arc| problem.arcs[**arc].from == node) {
            let to = problem.arcs[*arc].to;
            if to != problem.source && into[to].is_none() {
                into[to] = Some(*arc);
                reached.push(to);
            }
        }
        at += 1;
    }
    let mut needed = vec![false; problem.nodes];
    let mut kept = Vec::new();
    for sink in &problem.sinks {
        let mut node = *sink;
        while let (false, Some(arc)) = (needed[node], into[node]) {
            needed[node] = true;
            kept.push(arc);
            node = problem.arcs[arc].from;
        }
    }
    kept.sort_unstable();
    kept
}
