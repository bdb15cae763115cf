//! Whether a place lost for the reason that is given.

use super::super::allowance::Kind;
use super::super::answer::{Verdict, WhyNotAnswer};
use super::super::bounds::best;
use super::super::brute::Outcome;
use super::super::candidate::lies_in;
use super::super::money::NANO;
use super::Judge;

impl Judge<'_> {
    /// `picks` is the plan.
    pub(in super::super) fn why_not(&mut self, place: &str, answer: &WhyNotAnswer, picks: &[usize]) {
        for (task, why) in answer.tasks.iter().enumerate() {
            let name = self.brute.scene.name(task);
            let ranks = self.brute.candidates[task].iter().map(|candidate| candidate.rank).max();
            // With alternatives in order it is not settled whether a place of a later one can be asked for.
            let told = why.task == name;
            if !told || ranks.unwrap_or(0) == 0 && !self.holds(task, place, &why.verdict, picks) {
                let ours = self.told_best(task, place, picks);
                let text = format!("{name} not at {place}: {:?}; by brute force {ours}", why.verdict);
                self.find(Kind::WhyNot, text);
            }
        }
    }

    fn there(&self, task: usize, place: &str, pick: usize) -> bool {
        lies_in(&self.brute.scene.offers[self.brute.candidates[task][pick].offer], place)
    }

    fn holds(&self, task: usize, place: &str, verdict: &Verdict, picks: &[usize]) -> bool {
        let sold = self.brute.scene.offers.iter().any(|offer| lies_in(offer, place));
        let suits = (0..self.brute.candidates[task].len()).any(|pick| self.there(task, place, pick));
        let there = |outcomes: &[&'_ Outcome]| -> Option<i128> {
            let at = outcomes.iter().filter(|outcome| self.there(task, place, outcome.picks[task]));
            at.map(|outcome| outcome.value).min()
        };
        match verdict {
            Verdict::Chosen => self.there(task, place, picks[task]),
            Verdict::Unknown => !sold,
            Verdict::Removed(_) => sold && !suits,
            Verdict::BreaksLimits => suits && there(&self.left.within).is_none(),
            Verdict::Worse { cost, time, instance_type } => {
                !self.there(task, place, picks[task])
                    && self.left.perhaps.iter().any(|outcome| {
                        let candidate = &self.brute.candidates[task][outcome.picks[task]];
                        self.there(task, place, outcome.picks[task])
                            && self.brute.scene.offers[candidate.offer].kind.name == instance_type
                            && (outcome.cost - cost * NANO).abs() <= self.slack.cost
                            && (outcome.ms - time).abs() <= self.slack.ms
                            && there(&self.left.within)
                                .is_none_or(|best| outcome.value <= best + self.slack.value)
                    })
            }
        }
    }

    fn told_best(&self, task: usize, place: &str, picks: &[usize]) -> String {
        let at: Vec<&Outcome> = self
            .left
            .within
            .iter()
            .filter(|outcome| self.there(task, place, outcome.picks[task]))
            .copied()
            .collect();
        let chosen = if self.there(task, place, picks[task]) { "it is there; " } else { "" };
        let best = best(&at).map_or_else(|| "no plan is there".to_owned(), |best| self.told(best));
        format!("{chosen}{best}")
    }
}
