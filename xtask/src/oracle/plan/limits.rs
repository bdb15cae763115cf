//! Limits of the job in figures.
//!
//! A task's policy is the job's, tightened: what alone breaks a limit of the job suits no task.

use super::brute::Outcome;
use super::money::NANO;
use super::piece::Want;
use super::scene::Scene;

/// Budget and deadline as they stand in the file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    /// Nano-dollars.
    pub(super) budget: Option<i128>,
    /// Milliseconds.
    pub(super) deadline: Option<i128>,
}

impl Limits {
    /// Between two of the costs and times that assignments have, so that a limit means something for any
    /// catalog, also for one that was made smaller.
    pub(super) fn new(scene: &Scene, outcomes: &[Outcome]) -> Self {
        let costs = || outcomes.iter().map(|outcome| outcome.cost / NANO);
        let times = || outcomes.iter().map(|outcome| outcome.ms);
        Self {
            budget: scene.budget.map(|share| between(costs().collect(), share)),
            deadline: scene.deadline.map(|share| between(times().collect(), share)),
        }
    }

    /// The same with a quarter more time, where time is limited.
    pub(super) fn looser(&self) -> Option<Self> {
        self.deadline.map(|deadline| Self { deadline: Some(deadline + deadline / 4 + 1), ..*self })
    }

    /// Whether an assignment keeps them.
    pub(super) fn keep(&self, outcome: &Outcome) -> bool {
        self.budget.is_none_or(|budget| outcome.cost <= budget * NANO)
            && self.deadline.is_none_or(|deadline| outcome.ms <= deadline)
    }
}

impl Scene {
    /// With the limits among the rules, which hold for every task.
    pub(super) fn limited(&self, limits: &Limits) -> Self {
        let mut scene = self.clone();
        scene.rules.extend(limits.budget.map(Want::Budget));
        scene.rules.extend(limits.deadline.map(Want::Deadline));
        scene
    }
}

/// The middle of the gap that lies so many thousandths up in the list; below all of them if negative.
fn between(mut values: Vec<i128>, thousandths: i128) -> i128 {
    values.sort_unstable();
    values.dedup();
    let Some((&least, &most)) = values.first().zip(values.last()) else { return 1_000 };
    values.push(most + most / 5 + 10);
    if thousandths < 0 {
        return least * 9 / 10;
    }
    let last = values.len() - 2;
    let at = usize::try_from(thousandths).unwrap_or(0) * last / 1_000;
    (values[at] + values[at + 1]) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_lie_between_neighbours() {
        assert_eq!(between(vec![100, 300, 200, 200], 0), 150);
        assert_eq!(between(vec![100, 300, 200], 999), 250);
        assert_eq!(between(vec![100, 300, 200], 1_000), 335);
        assert_eq!(between(vec![100], -1), 90);
    }
}
