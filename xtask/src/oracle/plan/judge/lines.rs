//! Each line of a plan, and its sums.

use super::super::allowance::Kind;
use super::super::answer::{Placement, Plan};
use super::super::bounds::{MS_OF_LINE, Slack};
use super::super::brute::Outcome;
use super::super::money::NANO;
use super::Judge;

impl Judge<'_> {
    /// Machines, movements, sums.
    pub(super) fn lines(&mut self, plan: &Plan, picks: &[usize]) {
        let outcome = self.brute.outcome(picks);
        let starts = self.brute.starts(picks).0;
        for (task, planned) in plan.tasks.iter().enumerate() {
            self.line(task, picks[task], &planned.choice, &outcome);
            let what = format!("{} starts", planned.task);
            self.same(Kind::Line, &what, planned.choice.start, starts[task], self.slack.ms);
            self.offers(task, planned.feasible_offers);
        }
        self.movements(plan, picks);
        self.same(Kind::Sum, "cost", plan.cost * NANO, outcome.cost, self.slack.cost);
        self.same(Kind::Sum, "cost of data", plan.egress * NANO, outcome.egress, self.slack.cost);
        self.same(Kind::Sum, "time", plan.time, outcome.ms, self.slack.ms);
    }

    /// A placement's own figures, and those of the plan with it.
    pub(super) fn line(&mut self, task: usize, pick: usize, placement: &Placement, whole: &Outcome) {
        let candidate = &self.brute.candidates[task][pick];
        let name = format!("{} on {}", self.brute.scene.name(task), super::told(placement));
        let machine = Slack::machine(self.brute, task);
        let (hourly, ms, cost) = (candidate.hourly, candidate.ms, candidate.cost);
        let slack = self.slack;
        self.same(Kind::Line, &format!("{name}: hourly price"), placement.hourly, hourly, 1);
        self.same(Kind::Line, &format!("{name}: time"), placement.time, ms, MS_OF_LINE);
        self.same(Kind::Line, &format!("{name}: cost"), placement.cost * NANO, cost, machine);
        self.same(
            Kind::Line,
            &format!("{name}: plan's cost"),
            placement.plan_cost * NANO,
            whole.cost,
            slack.cost,
        );
        self.same(Kind::Line, &format!("{name}: plan's time"), placement.plan_time, whole.ms, slack.ms);
    }

    /// How many offers suit a task.
    fn offers(&mut self, task: usize, theirs: usize) {
        let mut ours: Vec<usize> =
            self.brute.candidates[task].iter().map(|candidate| candidate.offer).collect();
        ours.sort_unstable();
        ours.dedup();
        if theirs != ours.len() {
            let name = self.brute.scene.name(task);
            self.find(Kind::Offers, format!("{name}: {theirs} offers suit, by brute force {}", ours.len()));
        }
    }

    fn movements(&mut self, plan: &Plan, picks: &[usize]) {
        let shares = self.brute.shares(picks);
        if plan.transfers.len() != shares.len() {
            let text = format!("{} movements, by brute force {}", plan.transfers.len(), shares.len());
            self.find(Kind::Movement, text);
        }
        for (number, flow) in self.brute.flows.iter().enumerate() {
            let task = self.brute.scene.name(flow.task());
            let name = format!("{} of {task}", flow.name);
            let mut with_name =
                plan.transfers.iter().filter(|one| one.task == task && one.input == flow.name);
            let Some(theirs) = with_name.next() else {
                self.find(Kind::Movement, format!("{name} is not planned"));
                continue;
            };
            let way = self.brute.way(number, picks);
            let meter = &self.brute.tables.tariffs[way.tariff].meter;
            self.same(Kind::Movement, &format!("{name}: bytes"), theirs.bytes, flow.bytes, 0);
            self.same(Kind::Movement, &format!("{name}: time"), theirs.time, way.ms, 1);
            let slack = self.slack.cost;
            self.same(Kind::Movement, &format!("{name}: cost"), theirs.cost * NANO, shares[number], slack);
            if theirs.tariff != *meter {
                self.find(
                    Kind::Movement,
                    format!("{name}: tariff {}, by brute force {meter}", theirs.tariff),
                );
            }
        }
    }
}
