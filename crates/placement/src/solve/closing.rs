//! Going through all plans of a small part of the search.
//!
//! With the multipliers and messages as they are, every task taken into the plan adds what its state and its
//! edges to those already taken cost above the least they can: never less than nothing, so what was added so
//! far, on top of the bound, is itself a bound of all plans that begin so. Depth first, the least addition
//! first, until the bound passes the best known plan or the deadline cannot be kept any more.
//!
//! A node is hundreds of times cheaper here than where the dual is raised anew: this is what deals with
//! the many plans of next to the same value that clouds with alike prices have. It gives up after some steps,
//! and the part is then split as usual.

use super::problem::{Assignment, Problem};
use super::schedule::Schedule;

/// What taking a task into the plan adds, above the least it can.
pub(super) struct Added {
    pub(super) task: usize,
    /// By position of its active states.
    pub(super) own: Vec<f64>,
    /// Edges to tasks that are taken before it.
    pub(super) links: Vec<Link>,
}

/// An edge to a task that was taken before.
pub(super) struct Link {
    pub(super) edge: usize,
    pub(super) other: usize,
    /// What of the edge's price was given to the other end, by position of its states,
    pub(super) far: Vec<f64>,
    /// to this end,
    pub(super) near: Vec<f64>,
    /// and to the bound.
    pub(super) least: f64,
}

/// Tasks in the order they are taken, and prices of edges between places.
pub(super) struct Closing<'c> {
    pub(super) problem: &'c Problem,
    pub(super) active: &'c [Vec<u32>],
    pub(super) added: &'c [Added],
    pub(super) price: &'c dyn Fn(usize, u16, u16) -> f64,
    /// The deadline, and how long what follows takes at the least. Only where producers are taken first.
    pub(super) deadline: Option<(i64, &'c Schedule)>,
    /// Plans above this value are of no use.
    pub(super) most: f64,
    /// States that may still be looked at.
    pub(super) steps: usize,
}

/// A plan in the making.
struct Taken {
    choice: Assignment,
    positions: Vec<usize>,
    finish: Vec<i64>,
}

impl Closing<'_> {
    /// Shows every plan that may be of use to `offer`, which says above what value plans are of no use from
    /// then on; false when it was given up.
    pub(super) fn run(&mut self, bound: f64, offer: &mut dyn FnMut(&[u32]) -> f64) -> bool {
        let count = self.active.len();
        let mut taken = Taken { choice: vec![0; count], positions: vec![0; count], finish: vec![0; count] };
        self.take(0, bound, &mut taken, offer)
    }

    fn take(
        &mut self,
        depth: usize,
        bound: f64,
        taken: &mut Taken,
        offer: &mut dyn FnMut(&[u32]) -> f64,
    ) -> bool {
        let Some(added) = self.added.get(depth) else {
            self.most = offer(&taken.choice);
            return true;
        };
        let task = added.task;
        if self.steps < self.active[task].len() {
            return false;
        }
        self.steps -= self.active[task].len();
        let mut next: Vec<(f64, usize, i64)> = Vec::new();
        for position in 0..self.active[task].len() {
            let bound = bound + self.addition(added, position, taken);
            let finish = self.finish(task, position, taken);
            if bound <= self.most && self.keeps_deadline(task, position, finish) {
                next.push((bound, position, finish));
            }
        }
        next.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (bound, position, finish) in next {
            if bound > self.most {
                break;
            }
            taken.choice[task] = self.active[task][position];
            taken.positions[task] = position;
            taken.finish[task] = finish;
            if !self.take(depth + 1, bound, taken, offer) {
                return false;
            }
        }
        true
    }

    fn addition(&self, added: &Added, position: usize, taken: &Taken) -> f64 {
        let place = self.problem.tasks[added.task][self.active[added.task][position] as usize].place;
        let links = added.links.iter().map(|link| {
            let there = self.problem.state(link.other, &taken.choice).place;
            let producer = self.problem.edges[link.edge].from == added.task;
            let (from, to) = if producer { (place, there) } else { (there, place) };
            let given = link.far[taken.positions[link.other]] + link.near[position] + link.least;
            (self.price)(link.edge, from, to) - given
        });
        added.own[position] + links.sum::<f64>()
    }

    fn finish(&self, task: usize, position: usize, taken: &Taken) -> i64 {
        if self.deadline.is_none() {
            return 0;
        }
        let state = &self.problem.tasks[task][self.active[task][position] as usize];
        let ready = self.problem.incoming[task].iter().map(|&edge| {
            let from = self.problem.edges[edge].from;
            let place = self.problem.state(from, &taken.choice).place;
            taken.finish[from] + self.problem.edge_between(edge, place, state.place).1
        });
        ready.max().unwrap_or(0) + state.time
    }

    fn keeps_deadline(&self, task: usize, position: usize, finish: i64) -> bool {
        let Some((deadline, schedule)) = self.deadline else { return true };
        finish + schedule.after(task, position) <= deadline
    }
}
