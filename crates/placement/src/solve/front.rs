//! The Pareto front of (cost, makespan) on chains, out-trees and in-trees: dynamic programming over
//! Pareto sets.
//!
//! Take an out-tree (an in-tree is the same with every edge turned round). From the leaves up, each
//! state of a task carries the Pareto set of (cost, time) of its whole subtree, counted from the
//! task's own start: subtrees that run side by side add their costs and take the longer time; a step
//! over an edge is a union of shifted sets, one for each class of destinations. Dominated labels can
//! never be part of a better plan, so dropping them loses nothing. At the roots the sets of separate
//! trees combine like subtrees do, and what is left is the front.
//!
//! The number of labels is bounded by a limit; beyond it the caller falls back to the search.

use super::Limits;
use super::problem::{Assignment, Problem};

/// A plan of the front.
pub(super) struct Optimal {
    /// Nano-dollars.
    pub(super) cost: i64,
    /// Makespan in milliseconds.
    pub(super) time: i64,
    /// Chosen state of each task.
    pub(super) states: Assignment,
}

/// Where a label comes from, as an index into the arena.
type TraceId = u32;

#[derive(Debug, Clone, Copy)]
enum Trace {
    /// Nothing below.
    Leaf,
    /// A state of a task, with what runs below it.
    State { task: u32, state: u32, below: TraceId },
    /// Two subtrees side by side.
    Both(TraceId, TraceId),
}

#[derive(Debug, Clone, Copy)]
struct Label {
    cost: i64,
    time: i64,
    trace: TraceId,
}

/// The whole front by rising cost; `None` when the graph has another shape or the sets grow too large.
pub(super) fn front(problem: &Problem, limits: &Limits) -> Option<Vec<Optimal>> {
    let shape = problem.shape();
    let direction = if shape.out_forest {
        Direction::Down
    } else if shape.in_forest {
        Direction::Up
    } else {
        return None;
    };
    let mut arena = Arena { traces: vec![Trace::Leaf], limit: limits.labels };
    let mut sets: Vec<Vec<Vec<Label>>> = vec![Vec::new(); problem.tasks.len()];
    let mut roots = vec![Label { cost: 0, time: 0, trace: 0 }];
    let order: Vec<usize> = match direction {
        Direction::Down => problem.order.iter().rev().copied().collect(),
        Direction::Up => problem.order.clone(),
    };
    for task in order {
        let below = match direction {
            Direction::Down => &problem.outgoing[task],
            Direction::Up => &problem.incoming[task],
        };
        let mut by_place = vec![vec![Label { cost: 0, time: 0, trace: 0 }]; problem.classes.len()];
        for &edge in below {
            let child = match direction {
                Direction::Down => problem.edges[edge].to,
                Direction::Up => problem.edges[edge].from,
            };
            let reached = over_edge(problem, edge, direction, &sets[child]);
            sets[child] = Vec::new();
            for (place, labels) in reached.into_iter().enumerate() {
                by_place[place] = side_by_side(&by_place[place], &labels, &mut arena)?;
            }
        }
        let states = problem.tasks[task].iter().enumerate();
        let mut own = Vec::with_capacity(problem.tasks[task].len());
        for (index, state) in states {
            let mut labels = Vec::with_capacity(by_place[usize::from(state.place)].len());
            for label in &by_place[usize::from(state.place)] {
                let trace = Trace::State {
                    task: u32::try_from(task).ok()?,
                    state: u32::try_from(index).ok()?,
                    below: label.trace,
                };
                labels.push(Label {
                    cost: label.cost + state.cost,
                    time: label.time + state.time,
                    trace: arena.push(trace)?,
                });
            }
            own.push(labels);
        }
        let is_root = match direction {
            Direction::Down => problem.incoming[task].is_empty(),
            Direction::Up => problem.outgoing[task].is_empty(),
        };
        if is_root {
            let best = pareto(own.into_iter().flatten().collect());
            roots = side_by_side(&roots, &best, &mut arena)?;
        } else {
            // By place, so that a step over the edge sees each place once.
            let mut merged: Vec<Vec<Label>> = vec![Vec::new(); problem.classes.len()];
            for (state, labels) in problem.tasks[task].iter().zip(own) {
                merged[usize::from(state.place)].extend(labels);
            }
            sets[task] = merged.into_iter().map(pareto).collect();
        }
    }
    Some(roots.iter().map(|label| arena.unfold(problem.tasks.len(), label)).collect())
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    /// Out-tree: a task's subtree is what it feeds.
    Down,
    /// In-tree: a task's subtree is what feeds it.
    Up,
}

struct Arena {
    traces: Vec<Trace>,
    limit: usize,
}

impl Arena {
    fn push(&mut self, trace: Trace) -> Option<TraceId> {
        if self.traces.len() >= self.limit {
            return None;
        }
        let id = u32::try_from(self.traces.len()).ok()?;
        self.traces.push(trace);
        Some(id)
    }

    fn unfold(&self, tasks: usize, label: &Label) -> Optimal {
        let mut states = vec![0; tasks];
        let mut stack = vec![label.trace];
        while let Some(id) = stack.pop() {
            match self.traces[id as usize] {
                Trace::Leaf => {}
                Trace::State { task, state, below } => {
                    states[task as usize] = state;
                    stack.push(below);
                }
                Trace::Both(a, b) => stack.extend([a, b]),
            }
        }
        Optimal { cost: label.cost, time: label.time, states }
    }
}

/// Labels that no other equals or beats in both cost and time, by rising cost and falling time.
fn pareto(mut labels: Vec<Label>) -> Vec<Label> {
    labels.sort_unstable_by_key(|label| (label.cost, label.time, label.trace));
    let mut fastest = i64::MAX;
    labels.retain(|label| {
        let keep = label.time < fastest;
        fastest = fastest.min(label.time);
        keep
    });
    labels
}

/// Pareto set of two subtrees that run at the same time: costs add, the longer time counts.
fn side_by_side(a: &[Label], b: &[Label], arena: &mut Arena) -> Option<Vec<Label>> {
    if let ([only], _) | (_, [only]) = (a, b)
        && only.trace == 0
    {
        return Some(if a.len() == 1 && a[0].trace == 0 { b.to_vec() } else { a.to_vec() });
    }
    // For every time that can bound both, the cheapest of each side within it.
    let mut times: Vec<i64> = a.iter().chain(b).map(|label| label.time).collect();
    times.sort_unstable();
    times.dedup();
    let mut joined = Vec::new();
    for time in times.into_iter().rev() {
        // Sets are by falling time, so the cheapest within a time is the first that keeps it.
        let within = |set: &[Label]| set.iter().find(|label| label.time <= time).copied();
        let (Some(x), Some(y)) = (within(a), within(b)) else { break };
        let label = Label { cost: x.cost + y.cost, time: x.time.max(y.time), trace: 0 };
        let is_new = joined.last().is_none_or(|last: &Label| last.time > label.time);
        if is_new {
            joined.push(Label { trace: arena.push(Trace::Both(x.trace, y.trace))?, ..label });
        }
    }
    Some(pareto(joined))
}

/// For every place of the near end of `edge`, the Pareto set of what lies beyond it.
fn over_edge(problem: &Problem, edge: usize, direction: Direction, sets: &[Vec<Label>]) -> Vec<Vec<Label>> {
    let prices = &problem.edges[edge].moves;
    let classes = problem.class_count;
    let shifted = |labels: &[Label], cost: i64, time: i64| -> Vec<Label> {
        labels
            .iter()
            .map(|label| Label { cost: label.cost + cost, time: label.time + time, trace: label.trace })
            .collect()
    };
    let near_places = near_places(problem, edge, direction);
    let mut by_class: Vec<Vec<Label>> = vec![Vec::new(); classes];
    match direction {
        Direction::Down => {
            for (place, labels) in sets.iter().enumerate() {
                by_class[usize::from(problem.classes[place])].extend(labels);
            }
        }
        Direction::Up => {
            for (place, labels) in sets.iter().enumerate().filter(|(_, labels)| !labels.is_empty()) {
                for (class, union) in by_class.iter_mut().enumerate() {
                    let at = place * classes + class;
                    union.extend(shifted(labels, prices.cost[at], prices.time[at]));
                }
            }
        }
    }
    let by_class: Vec<Vec<Label>> = by_class.into_iter().map(pareto).collect();
    let beyond = (0..problem.classes.len()).map(|place| {
        if !near_places[place] {
            return Vec::new();
        }
        let mut union = shifted(&sets[place], prices.stay_cost[place], prices.stay_time[place]);
        match direction {
            Direction::Down => {
                for (class, labels) in by_class.iter().enumerate() {
                    let at = place * classes + class;
                    union.extend(shifted(labels, prices.cost[at], prices.time[at]));
                }
            }
            Direction::Up => union.extend(&by_class[usize::from(problem.classes[place])]),
        }
        pareto(union)
    });
    beyond.collect()
}

/// Which places the near end of `edge` can be at.
fn near_places(problem: &Problem, edge: usize, direction: Direction) -> Vec<bool> {
    let near = match direction {
        Direction::Down => problem.edges[edge].from,
        Direction::Up => problem.edges[edge].to,
    };
    let mut places = vec![false; problem.classes.len()];
    for state in &problem.tasks[near] {
        places[usize::from(state.place)] = true;
    }
    places
}
