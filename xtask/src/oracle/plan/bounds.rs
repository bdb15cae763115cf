//! How far two sums may lie apart that mean the same, and what the limits of a job leave.
//!
//! The product rounds each line to whole nano-dollars and milliseconds; a millisecond more of a machine
//! costs its price. So a limit that a plan meets or misses by less than that says nothing.

use super::brute::{Brute, Outcome, value};
use super::limits::Limits;
use super::money::{Atto, NANO, rent};

/// Sums that differ by no more are the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slack {
    pub(super) cost: Atto,
    pub(super) ms: i128,
    pub(super) value: i128,
}

/// A time by formula is rounded up twice, to scale and to count restarts.
pub(super) const MS_OF_LINE: i128 = 2;
/// A movement may be split at each of its tariff's four tiers, and each part is rounded.
const PARTS: i128 = 4;

impl Slack {
    pub(super) fn of(brute: &Brute<'_>) -> Self {
        let flows = brute.flows.len() as i128;
        let machines: Atto = (0..brute.candidates.len()).map(|task| Self::machine(brute, task)).sum();
        let cost = machines + flows * PARTS * NANO;
        let ms = MS_OF_LINE * brute.candidates.len() as i128 + flows;
        // Scores are at most two.
        Self { cost, ms, value: 2 * value(brute.scene.objective, cost, ms) }
    }

    /// Of one task's line.
    pub(super) fn machine(brute: &Brute<'_>, task: usize) -> Atto {
        let dearest = brute.candidates[task].iter().map(|candidate| candidate.hourly).max().unwrap_or(0);
        NANO + rent(dearest, brute.scene.steps[task].task.nodes, MS_OF_LINE)
    }
}

/// What the limits of the job leave of all assignments.
#[derive(Debug)]
pub(super) struct Left<'a> {
    /// Surely within.
    pub(super) within: Vec<&'a Outcome>,
    /// These, and those that may or may not be.
    pub(super) perhaps: Vec<&'a Outcome>,
}

impl<'a> Left<'a> {
    pub(super) fn new(outcomes: &'a [Outcome], limits: &Limits, slack: Slack) -> Self {
        let kept = |sign: i128| -> Vec<&Outcome> {
            let cheap = |outcome: &Outcome| {
                limits.budget.is_none_or(|budget| outcome.cost + sign * slack.cost <= budget * NANO)
            };
            let fast = |outcome: &Outcome| {
                limits.deadline.is_none_or(|deadline| outcome.ms + sign * slack.ms <= deadline)
            };
            outcomes.iter().filter(|outcome| cheap(outcome) && fast(outcome)).collect()
        };
        Self { within: kept(1), perhaps: kept(-1) }
    }
}

/// The least value of some.
pub(super) fn best<'a>(outcomes: &[&'a Outcome]) -> Option<&'a Outcome> {
    outcomes.iter().min_by_key(|outcome| outcome.value).copied()
}
