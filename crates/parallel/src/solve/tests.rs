use super::free::solve;
use super::store::VectorId;
use super::*;

/// Numbers from a seed: xorshift64*.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    fn below(&mut self, most: u64) -> usize {
        usize::try_from(self.next() % most).unwrap()
    }

    /// Small whole numbers, so that there are ties, or fractions.
    fn cost(&mut self, whole: bool) -> f64 {
        let number = self.below(if whole { 6 } else { 1_000_000 }) as f64;
        if whole { number } else { number / 1e4 }
    }
}

fn random(draw: &mut Draw, store: &mut Store, most_nodes: u64, most_labels: u64) -> Graph {
    let mut graph = Graph::default();
    let whole = draw.below(2) == 0;
    let nodes = 1 + draw.below(most_nodes);
    let sizes: Vec<usize> = (0..nodes).map(|_| 1 + draw.below(most_labels)).collect();
    for size in &sizes {
        let cost = store.vector((0..*size).map(|_| draw.cost(whole)).collect());
        let rank = draw.below(3);
        graph.node(cost, rank);
    }
    let density = 1 + draw.below(10);
    for first in 0..nodes {
        for second in first + 1..nodes {
            if draw.below(10) < density {
                let cells = (0..sizes[first] * sizes[second]).map(|_| draw.cost(whole)).collect();
                let table = store.table(sizes[second], cells);
                graph.edge(store, first, second, table);
            }
        }
    }
    graph
}

fn limits(draw: &mut Draw, store: &mut Store, graph: &Graph) -> Vec<Limit> {
    let rows = 1 + draw.below(3);
    let row = |draw: &mut Draw, store: &mut Store| {
        let weights: Vec<(Node, VectorId)> = (0..graph.costs.len())
            .map(|node| {
                let labels = store.get(graph.costs[node]).len();
                (node, store.vector((0..labels).map(|_| draw.below(20) as f64).collect()))
            })
            .collect();
        // What pairs weigh, along some edges.
        let edges = graph.edges.iter().enumerate().flat_map(|(first, edges)| {
            edges.iter().filter(move |(second, _)| first < **second).map(move |edge| (first, edge))
        });
        let mut pairs = Vec::new();
        for (first, (second, table)) in edges {
            if draw.below(2) == 0 {
                let (rows, columns) = (store.see(*table).rows(), store.see(*table).columns);
                let cells = (0..rows * columns).map(|_| draw.below(10) as f64).collect();
                pairs.push((first, *second, store.table(columns, cells)));
            }
        }
        let limit = Limit { most: 0.0, weights, pairs };
        let least = limit.least(store);
        Limit { most: least - 1.0 + draw.below(30) as f64, ..limit }
    };
    (0..rows).map(|_| row(draw, store)).collect()
}

/// Every assignment.
fn brute(store: &Store, graph: &Graph, limits: &[Limit]) -> Option<f64> {
    let sizes: Vec<u32> =
        graph.costs.iter().map(|cost| u32::try_from(store.get(*cost).len()).unwrap()).collect();
    let mut labels = vec![0; sizes.len()];
    let mut best: Option<f64> = None;
    loop {
        if limits.iter().all(|limit| limit.weight(store, &labels) <= limit.most) {
            let cost = graph.cost(store, &labels);
            best = Some(best.map_or(cost, |best| best.min(cost)));
        }
        let Some(at) = (0..labels.len()).find(|at| labels[*at] + 1 < sizes[*at]) else { return best };
        labels[at] += 1;
        labels[..at].fill(0);
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs())
}

#[test]
fn brute_force_equals_the_solver_on_ten_thousand_graphs() {
    for seed in 1..=10_000_u64 {
        let (mut draw, mut store) = (Draw(seed * 0x9e37_79b9), Store::default());
        let graph = random(&mut draw, &mut store, 7, 5);
        let found = solve(&mut store, &graph, f64::NEG_INFINITY, f64::INFINITY);
        let best = brute(&store, &graph, &[]).unwrap();
        assert!(near(found.cost, best) && near(found.bound, best), "seed {seed}: {} and {best}", found.cost);
        assert!(near(found.cost, graph.cost(&store, &found.labels)), "seed {seed}");
    }
}

#[test]
fn brute_force_equals_the_solver_under_limits_on_ten_thousand_graphs() {
    let mut impossible = 0;
    for seed in 1..=10_000_u64 {
        let (mut draw, mut store) = (Draw(seed * 0x9e37_79b9), Store::default());
        let graph = random(&mut draw, &mut store, 6, 4);
        let limits = limits(&mut draw, &mut store, &graph);
        let (mut limited, care) = (Limited::new(&graph), crate::effort::Effort::default().plan());
        for limit in &limits {
            // Found anew whenever a limit has come, in half of the cases.
            if seed % 2 == 0 {
                limited.solve(&mut store, care);
            }
            limited.limit(limit.clone());
        }
        let (found, bound) = limited.solve(&mut store, care);
        let best = brute(&store, &graph, &limits);
        match (&found, best) {
            (Some(found), Some(best)) => {
                assert!(
                    near(found.cost, best) && near(found.bound, best),
                    "seed {seed}: {} {} and {best}",
                    found.cost,
                    found.bound
                );
                assert!(limits.iter().all(|limit| limit.weight(&store, &found.labels) <= limit.most));
            }
            (None, None) => {
                impossible += 1;
                assert!(bound.is_infinite(), "seed {seed}: none is possible, and the bound is {bound}");
            }
            _ => panic!("seed {seed}: {found:?} and {best:?}"),
        }
    }
    assert!((100..5_000).contains(&impossible), "{impossible} of the graphs have no solution");
}

/// The passes and the removal of labels, which small graphs never reach.
#[test]
fn what_passes_bound_and_remove_leaves_the_optimum() {
    use super::bound::Passes;
    for seed in 1..=3_000_u64 {
        let (mut draw, mut store) = (Draw(seed * 0x517c_c1b7), Store::default());
        let graph = random(&mut draw, &mut store, 7, 5);
        let best = brute(&store, &graph, &[]).unwrap();
        let gone = vec![false; graph.costs.len()];
        let mut passes = Passes::new(&store, &graph, &gone, f64::INFINITY, f64::NEG_INFINITY);
        for _ in 0..20 {
            passes.round();
            assert!(passes.bound <= best + 1e-7, "seed {seed}: bound {} above {best}", passes.bound);
        }
        assert!(passes.best_cost >= best - 1e-7, "seed {seed}");
        // The optimum among what is left.
        let left: std::collections::BTreeMap<_, _> = passes.left().into_iter().collect();
        let mut rest = graph.clone();
        for (node, labels) in &left {
            let size = store.get(graph.costs[*node]).len();
            let forbidden =
                (0..size).map(|at| if labels.contains(&u32::try_from(at).unwrap()) { 0.0 } else { 1e9 });
            let forbidden = store.vector(forbidden.collect());
            rest.add(&mut store, *node, forbidden);
        }
        assert!(near(brute(&store, &rest, &[]).unwrap(), best), "seed {seed}");
    }
}
