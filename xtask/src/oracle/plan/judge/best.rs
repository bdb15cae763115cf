//! Whether a plan is best, or as near to it as it says, and within its limits.

use super::super::allowance::Kind;
use super::super::answer::{Gap, Plan};
use super::super::bounds::best;
use super::super::brute::Outcome;
use super::super::money::shown;
use super::Judge;

impl Judge<'_> {
    pub(super) fn best(&mut self, plan: &Plan, picks: &[usize]) {
        let ours = self.brute.outcome(picks);
        self.within_limits(&ours);
        let Some(best) = best(&self.left.within) else { return };
        match plan.gap {
            Gap::Exact if ours.value > best.value + self.slack.value => {
                let text = format!("said to be best: {}; better: {}", self.told(&ours), self.told(best));
                self.find(Kind::Best, text);
            }
            Gap::Exact => self.not_beaten(&ours),
            Gap::AtMost { fraction } => self.gap(&ours, fraction),
        }
    }

    /// What a plan is worth by the objective: less is better.
    pub(in super::super) fn value(&self, picks: &[usize]) -> i128 {
        self.brute.outcome(picks).value
    }

    /// By how much two values may differ that are the same.
    pub(in super::super) fn slack(&self) -> i128 {
        self.slack.value
    }

    /// Whether the plan for a looser deadline is worth as much as one for a tighter, and is best as well.
    pub(in super::super) fn looser(&mut self, plan: &Plan, most: i128) {
        let Some(picks) = self.plan(plan) else { return };
        let ours = self.brute.outcome(&picks);
        if ours.value > most + self.slack.value {
            let text = format!("{}, and with less time a plan is worth {most}", self.told(&ours));
            self.find(Kind::Looser, text);
        }
    }

    /// The best is not below the plan by more than it says.
    fn gap(&mut self, ours: &Outcome, fraction: f64) {
        let Some(best) = best(&self.left.within) else { return };
        let least = ours.value as f64 * (1.0 - fraction);
        if (best.value + self.slack.value) < least as i128 {
            let text = format!(
                "said to be within {fraction} of the best: {}; the best: {}",
                self.told(ours),
                self.told(best)
            );
            self.find(Kind::Gap, text);
        }
    }

    /// Of plans of one value, none is both dearer and slower than another.
    fn not_beaten(&mut self, ours: &Outcome) {
        let slack = self.slack;
        let beats = |other: &&&Outcome| {
            other.value <= ours.value
                && other.scored <= ours.scored
                && other.ms <= ours.ms
                && (other.scored + 2 * slack.cost < ours.scored || other.ms + 2 * slack.ms < ours.ms)
        };
        if let Some(other) = self.left.within.iter().find(beats) {
            let text = format!("{}, though as good and better: {}", self.told(ours), self.told(other));
            self.find(Kind::Beaten, text);
        }
    }

    fn within_limits(&mut self, ours: &Outcome) {
        let known = self.left.perhaps.iter().any(|other| other.picks == ours.picks);
        if !known {
            let text = format!("{} breaks {:?}", self.told(ours), self.limits);
            self.find(Kind::Limits, text);
        }
    }

    /// An assignment in a line.
    pub(super) fn told(&self, outcome: &Outcome) -> String {
        let mut parts = Vec::new();
        for (task, &pick) in outcome.picks.iter().enumerate() {
            let candidate = &self.brute.candidates[task][pick];
            let offer = &self.brute.scene.offers[candidate.offer];
            let spot = if candidate.spot { " spot" } else { "" };
            let place = format!("{}/{}", offer.provider, offer.region);
            parts.push(format!("{} on {place} {}{spot}", self.brute.scene.name(task), offer.kind.name));
        }
        format!("{} in {} ms ({})", shown(outcome.cost), outcome.ms, parts.join(", "))
    }
}
