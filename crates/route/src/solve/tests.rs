//! The solver against exhaustive enumeration, and the properties that a plan depends on.

mod dense;

use super::{Arc, Effort, Goal, Merged, Problem, Purchase, Resource, Solution, Unsolved};
use dense::maximise;
use proptest::prelude::*;

/// Work for each of these problems.
const STEPS: u64 = 100_000_000;
/// Most units of a purchase in these tests.
const UNITS: u32 = 2;

/// A small network of regions: connection pools, caps and machine prices as in the real one.
fn network(nodes: usize, sinks: usize, figures: &[(u32, u32)], caps: &[(u32, u32)], price: u32) -> Problem {
    let figures: Vec<(f64, u32)> = figures.iter().map(|(rate, cost)| (f64::from(*rate), *cost)).collect();
    network_of(nodes, sinks, &figures, caps, price)
}

/// The same with rates that are not whole.
fn network_of(
    nodes: usize,
    sinks: usize,
    figures: &[(f64, u32)],
    caps: &[(u32, u32)],
    price: u32,
) -> Problem {
    let mut problem = Problem { nodes, source: 0, sinks: (1..=sinks).collect(), ..Problem::default() };
    for (egress, ingress) in &caps[..nodes] {
        let purchase = problem.purchases.len();
        problem.purchases.push(Purchase { limit: UNITS, price: f64::from(price) / 1000.0 });
        for capacity in [f64::from(*ingress), f64::from(*egress), 1.0, 1.0] {
            problem.resources.push(Resource { purchase, capacity });
        }
    }
    let pairs = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
    for ((from, to), (rate, cost)) in pairs.filter(|(from, to)| from != to).zip(figures) {
        if *rate > 0.0 {
            let share = 1.0 / rate;
            let uses = vec![(to * 4, 1.0), (from * 4 + 1, 1.0), (from * 4 + 2, share), (to * 4 + 3, share)];
            problem.arcs.push(Arc { from, to, cost: f64::from(*cost) / 100.0, uses });
        }
    }
    problem
}

fn solve(problem: &Problem, goal: Goal) -> Result<Solution, Unsolved> {
    super::solve(problem, &Merged::new(problem), goal, &Effort::new(STEPS))
}

/// Every vector of amounts.
fn amounts(purchases: usize) -> impl Iterator<Item = Vec<u32>> {
    let base = u64::from(UNITS) + 1;
    (0..base.pow(u32::try_from(purchases).unwrap())).map(move |mut code| {
        (0..purchases)
            .map(|_| {
                let digit = u32::try_from(code % base).unwrap();
                code /= base;
                digit
            })
            .collect()
    })
}

/// Every set of arcs that is an arborescence from the source whose ends are sinks, reaching all of them.
/// With one sink these are the simple paths.
fn all_routes(problem: &Problem) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    for set in 1_u32..1 << problem.arcs.len() {
        let arcs: Vec<usize> = (0..problem.arcs.len()).filter(|arc| set & (1 << arc) != 0).collect();
        let into = |node: usize| arcs.iter().filter(|arc| problem.arcs[**arc].to == node).count();
        let from = |node: usize| arcs.iter().filter(|arc| problem.arcs[**arc].from == node).count();
        let shaped = (0..problem.nodes).all(|node| {
            let sink = problem.sinks.contains(&node);
            match node == problem.source {
                true => into(node) == 0,
                false => into(node) <= 1 && (into(node) == 1) == (from(node) > 0 || sink),
            }
        });
        // As many arcs as nodes reached from the source: no part hangs in a circle of its own.
        let mut reached = vec![problem.source];
        let mut at = 0;
        while let Some(node) = reached.get(at).copied() {
            reached.extend(
                arcs.iter().filter(|arc| problem.arcs[**arc].from == node).map(|arc| problem.arcs[*arc].to),
            );
            at += 1;
            if at > problem.nodes {
                break;
            }
        }
        if shaped && reached.len() == arcs.len() + 1 {
            found.push(arcs);
        }
    }
    found
}

/// The best value over all amounts and all routes; `None` when nothing is feasible.
fn exhaustive(problem: &Problem, goal: Goal) -> Option<f64> {
    let routes = all_routes(problem);
    let costs: Vec<f64> = routes.iter().map(|arcs| problem.cost_of(arcs)).collect();
    let mut best: Option<f64> = None;
    for bought in amounts(problem.purchases.len()) {
        let spent: f64 =
            problem.purchases.iter().zip(&bought).map(|(p, units)| p.price * f64::from(*units)).sum();
        let mut rows: Vec<(Vec<f64>, f64)> = problem
            .resources
            .iter()
            .enumerate()
            .map(|(resource, given)| {
                let used = |arcs: &Vec<usize>| -> f64 {
                    let uses = arcs.iter().flat_map(|arc| &problem.arcs[*arc].uses);
                    uses.filter(|(at, _)| *at == resource).map(|(_, used)| used).sum()
                };
                (routes.iter().map(used).collect(), given.capacity * f64::from(bought[given.purchase]))
            })
            .collect();
        if let Some(ceiling) = goal.ceiling() {
            rows.push((costs.iter().map(|cost| cost - ceiling).collect(), -spent));
        }
        let value = match goal {
            Goal::Rate { .. } => maximise(&vec![1.0; routes.len()], &rows).map(|rate| -rate),
            Goal::Cost { rate, credit, .. } => {
                rows.push((vec![-1.0; routes.len()], -rate));
                let gain: Vec<f64> = costs.iter().map(|cost| credit - cost).collect();
                maximise(&gain, &rows).map(|gain| spent - gain)
            }
        };
        if let Some(value) = value {
            best = Some(best.map_or(value, |best| best.min(value)));
        }
    }
    best
}

fn value(goal: Goal, solution: &Solution) -> f64 {
    match goal {
        Goal::Rate { .. } => -solution.rate,
        Goal::Cost { credit, .. } => solution.cost - credit * solution.rate,
    }
}

/// Holds a solution against the problem by plain arithmetic.
fn assert_feasible(problem: &Problem, goal: Goal, solution: &Solution) {
    let mut used = vec![0.0; problem.resources.len()];
    for route in &solution.routes {
        for (resource, amount) in route.arcs.iter().flat_map(|arc| &problem.arcs[*arc].uses) {
            used[*resource] += amount * route.rate;
        }
    }
    for (used, resource) in used.iter().zip(&problem.resources) {
        assert!(*used <= resource.capacity * f64::from(solution.bought[resource.purchase]) + 1e-6);
    }
    for (units, purchase) in solution.bought.iter().zip(&problem.purchases) {
        assert!(*units <= purchase.limit);
    }
    if let Some(ceiling) = goal.ceiling() {
        assert!(solution.cost <= ceiling * solution.rate + 1e-6);
    }
    if let Goal::Cost { rate, .. } = goal {
        assert!(solution.rate >= rate - 1e-6);
    }
}

fn agrees(problem: &Problem, goal: Goal) {
    let expected = exhaustive(problem, goal);
    match (solve(problem, goal), expected) {
        (Ok(solution), Some(expected)) => {
            assert_feasible(problem, goal, &solution);
            let found = value(goal, &solution);
            let slack = 2e-4 * expected.abs().max(goal.reference()) + 1e-6;
            assert!((found - expected).abs() <= slack, "{goal:?}: {found}, best is {expected}");
            assert_eq!(solve(problem, goal).unwrap(), solution);
        }
        (Err(Unsolved::Infeasible), None) => {}
        (found, expected) => panic!("{goal:?}: {found:?}, best is {expected:?}"),
    }
}

fn goals(ceiling: u32, rate: u32) -> [Goal; 5] {
    let (ceiling, rate) = (f64::from(ceiling) / 100.0, f64::from(rate) / 4.0);
    [
        Goal::Rate { ceiling: None },
        Goal::Rate { ceiling: Some(ceiling) },
        Goal::Cost { rate, credit: 0.0, near: rate, ceiling: None },
        Goal::Cost { rate, credit: 0.05, near: rate, ceiling: None },
        Goal::Cost { rate, credit: 0.0, near: rate, ceiling: Some(ceiling) },
    ]
}

prop_compose! {
    fn any_network(sinks: usize)(
        figures in prop::collection::vec((0_u32..9, 0_u32..20), 12),
        caps in prop::collection::vec((1_u32..9, 1_u32..9), 4),
        price in 0_u32..200,
    ) -> Problem {
        network(4, sinks, &figures, &caps, price)
    }
}

prop_compose! {
    /// Rates from a megabit to 100 Gbit/s that tie more often than not, and machines that cost nothing.
    fn uneven_network(sinks: usize)(
        figures in prop::collection::vec(
            (prop::sample::select(vec![0.0, 1e-3, 1e-3, 1e-2, 1.0, 5.0, 5.0, 100.0]), 0_u32..3), 12,
        ),
        caps in prop::collection::vec(prop::sample::select(vec![(5_u32, 5_u32), (16, 16)]), 4),
        price in prop::sample::select(vec![0_u32, 100]),
    ) -> Problem {
        network_of(4, sinks, &figures, &caps, price)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn links_of_a_megabit_beside_a_hundred_gigabits(
        problem in uneven_network(1), ceiling in prop::sample::select(vec![0_u32, 1, 2, 40]), rate in 1_u32..20,
    ) {
        for goal in goals(ceiling, rate) {
            agrees(&problem, goal);
        }
    }

    /// However little work is allowed, the best is no further than the gap says.
    #[test]
    fn an_answer_cut_short_says_by_how_much(
        problem in any_network(1), ceiling in 1_u32..40, rate in 1_u32..30, steps in 1_u64..20_000,
    ) {
        for goal in goals(ceiling, rate) {
            let Ok(solution) = super::solve(&problem, &Merged::new(&problem), goal, &Effort::new(steps)) else {
                continue;
            };
            assert_feasible(&problem, goal, &solution);
            let best = exhaustive(&problem, goal).unwrap();
            let found = value(goal, &solution);
            let allowed = solution.gap * found.abs().max(goal.reference());
            let slack = 2e-4 * best.abs().max(goal.reference()) + 1e-6;
            prop_assert!(found - best <= allowed + slack, "{goal:?}: {found}, best is {best}, {solution:?}");
        }
    }

    #[test]
    fn paths_equal_enumeration(problem in any_network(1), ceiling in 1_u32..40, rate in 1_u32..30) {
        for goal in goals(ceiling, rate) {
            agrees(&problem, goal);
        }
    }

    #[test]
    fn trees_equal_enumeration(problem in any_network(2), ceiling in 1_u32..60, rate in 1_u32..20) {
        for goal in goals(ceiling, rate) {
            agrees(&problem, goal);
        }
    }

    #[test]
    fn the_order_of_arcs_changes_nothing(problem in any_network(1), ceiling in 1_u32..40, rate in 1_u32..30) {
        let mut turned = problem.clone();
        turned.arcs.reverse();
        for goal in goals(ceiling, rate) {
            match (solve(&problem, goal), solve(&turned, goal)) {
                (Ok(a), Ok(b)) => {
                    let slack = 2e-4 * value(goal, &a).abs().max(goal.reference()) + 1e-6;
                    prop_assert!((value(goal, &a) - value(goal, &b)).abs() <= slack);
                }
                (a, b) => prop_assert_eq!(a.is_err(), b.is_err()),
            }
        }
    }

    #[test]
    fn one_more_free_arc_never_costs(problem in any_network(1), from in 0_usize..4, to in 1_usize..4, rate in 1_u32..20) {
        prop_assume!(from != to);
        let goal = goals(1, rate)[2];
        let mut richer = problem.clone();
        let uses = vec![(to * 4, 1.0), (from * 4 + 1, 1.0)];
        richer.arcs.push(Arc { from, to, cost: 0.0, uses });
        if let Ok(before) = solve(&problem, goal) {
            let after = solve(&richer, goal).unwrap();
            prop_assert!(after.cost <= before.cost * (1.0 + 2e-4) + 1e-6);
        }
    }
}

#[test]
fn twins_are_solved_as_one_and_told_apart_again() {
    // Three relays alike; the flow needs two of them whole and half of another.
    let caps = [(8, 8), (8, 8), (2, 2), (2, 2), (2, 2)];
    let figures: Vec<(u32, u32)> = (0..20).map(|_| (9, 1)).collect();
    let mut problem = network(5, 1, &figures, &caps, 1);
    for purchase in &mut problem.purchases {
        purchase.limit = 1;
    }
    problem.arcs.retain(|arc| (arc.from, arc.to) != (0, 1));
    let goal = Goal::Cost { rate: 5.0, credit: 0.0, near: 5.0, ceiling: None };
    let solution = solve(&problem, goal).unwrap();
    assert_feasible(&problem, goal, &solution);
    assert_eq!(solution.bought, [1, 1, 1, 1, 1]);
    assert_eq!(Merged::new(&problem).reduced(&problem).arcs.len(), 5);
    let unmerged = super::solve(&problem, &Merged::default(), goal, &Effort::new(STEPS)).unwrap();
    assert!((unmerged.cost - solution.cost).abs() < 1e-6);
}

#[test]
fn many_sinks_share_what_they_can() {
    // A relay that reaches seven sinks for nothing, from a source that pays for each copy.
    let sinks = 7;
    let nodes = sinks + 2;
    let mut problem = Problem { nodes, source: 0, sinks: (1..=sinks).collect(), ..Problem::default() };
    for purchase in 0..nodes {
        problem.purchases.push(Purchase { limit: 1, price: 0.001 });
        problem.resources.push(Resource { purchase, capacity: 10.0 });
    }
    for sink in 1..=sinks {
        problem.arcs.push(Arc { from: 0, to: sink, cost: 1.0, uses: vec![(0, 1.0)] });
        problem.arcs.push(Arc { from: nodes - 1, to: sink, cost: 0.0, uses: vec![(sink, 1.0)] });
    }
    problem.arcs.push(Arc { from: 0, to: nodes - 1, cost: 1.0, uses: vec![(0, 1.0)] });
    let goal = Goal::Cost { rate: 1.0, credit: 0.0, near: 1.0, ceiling: None };
    let solution = solve(&problem, goal).unwrap();
    assert!((solution.cost - (1.0 + 0.001 * 8.0)).abs() < 1e-6, "{solution:?}");
    assert_eq!(solution.routes.len(), 1);
}
