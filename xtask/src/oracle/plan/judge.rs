//! Answers held against the brute force.

mod alternatives;
mod best;
mod front;
mod lines;
mod refusal;
mod why_not;

use super::allowance::Kind;
use super::answer::{Placement, Plan};
use super::bounds::{Left, Slack};
use super::brute::{Brute, Outcome};
use super::limits::Limits;

pub(super) use refusal::Refusal;

/// Something that is not as the brute force has it.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// What answers are held against.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    brute: &'a Brute<'a>,
    limits: &'a Limits,
    left: Left<'a>,
    slack: Slack,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(brute: &'a Brute<'a>, outcomes: &'a [Outcome], limits: &'a Limits) -> Self {
        let slack = Slack::of(brute);
        let left = Left::new(outcomes, limits, slack);
        Self { brute, limits, left, slack, findings: Vec::new() }
    }

    /// What is no answer at all.
    pub(super) fn broken(&mut self, told: &str) {
        self.find(Kind::Broken, told.to_owned());
    }

    fn find(&mut self, kind: Kind, text: String) {
        self.findings.push(Finding { kind, text });
    }

    /// Two figures, unless they are the same within `slack`.
    fn same(&mut self, kind: Kind, what: &str, theirs: i128, ours: i128, slack: i128) {
        if (theirs - ours).abs() > slack {
            self.find(kind, format!("{what}: {theirs}, by brute force {ours}"));
        }
    }

    /// A plan as it stands; the candidates it names, if all are known.
    pub(super) fn plan(&mut self, plan: &Plan) -> Option<Vec<usize>> {
        let picks = self.picks(plan)?;
        self.lines(plan, &picks);
        self.best(plan, &picks);
        self.alternatives(plan, &picks);
        Some(picks)
    }

    /// The candidate of each task's choice.
    fn picks(&mut self, plan: &Plan) -> Option<Vec<usize>> {
        let mut picks = Vec::new();
        for (task, planned) in plan.tasks.iter().enumerate() {
            let name = self.brute.scene.name(task);
            match self.pick(task, &planned.choice) {
                Some(pick) if pick < self.brute.choices(task) && planned.task == name => picks.push(pick),
                _ => {
                    let text = format!("{name}: no condition allows the choice {}", told(&planned.choice));
                    self.find(Kind::Choice, text);
                    return None;
                }
            }
        }
        Some(picks)
    }

    /// The candidate of a task that a placement names.
    fn pick(&self, task: usize, placement: &Placement) -> Option<usize> {
        self.brute.candidates[task].iter().position(|candidate| {
            let offer = &self.brute.scene.offers[candidate.offer];
            offer.provider == placement.provider
                && offer.region == placement.region
                && offer.zone == placement.zone.as_deref().unwrap_or("")
                && offer.kind.name == placement.node.instance_type
                && candidate.spot == (placement.market == "spot")
                && placement.nodes == self.brute.scene.steps[task].task.nodes
        })
    }
}

/// A placement in a few words.
fn told(placement: &Placement) -> String {
    let Placement { provider, region, zone, node, market, .. } = placement;
    let zone = zone.as_deref().map(|zone| format!("/{zone}")).unwrap_or_default();
    format!("{provider}/{region}{zone} {} {market}", node.instance_type)
}
