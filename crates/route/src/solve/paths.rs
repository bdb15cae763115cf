//! Which paths are worth adding: shortest paths under the duals.
//!
//! Weights are not negative, so Dijkstra's algorithm applies; with every region joined to every other its
//! dense form, quadratic in the nodes, is the right one. One search forward from the source and one
//! backward from the sink give, for each node, the best path through it, so one pricing yields several
//! good columns and the master needs fewer rounds.

use super::problem::{Found, Problem};

/// Most columns of one pricing: more slow the master down by more than they save rounds.
const MOST: usize = 8;

/// Arcs by node, in both directions.
#[derive(Debug)]
pub(super) struct Paths {
    leaving: Vec<Vec<usize>>,
    entering: Vec<Vec<usize>>,
    source: usize,
    sink: usize,
}

/// Distances from one node and the arc by which each node is reached.
struct Reach {
    distance: Vec<f64>,
    by: Vec<usize>,
}

impl Paths {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut leaving = vec![Vec::new(); problem.nodes];
        let mut entering = vec![Vec::new(); problem.nodes];
        let sink = problem.sinks.first().copied().unwrap_or(problem.source);
        for (index, arc) in problem.arcs.iter().enumerate() {
            // A simple path never comes back to its source nor goes on from its sink.
            if arc.to != problem.source && arc.from != sink {
                leaving[arc.from].push(index);
                entering[arc.to].push(index);
            }
        }
        Self { leaving, entering, source: problem.source, sink }
    }

    /// Simple paths lighter than `budget`, lightest first.
    pub(super) fn lighter(&self, problem: &Problem, weights: &[f64], budget: f64) -> Found {
        let ahead = reach(&self.leaving, self.source, |arc| problem.arcs[arc].to, weights);
        let lightest = ahead.distance[self.sink];
        if lightest >= budget {
            return Found { lightest, routes: Vec::new() };
        }
        let back = reach(&self.entering, self.sink, |arc| problem.arcs[arc].from, weights);
        let mut through: Vec<(f64, usize)> = (0..problem.nodes)
            .map(|node| (ahead.distance[node] + back.distance[node], node))
            .filter(|(weight, _)| *weight < budget)
            .collect();
        through.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut found: Vec<Vec<usize>> = Vec::new();
        for (_, node) in through {
            if let Some(path) = self.path(problem, &ahead, &back, node)
                && !found.contains(&path)
            {
                found.push(path);
                if found.len() == MOST {
                    break;
                }
            }
        }
        Found { lightest, routes: found }
    }

    /// Steps that a pricing takes: two searches that look through all nodes for each node, and at each arc once.
    pub(super) fn steps(&self) -> u64 {
        let arcs: usize = self.leaving.iter().map(Vec::len).sum();
        2 * (self.leaving.len() * self.leaving.len() + arcs) as u64
    }

    /// The path through `node`, unless it visits a node twice.
    fn path(&self, problem: &Problem, ahead: &Reach, back: &Reach, node: usize) -> Option<Vec<usize>> {
        let mut arcs = Vec::new();
        let mut at = node;
        while at != self.source {
            arcs.push(ahead.by[at]);
            at = problem.arcs[ahead.by[at]].from;
        }
        at = node;
        while at != self.sink {
            arcs.push(back.by[at]);
            at = problem.arcs[back.by[at]].to;
        }
        let mut heads: Vec<usize> = arcs.iter().map(|arc| problem.arcs[*arc].to).collect();
        heads.sort_unstable();
        if heads.windows(2).any(|pair| pair[0] == pair[1]) {
            return None;
        }
        arcs.sort_unstable();
        Some(arcs)
    }
}

fn reach(by_node: &[Vec<usize>], start: usize, other: impl Fn(usize) -> usize, weights: &[f64]) -> Reach {
    let nodes = by_node.len();
    let mut distance = vec![f64::INFINITY; nodes];
    let mut by = vec![usize::MAX; nodes];
    let mut settled = vec![false; nodes];
    distance[start] = 0.0;
    for _ in 0..nodes {
        let open = (0..nodes).filter(|node| !settled[*node] && distance[*node].is_finite());
        let Some(node) = open.min_by(|a, b| distance[*a].total_cmp(&distance[*b])) else { break };
        settled[node] = true;
        for arc in &by_node[node] {
            let (to, length) = (other(*arc), distance[node] + weights[*arc]);
            if length < distance[to] {
                distance[to] = length;
                by[to] = *arc;
            }
        }
    }
    Reach { distance, by }
}
