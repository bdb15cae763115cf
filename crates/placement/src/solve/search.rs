//! Branch and bound for the cases dynamic programming does not cover.
//!
//! Each part of the search is a set of states for each task and a window of volumes for each meter. For
//! each part: drop states that cannot keep the deadline ([`super::schedule`]), raise the dual bound by a
//! few sweeps, drop states whose own bound is no better than the best known plan, read a plan off the
//! messages and improve it one task at a time ([`super::descent`]), then split: the places of the task with
//! most data by the meter that they count on; else the window of a meter at a tier bound, where that meter's
//! charge is what the bound misses; else the task with the fewest states left. Parts wait in order of their bounds, least
//! first. Before the parts of a problem are explored, and again where a search is cut short, plans of several tasks moved
//! at once are tried ([`super::wander`]). The search is exact when it ends; cut short by its limit of work it returns the
//! best plan with the least bound of what was left open.

mod ascent;
mod split;

use super::descent;
use super::dual::{CELLS_OF_AN_UPDATE, Dual};
use super::part::{Change, Part, Waiting};
use super::problem::{Assignment, Problem};
use super::rows::usual_meters;
use super::schedule::{Schedule, within_deadline};
use super::wander;
use super::{Goal, Solution, Unsolved};
use ascent::{Ascent, PART_PACE};
use std::collections::BinaryHeap;
use std::rc::Rc;

/// Bounds on the work of a solve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Updates of one edge by the search. One takes about five microseconds over five catalogs, so this is
    /// half a second; ordinary jobs need a hundredth of it.
    pub(crate) updates: usize,
    /// Updates after which a search on a forest by money alone ends as well where its plan is [`NEAR`] the best. What is
    /// open then is which movements fill up a free quota, worth some cents: a chain of a hundred tasks is that near
    /// after some 2,500, and not proven best after 100,000. Other graphs are mostly proven soon after.
    pub(crate) near_after: usize,
    /// Labels of the front: 16 bytes each in the arena, so some 64 MB.
    pub(crate) labels: usize,
    /// Points of a front found by search: each costs two solves.
    pub(crate) front_points: usize,
    /// Solves for a front that are cut short, each after all its work: some seconds in all. A point takes two of them,
    /// or more where the second finds a cheaper plan.
    pub(crate) front_cuts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { updates: 100_000, near_after: 100_000, labels: 4_000_000, front_points: 64, front_cuts: 12 }
    }
}

impl Limits {
    /// Some multiple of the usual work, which is come to by doubling it.
    pub(crate) fn of(effort: u32) -> Self {
        let usual = Self::default();
        let updates = usual.updates.saturating_mul(effort.max(1) as usize);
        Self { updates, near_after: updates, ..usual }
    }

    /// The usual work, then twice as much, and so on up to these: never more than twice these together.
    pub(super) fn steps(self) -> impl Iterator<Item = Self> {
        let usual = Self::default().updates;
        let first = if self.updates > usual { usual } else { self.updates };
        let most = self.updates;
        let doubled = std::iter::successors(Some(first), move |last| {
            Some(last.saturating_mul(2)).filter(|next| *next <= most && *next > *last)
        });
        doubled.map(move |updates| Self { updates, ..self })
    }

    /// The same, but content with a plan that is near the best, unless somebody asked for more than the usual work.
    pub(crate) fn content(self) -> Self {
        let usual = Self::default().updates;
        let near_after = if self.updates > usual { self.updates } else { usual / 40 };
        Self { near_after, ..self }
    }
}

/// How near the best a plan is that a search may be content with, as a share of its value.
const NEAR: f64 = 0.001;

/// Rounds of ascent at the root, over all states and those left together; the bound gains little after them.
const ROOT_ROUNDS: u32 = 60;
/// Rounds that each problem of fewer states has at the least.
const LEAST_ROUNDS: u32 = 12;
/// Rounds over all states before the problem is made anew of those left, where they are half as many.
const ROUNDS_BEFORE_SHRINKING: u32 = 4;
/// Entries of tables that are gone through in the time that an edge takes in a descent,
const CELLS_OF_AN_EDGE: usize = 15;
/// and a state when a part is looked at: what waits is copied, its schedule made, and what is dropped moved.
const CELLS_OF_A_STATE: usize = 20;
/// Sweeps of each bound.
const SWEEPS: usize = 2;
/// Share of the work that goes into looking for better plans than the root's, there and once more where a search is cut short,
const WANDERING: usize = 16;
/// and the most of it as a share of what was done before: easy problems are over sooner without.
const WANDERING_SO_FAR: usize = 5;
/// States of a task that are tried then: those that the bound likes best.
const LIKED: usize = 48;

/// The best assignment for `goal`.
///
/// The root is solved over all states, then again over those that survived it, and so on while that
/// shrinks the problem: most of the work is then done on a small one.
pub(super) fn search(
    problem: &Problem,
    goal: &Goal,
    limits: &Limits,
    known: &Known,
) -> Result<Solution, Unsolved> {
    let active: Vec<Vec<u32>> =
        (0..problem.tasks.len()).map(|task| undominated(problem, goal, task)).collect();
    // Before anything else, so that states that are too slow change nothing of what is found: a problem that
    // was made without them has the same plan.
    let Some(active) = within_deadline(problem, goal, active, &mut 0) else {
        return Err(Unsolved::Infeasible);
    };
    let mut search = Search::new(problem, goal, limits, &active);
    search.known = known.bound;
    search.offer_single_places(&active);
    known.plans.iter().for_each(|plan| search.offer(plan));
    search.run(active, 0);
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

/// What is known of a problem before it is searched.
pub(super) struct Known {
    /// No plan has a lower value.
    pub(super) bound: f64,
    /// Plans to begin with.
    pub(super) plans: Vec<Assignment>,
}

impl Known {
    pub(super) const NOTHING: Self = Self { bound: f64::NEG_INFINITY, plans: Vec::new() };
}

struct Best {
    value: f64,
    cost: i64,
    time: i64,
    states: Assignment,
}

struct Search<'s, 'p> {
    problem: &'p Problem,
    goal: &'s Goal,
    limits: &'s Limits,
    dual: Dual<'p>,
    best: Option<Best>,
    nodes: usize,
    /// The latest bound of the dual alone: an ascent goes by it, since it rises long before it passes the floor.
    swept: f64,
    /// Parts to explore, least bound first.
    queue: BinaryHeap<Waiting>,
    /// Parts that have waited so far.
    waited: usize,
    /// Least bound of what the limit of work left unexplored.
    open: f64,
    /// A bound of all plans that was known before.
    known: f64,
    /// By place: the meter that most movements from there count on.
    usual_meters: Vec<u16>,
}

/// States of a task that no other state at the same place equals or beats in all the goal heeds.
fn undominated(problem: &Problem, goal: &Goal, task: usize) -> Vec<u32> {
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

/// The next whole number above, with what rounding may hide.
#[expect(clippy::cast_possible_truncation, reason = "casts of floating point saturate")]
fn at_most(value: f64) -> i64 {
    (value * (1.0 + 1e-12)).ceil() as i64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a plan are far below 2^53")]
fn span(time: i64) -> f64 {
    time.max(1) as f64
}

fn spread(active: &[Vec<u32>]) -> Assignment {
    active.iter().map(|states| states.first().copied().unwrap_or(0)).collect()
}

impl<'s, 'p> Search<'s, 'p> {
    fn new(problem: &'p Problem, goal: &'s Goal, limits: &'s Limits, active: &[Vec<u32>]) -> Self {
        let dual = Dual::new(problem, goal, active);
        Self {
            problem,
            goal,
            limits,
            dual,
            best: None,
            nodes: 0,
            swept: f64::NEG_INFINITY,
            queue: BinaryHeap::new(),
            waited: 0,
            open: f64::INFINITY,
            known: f64::NEG_INFINITY,
            usual_meters: usual_meters(problem),
        }
    }

    /// Solves the root, then everything below it. `pace` rounds were done over more states.
    fn run(&mut self, active: Vec<Vec<u32>>, pace: u32) {
        let Some(active) = self.within_deadline(active) else { return };
        let windows = self.dual.prices.windows().to_vec();
        let multipliers = Rc::new(self.dual.prices.multipliers().clone());
        let mut part = Part { active, windows, multipliers, bound: f64::NEG_INFINITY };
        let rounds = ROOT_ROUNDS.saturating_sub(pace).max(LEAST_ROUNDS);
        let Some(done) = self.ascend(&mut part, Ascent { rounds, pace, root: true }) else { return };
        // By money alone the parts lead to the best plan sooner than walks do.
        let liked = if self.goal.heeds_time() { self.liked(&part.active) } else { Vec::new() };
        if !liked.is_empty() {
            self.wander(&liked);
            if !self.tighten(&mut part, SWEEPS) {
                return;
            }
        }
        if self.shrank(&part, 4, 3) {
            self.run_restricted(&part, pace + done);
        } else {
            part.multipliers = Rc::new(self.dual.prices.multipliers().clone());
            let bound = part.bound;
            self.wait(&Rc::new(part), Change::Nothing, bound, 1);
            self.explore_all();
            if self.open < f64::INFINITY && !liked.is_empty() {
                self.wander(&liked);
            }
        }
    }

    /// Whether a part has fewer than `most / of` of the problem's states.
    fn shrank(&self, part: &Part, of: usize, most: usize) -> bool {
        let left: usize = part.active.iter().map(Vec::len).sum();
        let all: usize = self.problem.tasks.iter().map(Vec::len).sum();
        left * of < all * most
    }

    fn wait(&mut self, parent: &Rc<Part>, change: Change, bound: f64, rounds: u32) {
        self.waited += 1;
        self.queue.push(Waiting { parent: Rc::clone(parent), change, bound, rounds, number: self.waited });
    }

    /// Explores part after part, least bound first: what is left when the limit of work is reached is then
    /// as close to the best plan as can be proven.
    fn explore_all(&mut self) {
        while let Some(waiting) = self.queue.pop() {
            if !self.can_improve(waiting.bound) {
                return;
            }
            if self.is_spent(waiting.bound) {
                self.open = self.open.min(waiting.bound);
                return;
            }
            let rounds = waiting.rounds;
            self.explore(waiting.part(), rounds);
        }
    }

    /// Goes on over the active states alone.
    fn run_restricted(&mut self, part: &Part, pace: u32) {
        let small = self.problem.restricted(&part.active);
        let everything: Vec<Vec<u32>> = part
            .active
            .iter()
            .map(|states| (0..u32::try_from(states.len()).unwrap_or(0)).collect())
            .collect();
        let mut inner = Search::new(&small, self.goal, self.limits, &everything);
        inner.dual.start_from(&self.dual, &part.active);
        // The best known plan need not be among the active states any more; its value still counts.
        inner.dual.prices.forbidding = self.dual.prices.forbidding;
        inner.best = self.best.as_ref().map(|best| Best { states: Vec::new(), ..*best });
        inner.known = self.known;
        inner.run(everything, pace);
        self.open = self.open.min(inner.open.max(part.bound));
        self.nodes += inner.nodes;
        if let Some(best) = inner.best.filter(|best| !best.states.is_empty()) {
            let states = best.states.iter().zip(&part.active).map(|(state, active)| active[*state as usize]);
            self.offer(&states.collect::<Vec<_>>());
        }
    }

    /// Whether the work is done that may be spent on the best plan where no plan is better than this bound.
    fn is_spent(&self, bound: f64) -> bool {
        let near = |best: &Best| best.value - bound <= NEAR * best.value;
        let content =
            self.dual.is_of_forest() && !self.goal.heeds_time() && self.best.as_ref().is_some_and(near);
        self.dual.updates() >= if content { self.limits.near_after } else { self.limits.updates }
    }

    /// Whether a plan with this bound can still be better than the best known one.
    fn can_improve(&self, bound: f64) -> bool {
        self.best.as_ref().is_none_or(|best| bound <= best.value - self.goal.resolution(best.value))
    }

    /// Takes a plan as the best if it keeps the limits and is better.
    fn offer(&mut self, states: &[u32]) {
        let cost = self.problem.cost(states);
        let better = |value: f64| self.best.as_ref().is_none_or(|best| value < best.value);
        // Time makes no plan better, and most are too dear as they are.
        if !better(self.goal.value(cost, 0)) {
            return;
        }
        let time = self.problem.makespan(states);
        let value = self.goal.value(cost, time);
        if better(value) && self.goal.allows(cost, time) {
            self.dual.prices.forbidding = value;
            self.best = Some(Best { value, cost, time, states: states.to_vec() });
        }
    }

    /// Plans that put every task that can be there at one place, the others where they are cheapest,
    /// and the same with the fastest state.
    fn offer_single_places(&mut self, active: &[Vec<u32>]) {
        let places = self.problem.classes.len();
        for by_time in [false, true] {
            let key = |task: usize, index: u32| {
                let state = &self.problem.tasks[task][index as usize];
                if by_time { (state.time, state.cost) } else { (state.cost, state.time) }
            };
            // By task: its best state anywhere, and at each place.
            let best = active.iter().enumerate().map(|(task, states)| {
                let anywhere = states.iter().copied().min_by_key(|index| key(task, *index));
                let mut there: Vec<Option<u32>> = vec![None; places];
                for &index in states {
                    let at = &mut there[usize::from(self.problem.tasks[task][index as usize].place)];
                    if at.is_none_or(|known| key(task, index) < key(task, known)) {
                        *at = Some(index);
                    }
                }
                (anywhere, there)
            });
            let best: Vec<(Option<u32>, Vec<Option<u32>>)> = best.collect();
            for place in 0..places {
                let choice: Option<Assignment> =
                    best.iter().map(|(any, there)| there[place].or(*any)).collect();
                if let Some(choice) = choice {
                    self.offer(&choice);
                }
            }
        }
    }

    fn within_deadline(&mut self, active: Vec<Vec<u32>>) -> Option<Vec<Vec<u32>>> {
        let mut cells = 0;
        let active = within_deadline(self.problem, self.goal, active, &mut cells);
        self.dual.spend(cells);
        active
    }

    /// Whether the relaxation has multipliers to move.
    fn ascends(&self) -> bool {
        self.goal.heeds_time() || self.dual.prices.has_open_meters()
    }

    /// One bound over a part, dropping states that cannot be part of a better plan; false when nothing
    /// in it can be better.
    fn tighten(&mut self, part: &mut Part, sweeps: usize) -> bool {
        let room = self.room(&part.active);
        if !self.dual.prices.narrow(&part.active, &part.windows, room) {
            return false;
        }
        let bound = self.dual.sweep(&part.active, sweeps);
        self.swept = bound.value;
        part.bound = part.bound.max(bound.value).max(self.floor(&part.active)).max(self.known);
        if let Some(best) = &self.best {
            let most = best.value - self.goal.resolution(best.value);
            for (states, excess) in part.active.iter_mut().zip(&bound.excess) {
                let mut excess = excess.iter();
                states.retain(|_| excess.next().is_none_or(|excess| bound.value + excess <= most));
            }
        }
        self.can_improve(part.bound) && part.active.iter().all(|states| !states.is_empty())
    }

    /// Most nano-dollars for the data of a plan of these states that keeps the budget and is as good as the best known.
    fn room(&self, active: &[Vec<u32>]) -> i64 {
        let most = self.goal.max_cost.unwrap_or(i64::MAX);
        let most = match &self.best {
            Some(best) if self.goal.cost_weight > 0.0 => {
                most.min(at_most(best.value / self.goal.cost_weight))
            }
            _ => most,
        };
        most.saturating_sub(self.machines(active))
    }

    /// What all machines cost at the least.
    fn machines(&self, active: &[Vec<u32>]) -> i64 {
        let tasks = self.problem.tasks.iter().zip(active);
        let least =
            tasks.map(|(states, active)| active.iter().map(|state| states[*state as usize].cost).min());
        least.map(Option::unwrap_or_default).sum()
    }

    /// What no plan of these states stays below: every task at its cheapest, its data for nothing. Where the dual has
    /// not found the prices of the meters yet, this is often the better bound: it proves plans that move no data out
    /// of a place. Of plans by time alone, the shortest path.
    fn floor(&self, active: &[Vec<u32>]) -> f64 {
        if self.goal.cost_weight == 0.0 {
            return self.goal.value(0, Schedule::new(self.problem, active).makespan_bound());
        }
        self.goal.value(self.machines(active), 0)
    }

    /// Reads a plan off the relaxed sum: in topological order the state that adds least, given what is
    /// already chosen.
    fn read_off(&mut self, active: &[Vec<u32>]) -> Assignment {
        let choice = self.dual.minimiser(active);
        self.offer(&choice);
        choice
    }

    /// Improves a plan one task at a time.
    fn descend(&mut self, choice: Assignment, active: &[Vec<u32>]) {
        let (better, seen) =
            descent::descend(self.problem, self.goal, choice, active, self.dual.prices.time_weight());
        self.dual.spend(seen * CELLS_OF_AN_EDGE);
        self.offer(&better);
    }

    /// By task: the states that the bound likes best.
    fn liked(&mut self, active: &[Vec<u32>]) -> Vec<Vec<u32>> {
        let bound = self.dual.sweep(active, 0);
        let liked = active.iter().zip(&bound.excess).map(|(states, excess)| {
            let mut order: Vec<(f64, u32)> = excess.iter().copied().zip(states.iter().copied()).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            order.truncate(LIKED);
            order.into_iter().map(|(_, state)| state).collect()
        });
        liked.collect()
    }

    /// Looks for better plans at some distance from the best one known.
    fn wander(&mut self, states: &[Vec<u32>]) {
        let Some(best) = self.best.as_ref().filter(|best| !best.states.is_empty()) else { return };
        let most = (self.limits.updates / WANDERING).min(self.dual.updates() / WANDERING_SO_FAR);
        let most = most * CELLS_OF_AN_UPDATE / CELLS_OF_AN_EDGE;
        // What a millisecond is worth: as the bound has it, else as the plan has it on average.
        let late = self.dual.prices.time_weight();
        let late = if late > 0.0 { late } else { best.value / span(best.time) };
        let start = best.states.clone();
        let (better, seen) = wander::wander(self.problem, self.goal, start, states, late, most);
        self.dual.spend(seen * CELLS_OF_AN_EDGE);
        self.offer(&better);
    }

    /// Looks at a part, and splits it where it may hold a better plan.
    fn explore(&mut self, mut part: Part, rounds: u32) {
        self.dual.spend(part.active.iter().map(Vec::len).sum::<usize>() * CELLS_OF_A_STATE);
        self.dual.prices.set(&part.multipliers);
        let Some(active) = self.within_deadline(part.active) else { return };
        part.active = active;
        if self.ascend(&mut part, Ascent { rounds, pace: PART_PACE, root: false }).is_none() {
            return;
        }
        let choice = self.read_off(&part.active);
        self.nodes += 1;
        if self.nodes.is_power_of_two() {
            self.descend(choice.clone(), &part.active);
        }
        part.multipliers = Rc::new(self.dual.prices.multipliers().clone());
        let part = Rc::new(part);
        self.split(&part, &choice);
    }
}
