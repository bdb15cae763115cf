//! Whether there really is no plan, and whether what is said of it is true.

use serde::Deserialize;

use super::super::allowance::Kind;
use super::super::bounds::best;
use super::Judge;

/// `welkin.error/1` on stderr.
#[derive(Debug, Clone, Deserialize)]
pub(in super::super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl Judge<'_> {
    pub(in super::super) fn refused(&mut self, refusal: &Refusal) {
        if let Some(best) = best(&self.left.within) {
            let text = format!("{}, though there is {}", refusal.message, self.told(best));
            return self.find(Kind::Refused, text);
        }
        let without = (0..self.brute.candidates.len()).filter(|&task| self.brute.candidates[task].is_empty());
        let names: Vec<String> = without.map(|task| format!("`{}`", self.brute.scene.name(task))).collect();
        let said = &refusal.message;
        let right = if names.is_empty() {
            said.starts_with("no plan keeps the limits of the job")
        } else {
            said.starts_with("no offer satisfies every condition")
                && names.iter().any(|name| said.contains(name))
        };
        if refusal.code != "plan::infeasible" || !right {
            let text = format!("refused by {}: {said}; tasks without offers: {names:?}", refusal.code);
            self.find(Kind::Reason, text);
        }
    }

    /// A plan where there is none.
    pub(in super::super) fn planned(&mut self) {
        if self.left.perhaps.is_empty() {
            self.find(Kind::Planned, "there is a plan, by brute force none".to_owned());
        }
    }
}
