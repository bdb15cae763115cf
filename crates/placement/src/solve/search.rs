//! Branch and bound for the cases dynamic programming does not cover.
//!
//! At each node: drop states that cannot keep the deadline ([`super::schedule`]), raise the dual bound
//! by a few sweeps, drop states whose own bound is no better than the best known plan, read a plan off
//! the messages and improve it one task at a time, then branch on the task with the fewest states left,
//! most promising state first. The search is exact when it ends; cut short by its node limit it returns
//! the best plan with the least bound of what was left open.

use super::dual::Dual;
use super::problem::{Assignment, Problem};
use super::schedule::Schedule;
use super::{Goal, Solution, Unsolved};

/// Bounds on the work of a solve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Nodes of the search. Ordinary jobs need under a hundred; this many take some ten seconds.
    pub(crate) nodes: usize,
    /// Labels of the front: 16 bytes each in the arena, so some 64 MB.
    pub(crate) labels: usize,
    /// Points of a front found by search: each costs two solves.
    pub(crate) front_points: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: 20_000, labels: 4_000_000, front_points: 64 }
    }
}

/// Rounds of ascent at the root; the bound gains little after them.
const ROOT_ROUNDS: usize = 40;
/// Rounds at the root when no limit or weight involves time: the flow need not move.
const ROOT_ROUNDS_SUM: usize = 12;
/// Sweeps at an inner node, which starts from its parent's messages.
const NODE_SWEEPS: usize = 2;
/// Passes of one-task-at-a-time improvement.
const DESCENTS: usize = 4;

/// Proof status of an assignment found by dynamic programming over pairwise costs, which are a lower bound.
pub(super) fn certify(problem: &Problem<'_>, goal: &Goal, states: Assignment) -> Solution {
    let (cost, time) = problem.evaluate(&states);
    let bound = goal.value(problem.pairwise_cost(&states), 0);
    let value = goal.value(cost, time);
    Solution { exact: value <= bound + goal.resolution(value), states, cost, time, bound: bound.min(value) }
}

/// The best assignment for `goal`; `known` is one already found.
pub(super) fn search(
    problem: &Problem<'_>,
    goal: &Goal,
    limits: &Limits,
    known: Option<Solution>,
) -> Result<Solution, Unsolved> {
    let mut active: Vec<Vec<u32>> =
        (0..problem.tasks.len()).map(|task| undominated(problem, goal, task)).collect();
    let start = spread(&active);
    let path = problem.critical_path(&start);
    let mut search = Search {
        problem,
        goal,
        limits,
        dual: Dual::new(problem, goal, &path),
        best: None,
        nodes: 0,
        open: f64::INFINITY,
    };
    if let Some(known) = known {
        search.offer(&known.states);
    }
    search.offer_single_places(&active);
    let root = if search.keep_deadline(&mut active) { search.ascend(&mut active) } else { f64::INFINITY };
    if search.can_improve(root) && active.iter().all(|states| !states.is_empty()) {
        search.branch(active, root);
    }
    let cut_short = search.open < f64::INFINITY;
    match search.best {
        Some(best) => {
            let bound = search.open.min(best.value);
            let exact = !cut_short || bound > best.value - goal.resolution(best.value);
            Ok(Solution { states: best.states, cost: best.cost, time: best.time, bound, exact })
        }
        None if cut_short => Err(Unsolved::NotFound),
        None => Err(Unsolved::Infeasible),
    }
}

struct Best {
    value: f64,
    cost: i64,
    time: i64,
    states: Assignment,
}

struct Search<'s, 'p, 'a> {
    problem: &'p Problem<'a>,
    goal: &'s Goal,
    limits: &'s Limits,
    dual: Dual<'p, 'a>,
    best: Option<Best>,
    nodes: usize,
    /// Least bound of what the node limit left unexplored.
    open: f64,
}

/// States of a task that no other state at the same place equals or beats in all the goal heeds.
fn undominated(problem: &Problem<'_>, goal: &Goal, task: usize) -> Vec<u32> {
    let states = &problem.tasks[task];
    let mut order: Vec<usize> = (0..states.len()).collect();
    order.sort_by_key(|index| (states[*index].place, states[*index].cost, states[*index].time, *index));
    let mut kept: Vec<u32> = Vec::new();
    let mut last: Option<(u16, i64)> = None;
    for index in order {
        let state = &states[index];
        let dominated = last
            .is_some_and(|(place, time)| place == state.place && (!goal.heeds_time() || time <= state.time));
        if !dominated {
            last = Some((state.place, state.time));
            kept.push(u32::try_from(index).unwrap_or(u32::MAX));
        }
    }
    kept.sort_unstable();
    kept
}

fn spread(active: &[Vec<u32>]) -> Assignment {
    active.iter().map(|states| states.first().copied().unwrap_or(0)).collect()
}

impl Search<'_, '_, '_> {
    /// Whether a plan with this bound can still be better than the best known one.
    fn can_improve(&self, bound: f64) -> bool {
        self.best.as_ref().is_none_or(|best| bound <= best.value - self.goal.resolution(best.value))
    }

    /// Takes a plan as the best if it keeps the limits and is better.
    fn offer(&mut self, states: &[u32]) {
        let (cost, time) = self.problem.evaluate(states);
        let value = self.goal.value(cost, time);
        let better = self.best.as_ref().is_none_or(|best| value < best.value);
        if better && self.goal.allows(cost, time) {
            self.best = Some(Best { value, cost, time, states: states.to_vec() });
        }
    }

    /// Plans that put every task that can be there at one place, the others where they are cheapest,
    /// and the same with the fastest state.
    fn offer_single_places(&mut self, active: &[Vec<u32>]) {
        for place in 0..self.problem.classes.len() {
            for by_time in [false, true] {
                let pick = |task: usize| {
                    let states = active[task].iter().copied();
                    states.min_by_key(|index| {
                        let state = &self.problem.tasks[task][*index as usize];
                        let key = if by_time { (state.time, state.cost) } else { (state.cost, state.time) };
                        (usize::from(state.place) != place, key)
                    })
                };
                let choice: Option<Assignment> = (0..active.len()).map(pick).collect();
                if let Some(choice) = choice {
                    self.offer(&choice);
                }
            }
        }
    }

    /// Drops states that cannot keep the deadline; false when a task has none left.
    fn keep_deadline(&self, active: &mut [Vec<u32>]) -> bool {
        let Some(deadline) = self.goal.max_time else { return true };
        let schedule = Schedule::new(self.problem, active);
        for (task, states) in active.iter_mut().enumerate() {
            let mut position = 0;
            states.retain(|_| {
                position += 1;
                schedule.through(task, position - 1) <= deadline
            });
        }
        active.iter().all(|states| !states.is_empty())
    }

    /// Raises the bound at the root; returns it.
    fn ascend(&mut self, active: &mut [Vec<u32>]) -> f64 {
        let rounds = if self.goal.heeds_time() { ROOT_ROUNDS } else { ROOT_ROUNDS_SUM };
        let mut highest = f64::NEG_INFINITY;
        for round in 0..rounds {
            let bound = self.tighten(active, 2);
            highest = highest.max(bound);
            if !self.can_improve(highest) || active.iter().any(Vec::is_empty) {
                return highest;
            }
            let choice = self.read_off(active);
            if round % 4 == 0 {
                self.descend(choice.clone(), active);
            }
            if self.goal.heeds_time() {
                self.shift(&choice, bound, 2.0 / (f64::from(u32::try_from(round).unwrap_or(0)) + 3.0));
            }
        }
        highest
    }

    /// Moves the multipliers by the violation of a minimiser of the relaxed sum.
    fn shift(&mut self, choice: &[u32], bound: f64, share: f64) {
        let slack =
            self.best.as_ref().map_or_else(|| bound.abs().max(1.0), |best| (best.value - bound).max(0.0));
        let path = self.problem.critical_path(choice);
        let (cost, time) = (self.problem.pairwise_cost(choice), self.problem.makespan(choice));
        self.dual.ascend(&path, cost, time, share, slack);
    }

    /// One bound over the active states, dropping those that cannot be part of a better plan.
    fn tighten(&mut self, active: &mut [Vec<u32>], sweeps: usize) -> f64 {
        let bound = self.dual.sweep(active, sweeps);
        let mut value = bound.value;
        if self.goal.time_weight > 0.0 && self.goal.cost_weight == 0.0 {
            value = value.max(self.goal.value(0, Schedule::new(self.problem, active).makespan_bound()));
        }
        if let Some(best) = &self.best {
            let most = best.value - self.goal.resolution(best.value);
            for (states, excess) in active.iter_mut().zip(&bound.excess) {
                let mut excess = excess.iter();
                states.retain(|_| excess.next().is_none_or(|excess| bound.value + excess <= most));
            }
        }
        value
    }

    /// Reads a plan off the relaxed sum: in topological order the state that adds least, given what is
    /// already chosen.
    fn read_off(&mut self, active: &[Vec<u32>]) -> Assignment {
        let choice = self.dual.minimiser(active);
        self.offer(&choice);
        choice
    }

    /// Improves a plan one task at a time, violations of the limits first.
    fn descend(&mut self, mut choice: Assignment, active: &[Vec<u32>]) {
        let rank = |cost: i64, time: i64| {
            let over = |limit: Option<i64>, value: i64| limit.map_or(0, |most| (value - most).max(0));
            (over(self.goal.max_time, time), over(self.goal.max_cost, cost), self.goal.value(cost, time))
        };
        let less = |a: (i64, i64, f64), b: (i64, i64, f64)| {
            (a.0, a.1) < (b.0, b.1) || ((a.0, a.1) == (b.0, b.1) && a.2 < b.2)
        };
        let (cost, time) = self.problem.evaluate(&choice);
        let mut current = rank(cost, time);
        for _ in 0..DESCENTS {
            let mut moved = false;
            for (task, states) in active.iter().enumerate() {
                let mut kept = choice[task];
                for &state in states {
                    choice[task] = state;
                    let (cost, time) = self.problem.evaluate(&choice);
                    let candidate = rank(cost, time);
                    if less(candidate, current) {
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
        self.offer(&choice);
    }

    /// Explores all plans over the active states.
    fn branch(&mut self, mut active: Vec<Vec<u32>>, inherited: f64) {
        if self.nodes >= self.limits.nodes {
            self.open = self.open.min(inherited);
            return;
        }
        self.nodes += 1;
        if !self.keep_deadline(&mut active) {
            return;
        }
        let mut bound = inherited.max(self.tighten(&mut active, NODE_SWEEPS));
        if !self.can_improve(bound) || active.iter().any(Vec::is_empty) {
            return;
        }
        let choice = self.read_off(&active);
        if active.iter().all(|states| states.len() == 1) {
            return;
        }
        if self.goal.heeds_time() {
            self.shift(&choice, bound, 0.15);
            bound = bound.max(self.tighten(&mut active, 1));
        }
        if self.nodes.is_power_of_two() {
            self.descend(choice, &active);
        }
        if !self.can_improve(bound) || active.iter().any(Vec::is_empty) {
            return;
        }
        let order = self.dual.sweep(&active, 0).excess;
        let open_tasks = (0..active.len()).filter(|task| active[*task].len() > 1);
        let Some(task) = open_tasks.min_by_key(|task| {
            let degree = self.problem.incoming[*task].len() + self.problem.outgoing[*task].len();
            (active[*task].len(), usize::MAX - degree)
        }) else {
            // Every task has one state left: the only plan over them was offered above or is offered now.
            self.offer(&spread(&active));
            return;
        };
        let mut states: Vec<(f64, u32)> =
            order[task].iter().copied().zip(active[task].iter().copied()).collect();
        states.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (excess, state) in states {
            if self.can_improve(bound) {
                let mut child = active.clone();
                child[task] = vec![state];
                // The excess belongs to the sweep's own bound, which may be below the inherited one.
                let _ = excess;
                self.branch(child, bound);
            }
        }
    }
}
