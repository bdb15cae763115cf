//! The solvers against brute force.

mod cut;
mod fixtures;
mod quotas;

use super::meters::{Curve, Meters};
use super::problem::{EdgePrices, Moves, Problem, State};
use super::range::OutOfRange;
use super::{Amount, Front, Goal, Limits, Solution, Unsolved, out_of_range, pareto, solve};
use std::collections::BTreeSet;
use std::rc::Rc;
use welkin_route::{Tariff, Tier};
use welkin_units::{Bytes, Usd};

/// Small deterministic generator (SplitMix64), so that a failing seed can be named.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % u64::try_from(high - low + 1).unwrap()).unwrap()
    }
}

#[derive(Clone, Copy, Debug)]
enum Graph {
    Chain,
    OutTree,
    InTree,
    Tree,
    Dag,
}

const GRAPHS: [Graph; 5] = [Graph::Chain, Graph::OutTree, Graph::InTree, Graph::Tree, Graph::Dag];

struct Instance {
    tasks: Vec<Vec<State>>,
    edges: Vec<EdgePrices>,
    classes: Vec<u16>,
    meters: Option<Meters>,
}

impl Instance {
    fn random(rng: &mut Rng, graph: Graph, count: usize, states: usize) -> Self {
        let places = 2 + rng.below(4);
        let class_count = 1 + rng.below(3);
        let classes: Vec<u16> = (0..places).map(|_| u16::try_from(rng.below(class_count)).unwrap()).collect();
        let tasks = (0..count)
            .map(|_| {
                (0..1 + rng.below(states))
                    .map(|_| State {
                        place: u16::try_from(rng.below(places)).unwrap(),
                        cost: rng.between(0, 60),
                        time: rng.between(1, 40),
                    })
                    .collect()
            })
            .collect();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for to in 1..count {
            match graph {
                Graph::Chain => pairs.push((to - 1, to)),
                Graph::OutTree => pairs.push((rng.below(to), to)),
                Graph::InTree => pairs.push((to - 1, to + rng.below(count - to))),
                Graph::Tree => {
                    let other = rng.below(to);
                    pairs.push((other, to));
                }
                Graph::Dag => {
                    for from in 0..to {
                        if rng.below(2) == 0 {
                            pairs.push((from, to));
                        }
                    }
                }
            }
        }
        if let Graph::Tree = graph {
            // Turn some edges of a tree round: still a forest, but neither an out- nor an in-tree. The
            // topological order is computed, so indices need not rise along edges.
            for pair in &mut pairs {
                if rng.below(2) == 0 {
                    *pair = (pair.1, pair.0);
                }
            }
        }
        if let Graph::InTree = graph {
            pairs.retain(|(from, to)| from != to);
            let mut seen = BTreeSet::new();
            pairs.retain(|(from, _)| seen.insert(*from));
        }
        let class_width = usize::from(classes.iter().max().unwrap() + 1);
        let edges = pairs
            .into_iter()
            .map(|(from, to)| {
                let table = |rng: &mut Rng, most: i64| -> Vec<i64> {
                    (0..places * class_width).map(|_| rng.between(1, most)).collect()
                };
                EdgePrices {
                    from,
                    to,
                    volume: 0,
                    moves: Rc::new(Moves {
                        cost: table(rng, 40),
                        time: table(rng, 30),
                        stay_cost: (0..places).map(|_| rng.between(0, 1)).collect(),
                        stay_time: (0..places).map(|_| rng.between(0, 1)).collect(),
                    }),
                }
            })
            .collect();
        Self { tasks, edges, classes, meters: None }
    }

    fn problem(&self) -> Problem {
        Problem::new(self.tasks.clone(), self.edges.clone(), self.classes.clone(), self.meters.clone())
    }

    /// Adds volumes on a few meters with random tiers: quotas, dearer tiers, discounts.
    fn with_meters(mut self, rng: &mut Rng) -> Self {
        let count = 1 + rng.below(3);
        let mut curves = Vec::new();
        for _ in 0..count {
            let mut bound = 0;
            let mut tiers = Vec::new();
            for _ in 0..rng.below(3) {
                bound += 1 + rng.next() % 30;
                tiers.push(Tier { up_to: Some(Bytes::new(bound)), per_gb: per_byte(rng) });
            }
            tiers.push(Tier { up_to: None, per_gb: per_byte(rng) });
            let tariff = Tariff::new("test".to_owned(), tiers).unwrap();
            curves.push(Curve { tariff, already: Bytes::new(rng.next() % 20) });
        }
        let width = usize::from(self.classes.iter().max().unwrap() + 1);
        let mut any = |length: usize| (0..length).map(|_| u16::try_from(rng.below(count)).unwrap()).collect();
        let (of_move, of_stay) = (any(self.classes.len() * width), any(self.classes.len()));
        self.meters = Some(Meters { curves, of_move, of_stay, quotas: Vec::new() });
        for edge in &mut self.edges {
            edge.volume = rng.next() % 25;
        }
        self
    }

    /// (cost, time) of every assignment.
    fn all(&self) -> Vec<(i64, i64)> {
        let problem = self.problem();
        let mut choice = vec![0_u32; self.tasks.len()];
        let mut values = Vec::new();
        loop {
            values.push(problem.evaluate(&choice));
            let mut at = 0;
            loop {
                if at == choice.len() {
                    return values;
                }
                choice[at] += 1;
                if (choice[at] as usize) < self.tasks[at].len() {
                    break;
                }
                choice[at] = 0;
                at += 1;
            }
        }
    }
}

/// A price per gigabyte that is a small integer of nano-dollars per byte.
fn per_byte(rng: &mut Rng) -> Usd {
    Usd::from_nanos(rng.between(0, 4) * 1_000_000_000)
}

fn goals(rng: &mut Rng, all: &[(i64, i64)]) -> Vec<Goal> {
    let some = all[rng.below(all.len())];
    let other = all[rng.below(all.len())];
    let weights = (rng.between(1, 9), rng.between(1, 9));
    #[expect(clippy::cast_precision_loss, reason = "small integers")]
    let weighted = Goal {
        cost_weight: weights.0 as f64 / 8.0,
        time_weight: weights.1 as f64 / 8.0,
        max_cost: None,
        max_time: None,
    };
    vec![
        Goal::COST,
        Goal::TIME,
        weighted,
        Goal { max_time: Some(some.1), ..Goal::COST },
        Goal { max_cost: Some(some.0), ..Goal::TIME },
        Goal { max_cost: Some(some.0), max_time: Some(other.1), ..weighted },
    ]
}

/// Best value, and for time goals the cheapest among the fastest.
fn brute_force(all: &[(i64, i64)], goal: &Goal) -> Option<(f64, i64)> {
    let allowed = || all.iter().filter(|(cost, time)| goal.allows(*cost, *time));
    let best = allowed().map(|(cost, time)| goal.value(*cost, *time)).min_by(f64::total_cmp)?;
    let cheapest =
        allowed().filter(|(cost, time)| goal.value(*cost, *time) == best).map(|(cost, _)| *cost).min()?;
    Some((best, cheapest))
}

fn check(problem: &Problem, goal: &Goal, expected: Option<(f64, i64)>, context: &str) {
    match (solve(problem, goal, &Limits::default()), expected) {
        (Ok(Solution { states, cost, time, bound, exact }), Some((value, cheapest))) => {
            assert!(exact, "{context}: not exact");
            assert_eq!(problem.evaluate(&states), (cost, time), "{context}");
            assert!(goal.allows(cost, time), "{context}: breaks a limit");
            let found = goal.value(cost, time);
            assert!((found - value).abs() <= 1e-9 * value.abs(), "{context}: {found}, best {value}");
            assert!(bound <= value + 1e-9 * value.abs(), "{context}: bound {bound} above best {value}");
            if goal.cost_weight == 0.0 {
                assert_eq!(cost, cheapest, "{context}: not the cheapest of the fastest");
            }
        }
        (Err(Unsolved::Infeasible), None) => {}
        (found, expected) => panic!("{context}: {found:?}, expected {expected:?}"),
    }
}

/// Ten thousand instances: 2,000 of each shape, every goal on each.
#[test]
fn equals_brute_force_for_every_goal() {
    let mut instances = 0;
    for graph in GRAPHS {
        for seed in 0..2_000 {
            let mut rng = Rng(seed * 31 + graph as u64);
            let count = 1 + rng.below(5);
            let instance = Instance::random(&mut rng, graph, count, 4);
            let all = instance.all();
            let problem = instance.problem();
            for (index, goal) in goals(&mut rng, &all).into_iter().enumerate() {
                check(
                    &problem,
                    &goal,
                    brute_force(&all, &goal),
                    &format!("{graph:?} seed {seed} goal {index}"),
                );
            }
            let impossible = Goal { max_time: Some(0), ..Goal::COST };
            check(&problem, &impossible, None, &format!("{graph:?} seed {seed} impossible"));
            instances += 1;
        }
    }
    assert_eq!(instances, 10_000);
}

#[test]
fn shared_tiers_are_priced_together() {
    for seed in 0..3_000 {
        let mut rng = Rng(seed + 77);
        let graph = GRAPHS[rng.below(5)];
        let count = 2 + rng.below(4);
        let instance = Instance::random(&mut rng, graph, count, 4).with_meters(&mut rng);
        let all = instance.all();
        let problem = instance.problem();
        for (index, goal) in goals(&mut rng, &all).into_iter().enumerate() {
            check(&problem, &goal, brute_force(&all, &goal), &format!("{graph:?} seed {seed} goal {index}"));
        }
    }
}

#[test]
fn fronts_equal_brute_force() {
    for seed in 0..1_000 {
        let mut rng = Rng(seed + 1_000_000);
        let graph = GRAPHS[rng.below(5)];
        let count = 1 + rng.below(5);
        let instance = Instance::random(&mut rng, graph, count, 4);
        let expected = best_of(instance.all());
        let problem = instance.problem();
        let Front { points, complete, .. } = pareto(&problem, &Goal::COST, &Limits::default());
        assert!(complete);
        let found: Vec<(i64, i64)> = points.iter().map(|point| (point.cost, point.time)).collect();
        assert_eq!(found, expected, "{graph:?} seed {seed}");
        for point in points {
            assert_eq!(problem.evaluate(&point.states), (point.cost, point.time));
        }
    }
}

/// (cost, time) of the plans that no other equals or beats.
fn best_of(mut all: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    all.sort_unstable();
    let mut fastest = i64::MAX;
    all.retain(|(_, time)| {
        let keep = *time < fastest;
        fastest = fastest.min(*time);
        keep
    });
    all
}

#[test]
fn fronts_with_shared_tiers_equal_brute_force() {
    for seed in 0..1_000 {
        let mut rng = Rng(seed + 2_000_000);
        let graph = GRAPHS[rng.below(5)];
        let count = 1 + rng.below(5);
        let instance = Instance::random(&mut rng, graph, count, 4).with_meters(&mut rng);
        let expected = best_of(instance.all());
        let problem = instance.problem();
        let front = pareto(&problem, &Goal::COST, &Limits::default());
        assert!(front.complete && front.ended, "{graph:?} seed {seed}");
        let found: Vec<(i64, i64)> = front.points.iter().map(|point| (point.cost, point.time)).collect();
        assert_eq!(found, expected, "{graph:?} seed {seed}");
        for point in front.points {
            assert_eq!(problem.evaluate(&point.states), (point.cost, point.time));
            assert!(point.exact, "{graph:?} seed {seed}");
        }
    }
}

#[test]
fn no_point_of_a_cut_front_is_dearer_than_the_plan_for_its_deadline() {
    for seed in 0..60 {
        let mut rng = Rng(seed + 3_000_000);
        let instance = Instance::random(&mut rng, Graph::Dag, 8, 6).with_meters(&mut rng);
        let problem = instance.problem();
        let limits = Limits { updates: 300, ..Limits::default() };
        let front = pareto(&problem, &Goal::COST, &limits);
        for pair in front.points.windows(2) {
            assert!(pair[0].cost < pair[1].cost && pair[0].time > pair[1].time, "seed {seed}: {pair:?}");
        }
        // However little work there is, it goes from one end to the other.
        let cut = front.points.iter().filter(|point| !point.exact).count();
        let quickest = solve(&problem, &Goal::TIME, &limits).unwrap();
        assert!(cut <= limits.front_cuts, "seed {seed}: {cut} points were cut short");
        assert!(front.points.last().unwrap().time <= quickest.time, "seed {seed}: {quickest:?}");
        for point in front.points {
            let goal = Goal { max_time: Some(point.time), ..Goal::COST };
            let plan = solve(&problem, &goal, &limits).unwrap();
            assert!(point.cost <= plan.cost, "seed {seed}: {point:?}, but {plan:?}");
        }
    }
}

#[test]
fn a_problem_whose_sums_leave_the_range_is_named_and_none_that_stays_is() {
    let state = |cost, time| State { place: 0, cost, time };
    let most = i64::MAX / 8;
    let of = |tasks: Vec<Vec<State>>| out_of_range(&Problem::new(tasks, Vec::new(), vec![0], None));
    assert_eq!(of(vec![vec![state(most, 1)]]), None);
    let beyond = |amount, task| Some(OutOfRange { amount, task });
    assert_eq!(of(vec![vec![state(1, 1)], vec![state(5, 1), state(most, 1)]]), beyond(Amount::Cost, 1));
    assert_eq!(of(vec![vec![state(i64::MAX, 1)], vec![state(i64::MAX, 1)]]), beyond(Amount::Cost, 0));
    assert_eq!(of(vec![vec![state(1, 1 << 53)], vec![state(1, 1)]]), beyond(Amount::Time, 0));
}

#[test]
fn volumes_that_leave_the_range_are_named_though_no_price_is() {
    let mut rng = Rng(4);
    let mut instance = Instance::random(&mut rng, Graph::Chain, 3, 2).with_meters(&mut rng);
    assert_eq!(out_of_range(&instance.problem()), None);
    instance.edges.iter_mut().for_each(|edge| edge.volume = 1 << 52);
    let found = out_of_range(&instance.problem());
    assert_eq!(found, None, "two halves are the whole range: {found:?}");
    instance.edges[1].volume = u64::MAX;
    assert_eq!(out_of_range(&instance.problem()), Some(OutOfRange { amount: Amount::Volume, task: 2 }));
}

#[test]
fn independent_of_the_order_of_states() {
    for seed in 0..300 {
        let mut rng = Rng(seed + 5_000_000);
        let mut instance = Instance::random(&mut rng, Graph::Dag, 6, 6);
        let before = solve(&instance.problem(), &Goal::COST, &Limits::default()).unwrap();
        assert_eq!(
            solve(&instance.problem(), &Goal::COST, &Limits::default()).unwrap(),
            before,
            "second solve"
        );
        for states in &mut instance.tasks {
            states.reverse();
        }
        let after = solve(&instance.problem(), &Goal::COST, &Limits::default()).unwrap();
        assert_eq!(after.cost, before.cost, "seed {seed}");
    }
}

#[test]
fn a_cut_search_states_its_gap() {
    let mut rng = Rng(99);
    let instance = Instance::random(&mut rng, Graph::Dag, 14, 9);
    let limits = Limits { updates: 1, ..Limits::default() };
    let exact = solve(&instance.problem(), &Goal::COST, &Limits::default()).unwrap();
    let cut = solve(&instance.problem(), &Goal::COST, &limits).unwrap();
    assert!(exact.exact);
    #[expect(clippy::cast_precision_loss, reason = "small integers")]
    let (best, found) = (exact.cost as f64, cut.cost as f64);
    assert!(cut.bound <= best && found >= best);
    assert_eq!(cut.exact, cut.bound > found - 0.5);
}

#[test]
fn a_task_without_states_is_infeasible() {
    let problem = Problem::new(vec![Vec::new()], Vec::new(), vec![0], None);
    assert_eq!(solve(&problem, &Goal::COST, &Limits::default()), Err(Unsolved::Infeasible));
}

#[test]
fn of_plans_that_cost_the_same_no_task_alone_makes_a_faster_one() {
    let mut rng = Rng(77);
    for round in 0..400 {
        let mut instance = Instance::random(&mut rng, GRAPHS[round % GRAPHS.len()], 1 + round % 5, 5);
        // Few prices, so that many plans cost the same.
        instance.tasks.iter_mut().flatten().for_each(|state| state.cost = state.cost / 30 * 30);
        let problem = instance.problem();
        let Ok(found) = solve(&problem, &Goal::COST, &Limits::default()) else { continue };
        assert_eq!(problem.evaluate(&found.states), (found.cost, found.time));
        for (task, states) in problem.tasks.iter().enumerate() {
            for index in 0..u32::try_from(states.len()).unwrap() {
                let mut other = found.states.clone();
                other[task] = index;
                let alike = states[index as usize].cost == states[found.states[task] as usize].cost;
                let (cost, time) = problem.evaluate(&other);
                assert!(
                    !alike || cost > found.cost || time >= found.time,
                    "round {round}: task {task}, {index}"
                );
            }
        }
    }
}
