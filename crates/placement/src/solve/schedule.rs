//! Bounds on start and finish times over sets of states.
//!
//! `head(v, s)`: earliest finish of task `v` in state `s` whatever the others choose among their
//! active states; `tail(v, s)`: least time from that finish to the end of the job. A state with
//! head + tail beyond the deadline can be dropped, and the largest over tasks of the least sum is a
//! lower bound on the makespan.

use super::problem::Problem;

/// Later than anything, safe to add to.
const NEVER: i64 = i64::MAX / 4;

/// Heads and tails of all active states.
pub(super) struct Schedule {
    head: Vec<Vec<i64>>,
    tail: Vec<Vec<i64>>,
}

impl Schedule {
    /// Computes both for the active states of each task.
    pub(super) fn new(problem: &Problem, active: &[Vec<u32>]) -> Self {
        let count = problem.tasks.len();
        let mut head: Vec<Vec<i64>> = vec![Vec::new(); count];
        let mut tail: Vec<Vec<i64>> = vec![Vec::new(); count];
        for &task in &problem.order {
            let mut ready = vec![0_i64; problem.classes.len()];
            for &edge in &problem.incoming[task] {
                let from = problem.edges[edge].from;
                let arrival = arrivals(problem, edge, &active[from], &head[from]);
                raise(&mut ready, &arrival);
            }
            let states = active[task].iter().map(|index| &problem.tasks[task][*index as usize]);
            head[task] = states.map(|state| ready[usize::from(state.place)] + state.time).collect();
        }
        for &task in problem.order.iter().rev() {
            let mut rest = vec![0_i64; problem.classes.len()];
            for &edge in &problem.outgoing[task] {
                let to = problem.edges[edge].to;
                let remaining = remainders(problem, edge, &active[to], &tail[to]);
                raise(&mut rest, &remaining);
            }
            let states = active[task].iter().map(|index| &problem.tasks[task][*index as usize]);
            tail[task] = states.map(|state| rest[usize::from(state.place)]).collect();
        }
        Self { head, tail }
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

fn raise(sums: &mut [i64], values: &[i64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = (*sum).max(*value);
    }
}

/// Earliest arrival over `edge` at every place.
fn arrivals(problem: &Problem, edge: usize, active: &[u32], head: &[i64]) -> Vec<i64> {
    let prices = &problem.edges[edge];
    let classes = problem.class_count;
    let mut by_class = vec![NEVER; classes];
    let mut stay = vec![NEVER; problem.classes.len()];
    for (index, head) in active.iter().zip(head) {
        let place = usize::from(problem.tasks[prices.from][*index as usize].place);
        stay[place] = stay[place].min(head + prices.stay_time[place]);
        for (best, time) in by_class.iter_mut().zip(&prices.time[place * classes..(place + 1) * classes]) {
            *best = (*best).min(head + time);
        }
    }
    stay.iter()
        .zip(&problem.classes)
        .map(|(stay, class)| (*stay).min(by_class[usize::from(*class)]))
        .collect()
}

/// Least time from the end of the producer to the end of the job over `edge`, by the producer's place.
fn remainders(problem: &Problem, edge: usize, active: &[u32], tail: &[i64]) -> Vec<i64> {
    let prices = &problem.edges[edge];
    let classes = problem.class_count;
    let mut by_class = vec![NEVER; classes];
    let mut by_place = vec![NEVER; problem.classes.len()];
    for (index, tail) in active.iter().zip(tail) {
        let state = &problem.tasks[prices.to][*index as usize];
        let rest = state.time + tail;
        let place = usize::from(state.place);
        by_place[place] = by_place[place].min(rest);
        let class = usize::from(problem.classes[place]);
        by_class[class] = by_class[class].min(rest);
    }
    let places = by_place.iter().enumerate();
    places
        .map(|(place, rest)| {
            let stay = rest + prices.stay_time[place];
            let row = &prices.time[place * classes..(place + 1) * classes];
            by_class.iter().zip(row).map(|(rest, time)| rest + time).fold(stay, i64::min)
        })
        .collect()
}
