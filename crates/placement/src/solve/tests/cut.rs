//! Searches under deadlines, and what they are cut short to.

use super::{GRAPHS, Graph, Instance, Rng, brute_force, check, goals};
use crate::solve::descent;
use crate::solve::problem::{EdgePrices, Moves, Problem, State};
use crate::solve::standing::{Aim, Standing};
use crate::solve::wander::wander;
use crate::solve::{Goal, Limits, solve};
use std::rc::Rc;

#[test]
fn a_looser_deadline_is_never_dearer() {
    for seed in 0..40 {
        let mut rng = Rng(seed + 6_000_000);
        let instance = Instance::random(&mut rng, Graph::Dag, 6, 4);
        let instance = if seed % 2 == 0 { instance } else { instance.with_meters(&mut rng) };
        let all = instance.all();
        let problem = instance.problem();
        let fastest = all.iter().map(|(_, time)| *time).min().unwrap();
        let slowest = all.iter().min().unwrap().1;
        let mut before = i64::MAX;
        for step in 0..=20 {
            let goal = Goal { max_time: Some(fastest + (slowest - fastest) * step / 20), ..Goal::COST };
            let expected = brute_force(&all, &goal);
            check(&problem, &goal, expected, &format!("seed {seed} step {step}"));
            let cost = solve(&problem, &goal, &Limits::default()).unwrap().cost;
            assert!(cost <= before, "seed {seed} step {step}: {cost} after {before}");
            before = cost;
        }
    }
}

/// Graphs that are too large to look at every plan, over three providers with a free quota each.
#[test]
fn a_looser_deadline_is_never_dearer_where_quotas_are_open() {
    let limits = Limits::default();
    for seed in 0..10 {
        let mut rng = Rng(seed + 9_000_000);
        let instance = Instance::random(&mut rng, Graph::Dag, 9, 6).with_quotas(&mut rng);
        let problem = instance.problem();
        let cheapest = solve(&problem, &Goal::COST, &limits).unwrap();
        let fastest = solve(&problem, &Goal::TIME, &limits).unwrap().time;
        let mut before = i64::MAX;
        for step in 0..=20 {
            let deadline = fastest + (cheapest.time - fastest) * step / 20;
            let found = solve(&problem, &Goal { max_time: Some(deadline), ..Goal::COST }, &limits).unwrap();
            assert!(found.time <= deadline && found.cost <= before, "seed {seed} step {step}: {found:?}");
            assert!(found.exact, "seed {seed} step {step}: {found:?}");
            before = found.cost;
        }
        assert_eq!(before, cheapest.cost, "seed {seed}");
    }
}

#[test]
fn more_effort_never_makes_a_plan_worse_nor_its_gap_wider() {
    for seed in 0..12 {
        let mut rng = Rng(seed + 7_000_000);
        let instance = Instance::random(&mut rng, Graph::Dag, 12, 8);
        let instance = if seed % 2 == 0 { instance } else { instance.with_meters(&mut rng) };
        let problem = instance.problem();
        let free = solve(&problem, &Goal::COST, &Limits::default()).unwrap();
        let fast = solve(&problem, &Goal::TIME, &Limits::default()).unwrap();
        let goal = Goal { max_time: Some(i64::midpoint(free.time, fast.time)), ..Goal::COST };
        let (mut cost, mut gap) = (i64::MAX, f64::INFINITY);
        for updates in [100, 1_000, 10_000, 50_000, 100_000, 200_000, 300_000, 400_000] {
            let limits = Limits { updates, ..Limits::default() };
            let Ok(found) = solve(&problem, &goal, &limits) else { continue };
            let left = if found.exact { 0.0 } else { goal.value(found.cost, found.time) - found.bound };
            assert!(
                found.cost <= cost && left <= gap + 1e-6,
                "seed {seed}, {updates}: {found:?}, {cost}, {gap}"
            );
            (cost, gap) = (found.cost, left);
        }
        assert!(cost < i64::MAX, "seed {seed}");
    }
}

/// Tasks that are done the sooner the larger the machine, at some places of other prices; what one makes is paid for where it
/// is moved.
fn scaling(rng: &mut Rng, count: usize) -> Problem {
    const PLACES: usize = 4;
    let prices: Vec<i64> = (0..PLACES).map(|_| rng.between(800, 1_600)).collect();
    let tasks = (0..count).map(|_| {
        let mut time = rng.between(20, 200) * 60_000;
        let mut states = Vec::new();
        for cpus in [2, 4, 8, 16, 32, 64] {
            let at = |(place, price): (usize, &i64)| State {
                place: u16::try_from(place).unwrap(),
                cost: cpus * price * time / 1_000,
                time,
            };
            states.extend(prices.iter().enumerate().map(at));
            // Twice the machine does it in 4/7 of the time.
            time = time * 4 / 7;
        }
        states
    });
    let tasks: Vec<Vec<State>> = tasks.collect();
    let mut edges = Vec::new();
    for to in 1..count {
        for from in to.saturating_sub(5)..to {
            if rng.below(3) == 0 {
                let (cost, time) = (rng.between(1, 60) * 80_000, rng.between(1, 60) * 8_000);
                edges.push(EdgePrices {
                    from,
                    to,
                    volume: 0,
                    moves: Rc::new(Moves {
                        cost: vec![cost; PLACES * PLACES],
                        time: vec![time; PLACES * PLACES],
                        stay_cost: vec![0; PLACES],
                        stay_time: vec![0; PLACES],
                    }),
                });
            }
        }
    }
    Problem::new(tasks, edges, (0..4).collect(), None)
}

#[test]
fn plans_of_machines_that_scale_are_near_the_best_at_every_deadline() {
    for seed in 0..3 {
        let mut rng = Rng(seed + 8_000_000);
        let problem = scaling(&mut rng, 16);
        let limits = Limits { updates: 20_000, ..Limits::default() };
        let slow = solve(&problem, &Goal::COST, &limits).unwrap().time;
        let fast = solve(&problem, &Goal::TIME, &limits).unwrap().time;
        for step in 1..=8 {
            let goal = Goal { max_time: Some(fast + (slow - fast) * step / 10), ..Goal::COST };
            let found = solve(&problem, &goal, &limits).unwrap();
            let value = goal.value(found.cost, found.time);
            let gap = (value - found.bound) / value;
            assert!(gap <= 0.01, "seed {seed}, step {step}: {:.2} %", gap * 100.0);
        }
    }
}

#[test]
fn a_search_that_is_content_is_as_near_as_it_says() {
    for seed in 0..60 {
        let mut rng = Rng(seed + 8_000_000);
        let instance = Instance::random(&mut rng, Graph::Chain, 7, 4).with_meters(&mut rng);
        let least = brute_force(&instance.all(), &Goal::COST).unwrap().0;
        let limits = Limits { near_after: 0, ..Limits::default() };
        let found = solve(&instance.problem(), &Goal::COST, &limits).unwrap();
        let cost = Goal::COST.value(found.cost, 0);
        assert!(found.bound <= least + 0.5, "seed {seed}: {found:?}, {least}");
        assert!(
            cost - least <= cost * 0.001 + 0.5 && (!found.exact || cost <= least),
            "seed {seed}: {found:?}, {least}"
        );
    }
    let (usual, more) = (Limits::of(1).content(), Limits::of(2).content());
    assert!(usual.near_after < usual.updates && more.near_after == more.updates);
}

#[test]
fn a_plan_changed_task_by_task_costs_and_takes_what_it_would_evaluated_whole() {
    for seed in 0..400 {
        let mut rng = Rng(seed + 8_000_000);
        let instance = Instance::random(&mut rng, GRAPHS[usize::try_from(seed % 5).unwrap()], 6, 6);
        let instance = match seed % 3 {
            0 => instance,
            1 => instance.with_meters(&mut rng),
            _ => instance.with_quotas(&mut rng),
        };
        let problem = instance.problem();
        let all = instance.all();
        for goal in goals(&mut rng, &all) {
            let mut standing = Standing::new(&problem, &goal, vec![0; 6]);
            for task in [0, 3, 5, 1, 4, 2, 0] {
                let states: Vec<u32> = (0..u32::try_from(problem.tasks[task].len()).unwrap()).collect();
                let choice = standing.choice().to_vec();
                let best = states.iter().map(|state| {
                    let mut other = choice.clone();
                    other[task] = *state;
                    let (cost, time) = problem.evaluate(&other);
                    let over = |limit: Option<i64>, is: i64| limit.map_or(0, |most| (is - most).max(0));
                    ((over(goal.max_time, time), over(goal.max_cost, cost)), goal.value(cost, time))
                });
                let best = best.min_by(|a, b| a.partial_cmp(b).unwrap()).unwrap();
                standing.improve(Aim::at(&goal), task, &states);
                let (cost, time) = problem.evaluate(standing.choice());
                let over = |limit: Option<i64>, is: i64| limit.map_or(0, |most| (is - most).max(0));
                let found = ((over(goal.max_time, time), over(goal.max_cost, cost)), goal.value(cost, time));
                assert!(found <= best, "seed {seed}: {found:?}, but {best:?}");
                let (told, within) = standing.figures();
                assert_eq!(told, cost, "seed {seed}");
                assert!(!goal.heeds_time() || within == time, "seed {seed}: {within}, but {time}");
            }
        }
    }
}

#[test]
fn a_walk_from_a_plan_never_ends_at_a_worse_one_and_mostly_at_the_best() {
    let (mut stuck, mut led) = (0, 0);
    for seed in 0..30 {
        let mut rng = Rng(seed + 10_000_000);
        let instance = Instance::random(&mut rng, Graph::Dag, 6, 5);
        let instance = if seed % 2 == 0 { instance } else { instance.with_quotas(&mut rng) };
        let (problem, all) = (instance.problem(), instance.all());
        let active: Vec<Vec<u32>> =
            problem.tasks.iter().map(|states| (0..u32::try_from(states.len()).unwrap()).collect()).collect();
        for goal in goals(&mut rng, &all) {
            let Some(best) = brute_force(&all, &goal).map(|best| best.0) else { continue };
            let value = |choice: &[u32]| {
                let (cost, time) = problem.evaluate(choice);
                goal.allows(cost, time).then(|| goal.value(cost, time))
            };
            let (start, _) = descent::descend(&problem, &goal, vec![0; 6], &active, 0.0);
            let Some(before) = value(&start) else { continue };
            let walk = |start: Vec<u32>| wander(&problem, &goal, start, &active, 1e4, 20_000);
            let (end, seen) = walk(start.clone());
            let after = value(&end).unwrap();
            assert!(
                after <= before && after >= best - best.abs() * 1e-9,
                "seed {seed}: {before} {after} {best}"
            );
            assert_eq!(walk(start), (end, seen), "seed {seed}: the same walk again");
            if before > best * 1.000_001 {
                stuck += 1;
                led += usize::from(after <= best * 1.000_001);
            }
        }
    }
    assert!(stuck > 20 && led * 10 > stuck * 9, "{led} of {stuck} plans that no single task makes better");
}
