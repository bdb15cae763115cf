//! The order and the prices of what a run falls back on.

use super::super::allowance::Kind;
use super::super::answer::Plan;
use super::super::brute::Outcome;
use super::Judge;

/// Kept for each task.
const MOST: usize = 12;
/// Of these and the choice, in one region.
const MOST_OF_REGION: usize = 3;

impl Judge<'_> {
    pub(super) fn alternatives(&mut self, plan: &Plan, picks: &[usize]) {
        for (task, planned) in plan.tasks.iter().enumerate() {
            let mut theirs = Vec::new();
            for placement in &planned.alternatives {
                let Some(pick) = self.pick(task, placement) else {
                    let text = format!("{}: no condition allows {}", planned.task, super::told(placement));
                    self.find(Kind::Alternatives, text);
                    continue;
                };
                let whole = self.instead(picks, task, pick);
                self.line(task, pick, placement, &whole);
                theirs.push((pick, whole));
            }
            self.in_order(task, picks, &theirs);
        }
    }

    /// The plan with another candidate for one task.
    fn instead(&self, picks: &[usize], task: usize, pick: usize) -> Outcome {
        let mut picks = picks.to_vec();
        picks[task] = pick;
        self.brute.outcome(&picks)
    }

    /// Best first, each in another failure domain or on another market, and within the limits of the job;
    /// of options in order, those of earlier ones first.
    fn in_order(&mut self, task: usize, picks: &[usize], theirs: &[(usize, Outcome)]) {
        let ours = self.expected(task, picks);
        let ranked = |pick: usize, value: i128| (self.brute.candidates[task][pick].rank, value);
        let same = theirs.len() == ours.len()
            && theirs.iter().zip(&ours).all(|((pick, whole), (other, best))| {
                let (a, b) = (ranked(*pick, whole.value), ranked(*other, best.value));
                a.0 == b.0 && (a.1 - b.1).abs() <= self.slack.value
            });
        if !same {
            let list = |of: &[(usize, Outcome)]| -> String {
                of.iter().map(|(_, whole)| format!("\n    {}", self.told(whole))).collect()
            };
            let name = self.brute.scene.name(task);
            let text = format!("{name}: alternatives{}\n  by brute force{}", list(theirs), list(&ours));
            self.find(Kind::Alternatives, text);
        }
    }

    fn expected(&self, task: usize, picks: &[usize]) -> Vec<(usize, Outcome)> {
        let candidates = &self.brute.candidates[task];
        let mut all: Vec<(usize, Outcome)> =
            (0..candidates.len()).map(|pick| (pick, self.instead(picks, task, pick))).collect();
        all.sort_by_key(|(pick, whole)| (candidates[*pick].rank, whole.value));
        let domain = |pick: usize| {
            let candidate = &candidates[pick];
            let offer = &self.brute.scene.offers[candidate.offer];
            ((offer.provider, offer.region), &offer.zone, candidate.spot)
        };
        let mut taken = vec![domain(picks[task])];
        let mut kept: Vec<(usize, Outcome)> = Vec::new();
        for (pick, whole) in all.into_iter().filter(|(_, whole)| self.limits.keep(whole)) {
            let this = domain(pick);
            let of_region = taken.iter().filter(|other| other.0 == this.0).count();
            if !taken.contains(&this) && of_region < MOST_OF_REGION && kept.len() < MOST {
                taken.push(this);
                kept.push((pick, whole));
            }
        }
        kept
    }
}
