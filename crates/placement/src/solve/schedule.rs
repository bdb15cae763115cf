//! Bounds on start and finish times over sets of states.
//!
//! `head(v, s)`: earliest finish of task `v` in state `s` whatever the others choose among their
//! active states; `tail(v, s)`: least time from that finish to the end of the job. A state with
//! head + tail beyond the deadline can be dropped, and the largest over tasks of the least sum is a
//! lower bound on the makespan.

use super::Goal;
use super::problem::{EdgePrices, Problem};

/// Later than anything, safe to add to.
const NEVER: i64 = i64::MAX / 4;

/// Heads and tails of all active states.
pub(super) struct Schedule {
    head: Vec<Vec<i64>>,
    tail: Vec<Vec<i64>>,
    /// Entries of tables that were gone through.
    pub(super) cells: usize,
}

impl Schedule {
    /// Computes both for the active states of each task.
    pub(super) fn new(problem: &Problem, active: &[Vec<u32>]) -> Self {
        let count = problem.tasks.len();
        let mut cells = 0;
        let mut head: Vec<Vec<i64>> = vec![Vec::new(); count];
        let mut tail: Vec<Vec<i64>> = vec![Vec::new(); count];
        for &task in &problem.order {
            let mut ready = vec![0_i64; problem.classes.len()];
            for &edge in &problem.incoming[task] {
                let from = problem.edges[edge].from;
                let arrival = arrivals(problem, edge, &active[from], &head[from], &mut cells);
                raise(&mut ready, &arrival);
            }
            let states = active[task].iter().map(|index| &problem.tasks[task][*index as usize]);
            head[task] = states.map(|state| ready[usize::from(state.place)] + state.time).collect();
        }
        for &task in problem.order.iter().rev() {
            let mut rest = vec![0_i64; problem.classes.len()];
            for &edge in &problem.outgoing[task] {
                let to = problem.edges[edge].to;
                let remaining = remainders(problem, edge, &active[task], &active[to], &tail[to], &mut cells);
                raise(&mut rest, &remaining);
            }
            let states = active[task].iter().map(|index| &problem.tasks[task][*index as usize]);
            tail[task] = states.map(|state| rest[usize::from(state.place)]).collect();
        }
        Self { head, tail, cells }
    }

    /// Least makespan through the `position`-th active state of `task`.
    pub(super) fn through(&self, task: usize, position: usize) -> i64 {
        self.head[task][position].saturating_add(self.tail[task][position])
    }

    /// Lower bound on the makespan.
    pub(super) fn makespan_bound(&self) -> i64 {
        let tasks = 0..self.head.len();
        let least = tasks
            .map(|task| (0..self.head[task].len()).map(|at| self.through(task, at)).min().unwrap_or(NEVER));
        least.max().unwrap_or(0)
    }
}

/// The states that can keep the deadline; none when a task has none left.
pub(super) fn within_deadline(
    problem: &Problem,
    goal: &Goal,
    mut active: Vec<Vec<u32>>,
    cells: &mut usize,
) -> Option<Vec<Vec<u32>>> {
    let Some(deadline) = goal.max_time else { return Some(active) };
    let schedule = Schedule::new(problem, &active);
    *cells += schedule.cells;
    for (task, states) in active.iter_mut().enumerate() {
        let mut position = 0;
        states.retain(|_| {
            position += 1;
            schedule.through(task, position - 1) <= deadline
        });
    }
    active.iter().all(|states| !states.is_empty()).then_some(active)
}

fn raise(sums: &mut [i64], values: &[i64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = (*sum).max(*value);
    }
}

/// Earliest arrival over `edge` at every place.
fn arrivals(problem: &Problem, edge: usize, active: &[u32], head: &[i64], cells: &mut usize) -> Vec<i64> {
    let EdgePrices { from, moves, .. } = &problem.edges[edge];
    let classes = problem.class_count;
    let mut by_class = vec![NEVER; classes];
    let mut stay = vec![NEVER; problem.classes.len()];
    for (index, head) in active.iter().zip(head) {
        let place = usize::from(problem.tasks[*from][*index as usize].place);
        stay[place] = stay[place].min(*head);
    }
    for (place, head) in stay.iter_mut().enumerate().filter(|(_, head)| **head < NEVER) {
        for (best, time) in by_class.iter_mut().zip(&moves.time[place * classes..(place + 1) * classes]) {
            *best = (*best).min(*head + time);
        }
        *head += moves.stay_time[place];
        *cells += classes;
    }
    *cells += active.len() + stay.len();
    stay.iter()
        .zip(&problem.classes)
        .map(|(stay, class)| (*stay).min(by_class[usize::from(*class)]))
        .collect()
}

/// Least time from the end of the producer to the end of the job over `edge`, by those places that the producer can
/// be at.
fn remainders(
    problem: &Problem,
    edge: usize,
    from: &[u32],
    to: &[u32],
    tail: &[i64],
    cells: &mut usize,
) -> Vec<i64> {
    let ends = &problem.edges[edge];
    let classes = problem.class_count;
    let mut by_class = vec![NEVER; classes];
    let mut by_place = vec![NEVER; problem.classes.len()];
    for (index, tail) in to.iter().zip(tail) {
        let state = &problem.tasks[ends.to][*index as usize];
        let rest = state.time + tail;
        let place = usize::from(state.place);
        by_place[place] = by_place[place].min(rest);
        let class = usize::from(problem.classes[place]);
        by_class[class] = by_class[class].min(rest);
    }
    let mut rests = vec![0; problem.classes.len()];
    let mut last = usize::MAX;
    for state in from {
        let place = usize::from(problem.tasks[ends.from][*state as usize].place);
        if std::mem::replace(&mut last, place) != place {
            let stay = by_place[place] + ends.moves.stay_time[place];
            let row = &ends.moves.time[place * classes..(place + 1) * classes];
            rests[place] = by_class.iter().zip(row).map(|(rest, time)| rest + time).fold(stay, i64::min);
            *cells += classes;
        }
    }
    *cells += from.len() + to.len() + 2 * rests.len();
    rests
}
