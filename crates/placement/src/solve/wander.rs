//! Better plans at some distance from a good one.
//!
//! [`super::descent`] ends where no single task can be moved with profit. What is left to gain then mostly lies in moves
//! of several tasks at once: a group that exchanges much data has to change its place as a whole. So a few neighbours in
//! the graph are put at one place, whatever that costs, and all others find their best states around them; what came of
//! it is kept where it is no worse. Draws are those of a fixed seed, so that a solve is the same each time.

use super::Goal;
use super::problem::{Assignment, Problem};
use super::standing::{Aim, Standing};

/// Most tasks that are moved at once.
const GROUP: usize = 6;
/// Passes over all tasks after a group was moved.
const PASSES: usize = 3;
/// Shares of its multiplier by which lateness counts.
const LATENESS: [f64; 6] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
/// Of so many draws one takes any place, the others one where the plan has a task already.
const ANY_PLACE: usize = 3;

/// Looks for better plans than `choice` until `most` edges and states were looked at. Says what it came to, and how many were.
pub(super) fn wander(
    problem: &Problem,
    goal: &Goal,
    choice: Assignment,
    active: &[Vec<u32>],
    late: f64,
    most: usize,
) -> (Assignment, usize) {
    let places = by_place(problem, active);
    let open: Vec<usize> = (0..active.len()).filter(|task| active[*task].len() > 1).collect();
    let mut best = Standing::new(problem, goal, choice);
    let mut seen = best.seen();
    if open.len() < 2 {
        return best.done();
    }
    let strict = Aim::at(goal);
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    while seen < most {
        let group = group(problem, open[draw.below(open.len())], &mut draw);
        let place = if draw.below(ANY_PLACE) == 0 {
            let known = &places[group[0]];
            known[draw.below(known.len())].0
        } else {
            problem.state(draw.below(active.len()), best.choice()).place
        };
        let mut other = best.clone();
        let aim = Aim { goal, late: Some(late * LATENESS[draw.below(LATENESS.len())]) };
        for &task in &group {
            if let Ok(at) = places[task].binary_search_by_key(&place, |known| known.0) {
                other.force(aim, task, &places[task][at].1);
            }
        }
        if other.choice() == best.choice() {
            seen += group.len();
            continue;
        }
        for aim in [aim, strict] {
            for _ in 0..PASSES {
                let moved = open.iter().filter(|task| other.improve(aim, **task, &active[**task])).count();
                if moved == 0 {
                    break;
                }
            }
        }
        seen += other.seen() - best.seen();
        if other.rank(strict) <= best.rank(strict) {
            best = other;
        }
    }
    let (choice, _) = best.done();
    (choice, seen)
}

/// By task: its active states at each place, places in order.
fn by_place(problem: &Problem, active: &[Vec<u32>]) -> Vec<Vec<(u16, Vec<u32>)>> {
    let sorted = |(task, states): (usize, &Vec<u32>)| {
        let mut there: Vec<(u16, u32)> =
            states.iter().map(|state| (problem.tasks[task][*state as usize].place, *state)).collect();
        there.sort_unstable();
        let same = there.chunk_by(|a, b| a.0 == b.0);
        same.map(|states| (states[0].0, states.iter().map(|(_, state)| *state).collect())).collect()
    };
    active.iter().enumerate().map(sorted).collect()
}

/// A task and some of those around it, each a neighbour of one before.
fn group(problem: &Problem, first: usize, draw: &mut Draw) -> Vec<usize> {
    let mut group = vec![first];
    for _ in 0..draw.below(GROUP) {
        let from = group[draw.below(group.len())];
        let (incoming, outgoing) = (&problem.incoming[from], &problem.outgoing[from]);
        if incoming.is_empty() && outgoing.is_empty() {
            break;
        }
        let at = draw.below(incoming.len() + outgoing.len());
        let next = match incoming.get(at) {
            Some(&edge) => problem.edges[edge].from,
            None => problem.edges[outgoing[at - incoming.len()]].to,
        };
        if !group.contains(&next) {
            group.push(next);
        }
    }
    group
}

/// Draws of Marsaglia's xorshift64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % most.max(1)
    }
}
