//! Improving a plan one task at a time.

use super::Goal;
use super::problem::{Assignment, Problem};

/// Passes over all tasks; later ones find next to nothing.
const PASSES: usize = 4;

/// Moves each task to its best active state with all others kept, until nothing improves. Violations
/// of the goal's limits count before its value.
pub(super) fn descend(problem: &Problem, goal: &Goal, choice: Assignment, active: &[Vec<u32>]) -> Assignment {
    if goal.heeds_time() {
        descend_by_value(problem, goal, choice, active)
    } else {
        descend_by_cost(problem, choice, active)
    }
}

/// Steps of [`quicken`], a task or an edge of a plan evaluated each: some milliseconds.
const QUICKENING: usize = 500_000;

/// Of plans that cost the same, a faster one: moves each task to states of its own price where the plan is no dearer and
/// ends earlier, until nothing does. Goals that count money alone leave that open, and their solvers take what comes.
pub(super) fn quicken(problem: &Problem, goal: &Goal, mut choice: Assignment) -> Assignment {
    let mut tries = QUICKENING / (problem.tasks.len() + problem.edges.len()).max(1);
    let mut now = problem.evaluate(&choice);
    loop {
        let before = now;
        for (task, states) in problem.tasks.iter().enumerate() {
            let from = &states[choice[task] as usize];
            let (place, time, price) = (from.place, from.time, from.cost);
            let alike = (0_u32..).zip(states).filter(|(_, state)| state.cost == price);
            for (index, _) in alike.filter(|(_, state)| state.place != place || state.time < time) {
                if tries == 0 {
                    return choice;
                }
                tries -= 1;
                let kept = std::mem::replace(&mut choice[task], index);
                let (cost, time) = problem.evaluate(&choice);
                if cost <= now.0 && time < now.1 && goal.allows(cost, time) {
                    now = (cost, time);
                } else {
                    choice[task] = kept;
                }
            }
        }
        if now == before {
            return choice;
        }
    }
}

/// The work of one descent in updates of an edge by the dual: measured, a move priced by what it
/// touches is a hundredth of one, and a plan evaluated whole a tenth for each edge.
pub(super) fn work(problem: &Problem, goal: &Goal, active: &[Vec<u32>]) -> usize {
    let moves: usize = active.iter().filter(|states| states.len() > 1).map(Vec::len).sum();
    if goal.heeds_time() { 2 * moves * problem.edges.len() / 10 } else { 2 * moves / 100 }
}

/// With only the cost to heed, a move is priced by the edges and meters it touches.
fn descend_by_cost(problem: &Problem, mut choice: Assignment, active: &[Vec<u32>]) -> Assignment {
    let mut volumes =
        problem.meters.as_ref().map_or_else(Vec::new, |meters| problem.volumes(meters, &choice));
    for _ in 0..PASSES {
        let mut moved = false;
        for (task, states) in active.iter().enumerate().filter(|(_, states)| states.len() > 1) {
            let from = choice[task];
            let without = local(problem, &mut choice, task, from, &mut volumes, -1);
            let mut best = (without, from);
            for &state in states.iter().filter(|state| **state != from) {
                let cost = local(problem, &mut choice, task, state, &mut volumes, 1);
                local(problem, &mut choice, task, state, &mut volumes, -1);
                if cost < best.0 {
                    best = (cost, state);
                    moved = true;
                }
            }
            local(problem, &mut choice, task, best.1, &mut volumes, 1);
        }
        if !moved {
            break;
        }
    }
    choice
}

/// Puts `task` into `state`, adds (`sign` 1) or takes back (−1) the volumes of its edges, and returns
/// what the task costs there: itself, its edges, and what its volumes add to their meters.
fn local(
    problem: &Problem,
    choice: &mut [u32],
    task: usize,
    state: u32,
    volumes: &mut [u64],
    sign: i64,
) -> i64 {
    choice[task] = state;
    let mut cost = problem.state(task, choice).cost;
    for &edge in problem.incoming[task].iter().chain(&problem.outgoing[task]) {
        let ends = &problem.edges[edge];
        let (from, to) = (problem.state(ends.from, choice).place, problem.state(ends.to, choice).place);
        cost += problem.edge_between(edge, from, to).0;
        let Some(meters) = problem.meters.as_ref().filter(|_| ends.volume > 0) else { continue };
        let meter = meters.between(from, to, &problem.classes, problem.class_count);
        let before = volumes[meter];
        let after = if sign > 0 { before + ends.volume } else { before - ends.volume };
        volumes[meter] = after;
        let (low, high) = (before.min(after), before.max(after));
        cost += meters.curves[meter].charge(high) - meters.curves[meter].charge(low);
    }
    cost
}

fn descend_by_value(
    problem: &Problem,
    goal: &Goal,
    mut choice: Assignment,
    active: &[Vec<u32>],
) -> Assignment {
    let rank = |choice: &[u32]| {
        let (cost, time) = problem.evaluate(choice);
        let over = |limit: Option<i64>, value: i64| limit.map_or(0, |most| (value - most).max(0));
        ((over(goal.max_time, time), over(goal.max_cost, cost)), goal.value(cost, time))
    };
    let mut current = rank(&choice);
    for _ in 0..PASSES {
        let mut moved = false;
        for (task, states) in active.iter().enumerate().filter(|(_, states)| states.len() > 1) {
            let mut kept = choice[task];
            for &state in states {
                choice[task] = state;
                let candidate = rank(&choice);
                if candidate.0 < current.0 || (candidate.0 == current.0 && candidate.1 < current.1) {
                    current = candidate;
                    kept = state;
                    moved = true;
                }
            }
            choice[task] = kept;
        }
        if !moved {
            break;
        }
    }
    choice
}
