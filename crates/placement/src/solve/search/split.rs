//! Splitting a part of the search in smaller ones.

use super::super::meters::Window;
use super::super::part::{Change, Part};
use super::{Search, spread};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Rounds after a window was split.
const PART_ROUNDS: u32 = 12;
/// Rounds after the places of a task were split.
const GROUP_ROUNDS: u32 = 4;
/// Share of the missing bound that a meter must account for to have its window split.
const WORTH_SPLITTING: f64 = 0.2;

impl Search<'_, '_> {
    /// Splits a part by places, else by a window, else by a task.
    pub(super) fn split(&mut self, part: &Rc<Part>, choice: &[u32]) {
        if !self.split_places(part) && !self.split_window(part, choice) {
            self.split_task(part);
        }
    }

    /// Splits the states of the task that most data moves to and from by the meter that most movements from there count
    /// on, which mostly is a provider each. Where several have free quotas, the bound is that of a plan which is a part at
    /// each of them and uses up the quota of each; windows do not rule that out, and single states only one by one. On
    /// forests windows alone are enough.
    fn split_places(&mut self, part: &Rc<Part>) -> bool {
        if self.problem.meters.is_none() || (self.dual.is_of_forest() && !self.goal.heeds_time()) {
            return false;
        }
        let Some(task) = self.most_moved(part) else { return false };
        let bound = self.dual.sweep(&part.active, 0);
        let mut groups: BTreeMap<u16, (f64, Vec<u32>)> = BTreeMap::new();
        for (state, excess) in part.active[task].iter().zip(&bound.excess[task]) {
            let group = groups.entry(self.meter_of(task, *state)).or_insert((f64::INFINITY, Vec::new()));
            group.0 = group.0.min(part.bound.max(bound.value + excess));
            group.1.push(*state);
        }
        let mut groups: Vec<(f64, Vec<u32>)> = groups.into_values().collect();
        groups.retain(|(bound, _)| self.can_improve(*bound));
        groups.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (bound, states) in groups {
            self.wait(part, Change::Among(task, states), bound, GROUP_ROUNDS);
        }
        true
    }

    /// Of the tasks that are not held to one meter, the one with most data.
    fn most_moved(&self, part: &Part) -> Option<usize> {
        let volume = |task: usize| -> u64 {
            let edges = self.problem.incoming[task].iter().chain(&self.problem.outgoing[task]);
            edges.map(|edge| self.problem.edges[*edge].volume).sum()
        };
        let mixed = |task: &usize| {
            let mut meters = part.active[*task].iter().map(|state| self.meter_of(*task, *state));
            let first = meters.next();
            meters.any(|meter| Some(meter) != first)
        };
        (0..part.active.len()).filter(mixed).max_by_key(|task| (volume(*task), usize::MAX - task))
    }

    /// The meter that most movements count on from where a state is.
    fn meter_of(&self, task: usize, state: u32) -> u16 {
        self.usual_meters[usize::from(self.problem.tasks[task][state as usize].place)]
    }

    /// Splits the window of the meter whose charge the bound understates most, if that is what keeps the
    /// bound low.
    fn split_window(&mut self, part: &Rc<Part>, choice: &[u32]) -> bool {
        let Some((gap, meter, kink)) = self.dual.prices.loosest(choice) else { return false };
        let missing = self.best.as_ref().map_or(f64::INFINITY, |best| best.value - part.bound);
        if self.dual.prices.cost_weight() * gap < WORTH_SPLITTING * missing {
            return false;
        }
        let window = part.windows[meter];
        for half in [Window { high: kink.below, ..window }, Window { low: kink.above, ..window }] {
            if half.low > half.high {
                continue;
            }
            let change = Change::Window(meter, half, self.dual.prices.chord(meter, half));
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
