//! Branch and bound for the cases dynamic programming does not cover.
//!
//! Each part of the search is a set of states for each task and a window of volumes for each meter. For
//! each part: drop states that cannot keep the deadline ([`super::schedule`]), raise the dual bound by a
//! few sweeps, drop states whose own bound is no better than the best known plan, read a plan off the
//! messages and improve it one task at a time ([`super::descent`]), then split: the window of a meter at
//! a tier bound, where that meter's charge is what the bound misses, else the task with the fewest states
//! left. Parts wait in order of their bounds, least first. The search is exact when it ends; cut short by
//! its limit of work it returns the best plan with the least bound of what was left open.

use super::descent;
use super::dual::Dual;
use super::meters::Window;
use super::problem::{Assignment, Problem};
use super::schedule::Schedule;
use super::{Goal, Solution, Unsolved};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

/// Bounds on the work of a solve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Updates of one edge by the search. One takes about five microseconds over five catalogs, so this is
    /// half a second; ordinary jobs need a hundredth of it.
    pub(crate) updates: usize,
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
        Self { updates: 100_000, labels: 4_000_000, front_points: 64, front_cuts: 12 }
    }
}

impl Limits {
    /// Some multiple of the usual work.
    pub(crate) fn of(effort: u32) -> Self {
        let usual = Self::default();
        Self { updates: usual.updates.saturating_mul(effort.max(1) as usize), ..usual }
    }
}

/// Rounds of ascent at the root; the bound gains little after them.
const ROOT_ROUNDS: u32 = 40;
/// Rounds at the root when no limit or weight involves time: the flow need not move.
const ROOT_ROUNDS_SUM: u32 = 12;
/// Rounds after a window was split.
const PART_ROUNDS: u32 = 12;
/// Share of the missing bound that a round must gain to count as progress,
const WORTH_A_ROUND: f64 = 0.01;
/// and the rounds without progress after which it ends.
const PATIENCE: u32 = 8;
/// Share of the missing bound that a meter must account for to have its window split.
const WORTH_SPLITTING: f64 = 0.2;
/// States that are gone through, when a part is looked at, in the time of an update of an edge: measured, some 25 ns
/// each for its schedule, its bounds, and what is dropped.
const STATES_OF_AN_UPDATE: usize = 200;
/// Sweeps at an inner node, which starts from its parent's messages.
const NODE_SWEEPS: usize = 2;

/// The best assignment for `goal`.
///
/// The root is solved over all states, then again over those that survived it, and so on while that
/// shrinks the problem: most of the work is then done on a small one.
pub(super) fn search(problem: &Problem, goal: &Goal, limits: &Limits) -> Result<Solution, Unsolved> {
    let active: Vec<Vec<u32>> =
        (0..problem.tasks.len()).map(|task| undominated(problem, goal, task)).collect();
    let mut search = Search::new(problem, goal, limits, &active);
    search.offer_single_places(&active);
    search.run(active, true);
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

/// A part of the search: plans over these states whose volumes lie in these windows.
#[derive(Clone)]
struct Part {
    active: Vec<Vec<u32>>,
    windows: Vec<Window>,
    /// Prices of the meters to start with.
    prices: Vec<f64>,
    /// No plan of the part has a lower value.
    bound: f64,
}

/// What a part has of its own; all else is its parent's. A task may have thousands of states, each a part that waits, and
/// most are never looked at.
enum Change {
    Nothing,
    /// The task is in this state.
    State(usize, u32),
    /// The meter has this window, and this price to start with.
    Window(usize, Window, f64),
}

/// A part that waits for its turn.
struct Waiting {
    parent: Rc<Part>,
    change: Change,
    /// No plan of the part has a lower value.
    bound: f64,
    rounds: u32,
    number: usize,
}

impl Waiting {
    fn part(self) -> Part {
        let mut part = Rc::unwrap_or_clone(self.parent);
        part.bound = self.bound;
        match self.change {
            Change::Nothing => {}
            Change::State(task, state) => part.active[task] = vec![state],
            Change::Window(meter, window, price) => {
                part.windows[meter] = window;
                part.prices[meter] = price;
            }
        }
        part
    }
}

impl Ord for Waiting {
    /// The greatest comes first: the least bound, and of equals the latest, which is the deepest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

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
    /// Parts to explore, least bound first.
    queue: BinaryHeap<Waiting>,
    /// Parts that have waited so far.
    waited: usize,
    /// Least bound of what the limit of work left unexplored.
    open: f64,
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

fn spread(active: &[Vec<u32>]) -> Assignment {
    active.iter().map(|states| states.first().copied().unwrap_or(0)).collect()
}

impl<'s, 'p> Search<'s, 'p> {
    fn new(problem: &'p Problem, goal: &'s Goal, limits: &'s Limits, active: &[Vec<u32>]) -> Self {
        let path = problem.critical_path(&spread(active));
        let dual = Dual::new(problem, goal, &path, active);
        Self {
            problem,
            goal,
            limits,
            dual,
            best: None,
            nodes: 0,
            queue: BinaryHeap::new(),
            waited: 0,
            open: f64::INFINITY,
        }
    }

    /// Solves the root, then everything below it.
    fn run(&mut self, mut active: Vec<Vec<u32>>, may_restrict: bool) {
        if !self.keep_deadline(&mut active) {
            return;
        }
        let windows = self.dual.windows().to_vec();
        let mut part = Part { active, windows, prices: self.dual.prices(), bound: f64::NEG_INFINITY };
        if !self.ascend(&mut part, ROOT_ROUNDS) {
            return;
        }
        let count = |states: &[Vec<u32>]| states.iter().map(Vec::len).sum::<usize>();
        let all: usize = self.problem.tasks.iter().map(Vec::len).sum();
        if may_restrict && count(&part.active) * 4 < all * 3 {
            self.run_restricted(&part);
        } else {
            part.prices = self.dual.prices();
            let bound = part.bound;
            self.wait(&Rc::new(part), Change::Nothing, bound, 1);
            self.explore_all();
        }
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
            if self.dual.updates() >= self.limits.updates {
                self.open = self.open.min(waiting.bound);
                return;
            }
            let rounds = waiting.rounds;
            self.explore(waiting.part(), rounds);
        }
    }

    /// Goes on over the active states alone.
    fn run_restricted(&mut self, part: &Part) {
        let small = self.problem.restricted(&part.active);
        let everything: Vec<Vec<u32>> = part
            .active
            .iter()
            .map(|states| (0..u32::try_from(states.len()).unwrap_or(0)).collect())
            .collect();
        let mut inner = Search::new(&small, self.goal, self.limits, &everything);
        inner.dual.start_from(&self.dual);
        // The best known plan need not be among the active states any more; its value still counts.
        inner.best = self.best.as_ref().map(|best| Best { states: Vec::new(), ..*best });
        inner.run(everything, true);
        self.open = self.open.min(inner.open.max(part.bound));
        self.nodes += inner.nodes;
        if let Some(best) = inner.best.filter(|best| !best.states.is_empty()) {
            let states = best.states.iter().zip(&part.active).map(|(state, active)| active[*state as usize]);
            self.offer(&states.collect::<Vec<_>>());
        }
    }

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

    /// Whether the relaxation has multipliers to move.
    fn ascends(&self) -> bool {
        self.goal.heeds_time() || self.dual.has_open_meters()
    }

    /// Raises the bound of a part; false when nothing in it can be better than the best known plan.
    fn ascend(&mut self, part: &mut Part, rounds: u32) -> bool {
        let rounds = if self.ascends() { rounds } else { rounds.min(ROOT_ROUNDS_SUM) };
        let mut high_water = (0, f64::NEG_INFINITY);
        for round in 0..rounds {
            if !self.tighten(part, NODE_SWEEPS) {
                return false;
            }
            let missing = self.best.as_ref().map_or(f64::INFINITY, |best| best.value - part.bound);
            if part.bound > high_water.1 + missing * WORTH_A_ROUND {
                high_water = (round, part.bound);
            } else if round >= high_water.0 + PATIENCE {
                break;
            }
            let choice = self.read_off(&part.active);
            if round % 4 == 0 && rounds == ROOT_ROUNDS {
                self.descend(choice.clone(), &part.active);
            }
            if self.ascends() {
                self.shift(&choice, part.bound, 2.0 / (f64::from(round) + 3.0));
            }
        }
        self.can_improve(part.bound)
    }

    /// Moves the multipliers by the violation of a minimiser of the relaxed sum.
    fn shift(&mut self, choice: &[u32], bound: f64, share: f64) {
        let slack =
            self.best.as_ref().map_or_else(|| bound.abs().max(1.0), |best| (best.value - bound).max(0.0));
        let path = self.problem.critical_path(choice);
        self.dual.ascend(&path, choice, share, slack);
    }

    /// One bound over a part, dropping states that cannot be part of a better plan; false when nothing
    /// in it can be better.
    fn tighten(&mut self, part: &mut Part, sweeps: usize) -> bool {
        if !self.dual.narrow(&part.active, &part.windows) {
            return false;
        }
        let bound = self.dual.sweep(&part.active, sweeps);
        part.bound = part.bound.max(bound.value).max(self.floor(&part.active));
        if let Some(best) = &self.best {
            let most = best.value - self.goal.resolution(best.value);
            for (states, excess) in part.active.iter_mut().zip(&bound.excess) {
                let mut excess = excess.iter();
                states.retain(|_| excess.next().is_none_or(|excess| bound.value + excess <= most));
            }
        }
        self.can_improve(part.bound) && part.active.iter().all(|states| !states.is_empty())
    }

    /// What no plan of these states stays below: every task at its cheapest, its data for nothing. Where the dual has
    /// not found the prices of the meters yet, this is often the better bound: it proves plans that move no data out
    /// of a place. Of plans by time alone, the shortest path.
    fn floor(&self, active: &[Vec<u32>]) -> f64 {
        if self.goal.cost_weight == 0.0 {
            return self.goal.value(0, Schedule::new(self.problem, active).makespan_bound());
        }
        let tasks = self.problem.tasks.iter().zip(active);
        let least =
            tasks.map(|(states, active)| active.iter().map(|state| states[*state as usize].cost).min());
        self.goal.value(least.map(Option::unwrap_or_default).sum(), 0)
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
        let better = descent::descend(self.problem, self.goal, choice, active);
        self.dual.spend(descent::work(self.problem, self.goal, active));
        self.offer(&better);
    }

    /// Looks at a part, and splits it where it may hold a better plan.
    fn explore(&mut self, mut part: Part, rounds: u32) {
        self.dual.spend(part.active.iter().map(Vec::len).sum::<usize>() / STATES_OF_AN_UPDATE);
        self.dual.set_prices(&part.prices);
        if !self.keep_deadline(&mut part.active) || !self.ascend(&mut part, rounds) {
            return;
        }
        let choice = self.read_off(&part.active);
        self.nodes += 1;
        if self.nodes.is_power_of_two() {
            self.descend(choice.clone(), &part.active);
        }
        part.prices = self.dual.prices();
        let part = Rc::new(part);
        if !self.split_window(&part, &choice) {
            self.split_task(&part);
        }
    }

    /// Splits the window of the meter whose charge the bound understates most, if that is what keeps the
    /// bound low.
    fn split_window(&mut self, part: &Rc<Part>, choice: &[u32]) -> bool {
        let Some((gap, meter, at)) = self.dual.loosest(choice) else { return false };
        let missing = self.best.as_ref().map_or(f64::INFINITY, |best| best.value - part.bound);
        if self.dual.cost_weight() * gap < WORTH_SPLITTING * missing {
            return false;
        }
        let window = part.windows[meter];
        for half in [Window { high: at, ..window }, Window { low: at, ..window }] {
            let change = Change::Window(meter, half, self.dual.chord(meter, half));
            self.wait(part, change, part.bound, PART_ROUNDS);
        }
        true
    }

    /// Branches on the task with the fewest states left.
    fn split_task(&mut self, part: &Rc<Part>) {
        let bound = self.dual.sweep(&part.active, 0);
        let open_tasks = (0..part.active.len()).filter(|task| part.active[*task].len() > 1);
        let Some(task) = open_tasks.min_by_key(|task| {
            let degree = self.problem.incoming[*task].len() + self.problem.outgoing[*task].len();
            (part.active[*task].len(), usize::MAX - degree)
        }) else {
            self.offer(&spread(&part.active));
            return;
        };
        let excess = bound.excess[task].iter().map(|excess| part.bound.max(bound.value + excess));
        let mut states: Vec<(f64, u32)> = excess.zip(part.active[task].iter().copied()).collect();
        // Of equals the last to wait comes first, so the most promising goes last.
        states.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        for (bound, state) in states {
            if self.can_improve(bound) {
                self.wait(part, Change::State(task, state), bound, 1);
            }
        }
    }
}
