//! Least cost on a forest (chains and trees included): min-sum dynamic programming.
//!
//! Steps: root every tree at its first task in topological order; from the leaves up, each task
//! hands its neighbour towards the root, for every place of that neighbour, the least cost of its
//! whole subtree; from the roots down, each task takes the state that realised it. Exact, in
//! `O(edges · places · classes)`: a step over an edge looks at classes of destinations, not at pairs.

use super::problem::{Assignment, Problem};

/// A cost no plan reaches, safe to add to.
const NEVER: i64 = i64::MAX / 4;

/// The cheapest assignment by the sum of states and edges.
pub(super) fn cheapest(problem: &Problem) -> Assignment {
    let count = problem.tasks.len();
    let (sequence, parent) = rooted(problem);
    // Cost of the subtree below each task, by the task's state.
    let mut below: Vec<Vec<i64>> =
        problem.tasks.iter().map(|states| states.iter().map(|state| state.cost).collect()).collect();
    for &task in sequence.iter().rev() {
        if let Some((up, edge)) = parent[task] {
            let best = best_by_place(problem, edge, task, &below[task]);
            for (state, sum) in problem.tasks[up].iter().zip(below[up].iter_mut()) {
                *sum += best[usize::from(state.place)];
            }
        }
    }
    let mut choice: Assignment = vec![0; count];
    for &task in &sequence {
        let costs = problem.tasks[task].iter().zip(&below[task]).map(|(state, cost)| match parent[task] {
            None => *cost,
            Some((up, edge)) => {
                cost + step(problem, edge, task, state.place, problem.state(up, &choice).place)
            }
        });
        let best = costs.enumerate().min_by_key(|(_, cost)| *cost).map_or(0, |(index, _)| index);
        choice[task] = u32::try_from(best).unwrap_or(0);
    }
    choice
}

/// Tasks so that each comes after its parent, and the parent of each with the edge to it.
pub(super) fn rooted(problem: &Problem) -> (Vec<usize>, Vec<Option<(usize, usize)>>) {
    let count = problem.tasks.len();
    let mut parent = vec![None; count];
    let mut seen = vec![false; count];
    let mut sequence = Vec::with_capacity(count);
    for &root in &problem.order {
        let mut stack = vec![root];
        while let Some(task) = stack.pop() {
            if std::mem::replace(&mut seen[task], true) {
                continue;
            }
            sequence.push(task);
            for &edge in problem.incoming[task].iter().chain(&problem.outgoing[task]) {
                let ends = &problem.edges[edge];
                let other = if ends.from == task { ends.to } else { ends.from };
                if !seen[other] {
                    parent[other] = Some((task, edge));
                    stack.push(other);
                }
            }
        }
    }
    (sequence, parent)
}

/// Cost of `edge` with `task` at `here` and its other end at `there`.
fn step(problem: &Problem, edge: usize, task: usize, here: u16, there: u16) -> i64 {
    let (from, to) = if problem.edges[edge].from == task { (here, there) } else { (there, here) };
    problem.edge_between(edge, from, to).0
}

/// For every place of the other end of `edge`: the least of `cost` of a state of `task` plus the edge.
fn best_by_place(problem: &Problem, edge: usize, task: usize, cost: &[i64]) -> Vec<i64> {
    let prices = &problem.edges[edge].moves;
    let places = problem.classes.len();
    let classes = problem.class_count;
    let mut by_place = vec![NEVER; places];
    for (state, cost) in problem.tasks[task].iter().zip(cost) {
        let best = &mut by_place[usize::from(state.place)];
        *best = (*best).min(*cost);
    }
    let mut by_class = vec![NEVER; classes];
    if problem.edges[edge].from == task {
        for (place, cost) in by_place.iter().enumerate().filter(|(_, cost)| **cost < NEVER) {
            for (class, best) in by_class.iter_mut().enumerate() {
                *best = (*best).min(cost + prices.cost[place * classes + class]);
            }
        }
        let stay = by_place.iter().zip(&prices.stay_cost).map(|(cost, stay)| cost + stay);
        stay.zip(&problem.classes).map(|(stay, class)| stay.min(by_class[usize::from(*class)])).collect()
    } else {
        for (cost, class) in by_place.iter().zip(&problem.classes) {
            let best = &mut by_class[usize::from(*class)];
            *best = (*best).min(*cost);
        }
        let stay = by_place.iter().zip(&prices.stay_cost).map(|(cost, stay)| cost + stay);
        stay.enumerate()
            .map(|(place, stay)| {
                let row = &prices.cost[place * classes..(place + 1) * classes];
                let move_to = by_class.iter().zip(row).map(|(cost, price)| cost + price);
                move_to.fold(stay, i64::min)
            })
            .collect()
    }
}
