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

/// Of plans that cost the same, a faster one: moves all tasks that can to one place, then each by itself, to states of
/// their own price, where the plan is no dearer and ends earlier, until nothing does. Goals that count money alone leave
/// that open, and their solvers take what comes.
pub(super) fn quicken(problem: &Problem, goal: &Goal, choice: Assignment) -> Assignment {
    let mut alike: Vec<Vec<u32>> = Vec::with_capacity(choice.len());
    for (states, chosen) in problem.tasks.iter().zip(&choice) {
        let price = states[*chosen as usize].cost;
        let of_price = (0_u32..).zip(states).filter(|(_, state)| state.cost == price);
        alike.push(of_price.map(|(index, _)| index).collect());
    }
    let mut best = Quicker {
        now: problem.evaluate(&choice),
        choice,
        tries: QUICKENING / (problem.tasks.len() + problem.edges.len()).max(1),
    };
    for place in 0..problem.classes.len() {
        let there = |(task, alike): (usize, &Vec<u32>)| {
            let states = &problem.tasks[task];
            let mut there = alike.iter().filter(|index| usize::from(states[**index as usize].place) == place);
            there.next().copied().unwrap_or(best.choice[task])
        };
        let other: Assignment = alike.iter().enumerate().map(there).collect();
        best.offer(problem, goal, other);
    }
    loop {
        let before = best.now;
        for (task, alike) in alike.iter().enumerate() {
            for index in alike.iter().take(best.tries) {
                let mut other = best.choice.clone();
                other[task] = *index;
                best.offer(problem, goal, other);
            }
        }
        if best.now == before || best.tries == 0 {
            return best.choice;
        }
    }
}

/// A plan, and how many others may be looked at.
struct Quicker {
    now: (i64, i64),
    choice: Assignment,
    tries: usize,
}

impl Quicker {
    fn offer(&mut self, problem: &Problem, goal: &Goal, other: Assignment) {
        if self.tries == 0 || other == self.choice {
            return;
        }
        self.tries -= 1;
        let (cost, time) = problem.evaluate(&other);
        if cost <= self.now.0 && time < self.now.1 && goal.allows(cost, time) {
            (self.now, self.choice) = ((cost, time), other);
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
