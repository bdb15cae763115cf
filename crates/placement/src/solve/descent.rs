//! Improving a plan one task at a time.

use super::Goal;
use super::problem::{Assignment, Problem};
use super::standing::{Aim, Standing};

/// Passes over all tasks; later ones find next to nothing.
const PASSES: usize = 4;
/// What a millisecond counts for while a plan is brought near the deadline, in turn.
const DEARER: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

/// Moves each task to its best active state with all others kept, until nothing improves. Violations of the goal's
/// limits count before its value. Says what it came to, and how many edges and states were looked at.
///
/// Where the plan is late and a millisecond is worth `late`, it is first brought near the deadline at prices that grow from
/// that: whatever the dearest way to be in time is, lateness that counts before all else takes it.
pub(super) fn descend(
    problem: &Problem,
    goal: &Goal,
    choice: Assignment,
    active: &[Vec<u32>],
    late: f64,
) -> (Assignment, usize) {
    let mut standing = Standing::new(problem, goal, choice);
    let open = || active.iter().enumerate().filter(|(_, states)| states.len() > 1);
    let mut descend = |aim: Aim<'_>| {
        for _ in 0..PASSES {
            let moved = open().filter(|(task, states)| standing.improve(aim, *task, states)).count();
            if moved == 0 {
                break;
            }
        }
        standing.figures().1
    };
    if let Some(limit) = goal.max_time.filter(|_| late > 0.0) {
        for times in DEARER {
            if descend(Aim { goal, late: Some(late * times) }) <= limit {
                break;
            }
        }
    }
    descend(Aim::at(goal));
    standing.done()
}

/// Steps of [`quicken`], a task or an edge of a plan evaluated each: some milliseconds.
const QUICKENING: usize = 500_000;

/// Of plans that cost the same, a faster one: moves all tasks that can to one place, then each by itself, to states of
/// their own price, where the plan is no dearer and ends earlier, until nothing does. Goals that count money alone leave
/// that open, and their solvers take what comes.
pub(super) fn quicken(problem: &Problem, goal: &Goal, choice: Assignment) -> Assignment {
    let mut alike: Vec<Vec<u32>> = Vec::with_capacity(choice.len());
    for (states, chosen) in problem.tasks.iter().zip(&choice) {
        let price = states[*chosen as usize].cost;
        let of_price = (0_u32..).zip(states).filter(|(_, state)| state.cost == price);
        alike.push(of_price.map(|(index, _)| index).collect());
    }
    let mut best = Quicker {
        now: problem.evaluate(&choice),
        choice,
        tries: QUICKENING / (problem.tasks.len() + problem.edges.len()).max(1),
    };
    for place in 0..problem.classes.len() {
        let there = |(task, alike): (usize, &Vec<u32>)| {
            let states = &problem.tasks[task];
            let mut there = alike.iter().filter(|index| usize::from(states[**index as usize].place) == place);
            there.next().copied().unwrap_or(best.choice[task])
        };
        let other: Assignment = alike.iter().enumerate().map(there).collect();
        best.offer(problem, goal, other);
    }
    loop {
        let before = best.now;
        for (task, alike) in alike.iter().enumerate() {
            for index in alike.iter().take(best.tries) {
                let mut other = best.choice.clone();
                other[task] = *index;
                best.offer(problem, goal, other);
            }
        }
        if best.now == before || best.tries == 0 {
            return best.choice;
        }
    }
}

/// A plan, and how many others may be looked at.
struct Quicker {
    now: (i64, i64),
    choice: Assignment,
    tries: usize,
}

impl Quicker {
    fn offer(&mut self, problem: &Problem, goal: &Goal, other: Assignment) {
        if self.tries == 0 || other == self.choice {
            return;
        }
        self.tries -= 1;
        let (cost, time) = problem.evaluate(&other);
        if cost <= self.now.0 && time < self.now.1 && goal.allows(cost, time) {
            (self.now, self.choice) = ((cost, time), other);
        }
    }
}
