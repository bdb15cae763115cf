//! A plan in the making: placements with the whole plan's figures, alternatives, movements of data.

use super::whole::{Outcome, There, Whole};
use crate::candidates::{Candidate, Candidates};
use crate::model::{Flow, FlowSource, Model};
use crate::plan::{Node, Placement, Transfer, TransferSource};
use crate::request::Request;
use crate::solve::Goal;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use welkin_catalog::OfferId;
use welkin_job::{Job, Market};
use welkin_units::{Span, Usd};

/// Alternatives kept for each task: enough to outlive a bad day, few enough to read.
const MAX_ALTERNATIVES: usize = 12;
/// Of these, at most so many in one region: zones of a region tend to run out together.
const MAX_PER_REGION: usize = 3;

/// A plan in the making.
pub(super) struct Draft<'d, 'a> {
    request: &'d Request<'a>,
    model: &'d Model<'a>,
    /// The chosen candidate of each task.
    pub(super) chosen: Vec<&'d Candidate>,
    whole: Whole<'d, 'a>,
}

/// What alternatives are ordered by, the best first: the order of options, where they have one, then what the whole plan
/// is worth with it.
#[derive(Debug, Clone, Copy)]
struct Rank {
    preference: u16,
    value: f64,
    /// Of the whole plan, in the eyes of the objective.
    cost: Usd,
    scored: Usd,
    time: Span,
    offer: OfferId,
}

impl Rank {
    fn of(goal: &Goal, candidate: &Candidate, outcome: &Outcome) -> Self {
        Self {
            preference: candidate.preference,
            value: goal.value(outcome.scored.nanos(), millis(outcome.time)),
            cost: outcome.scored,
            scored: candidate.scored,
            time: candidate.time,
            offer: candidate.offer,
        }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let rest = |rank: &Self| (rank.cost, rank.scored, rank.time, rank.offer);
        let first = self.preference.cmp(&other.preference).then(self.value.total_cmp(&other.value));
        first.then_with(|| rest(self).cmp(&rest(other)))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

impl<'d, 'a> Draft<'d, 'a> {
    pub(super) fn new(request: &'d Request<'a>, model: &'d Model<'a>, chosen: Vec<&'d Candidate>) -> Self {
        let whole = Whole::new(request, model, &chosen);
        Self { request, model, chosen, whole }
    }

    /// From the start of a task to the end of its last delivery.
    pub(super) fn occupied(&self, task: usize) -> Span {
        self.whole.occupied(task)
    }

    /// Where the task runs.
    pub(super) fn choice(&self, task: usize, start: Span) -> Placement {
        self.placement(task, self.chosen[task], self.whole.outcome(), start)
    }

    fn placement(&self, task: usize, candidate: &Candidate, whole: Outcome, start: Span) -> Placement {
        let offer = self.request.catalog.offer(candidate.offer);
        Placement {
            provider: offer.place.provider.to_owned(),
            region: offer.place.region.to_owned(),
            zone: offer.zone.map(str::to_owned),
            node: Node {
                instance_type: offer.instance_type.to_owned(),
                vcpus_milli: offer.vcpus_milli,
                memory: offer.memory,
                accelerator: offer
                    .accelerator
                    .map(|accelerator| (accelerator.name.to_owned(), accelerator.count_milli)),
                tee: offer.tee.names().map(str::to_owned).collect(),
            },
            nodes: self.request.job.tasks[task].num_nodes,
            market: candidate.market,
            hourly: candidate.hourly,
            time: candidate.time,
            cost: candidate.cost,
            plan_cost: whole.cost,
            plan_time: whole.time,
            start,
        }
    }

    /// The next best placements of a task with all others kept, each in another failure domain.
    pub(super) fn alternatives(
        &self,
        task: usize,
        found: &Candidates,
        goal: &Goal,
        start: Span,
    ) -> Vec<Placement> {
        let place = |candidate: &Candidate| self.model.place_of(self.request, candidate);
        let there = self.whole.places(task, self.chosen[task], found.list.iter().map(place));
        let outcome = |candidate: &Candidate| -> Option<Outcome> {
            let there: &There = there[usize::from(place(candidate))].as_ref()?;
            Some(there.with(candidate))
        };
        let ranked = found.list.iter().enumerate().filter_map(|(index, candidate)| {
            let outcome = outcome(candidate)?;
            // The dearest amount there is stands for sums that leave the range.
            let kept = goal.allows(outcome.cost.nanos(), millis(outcome.time)) && outcome.cost != Usd::MAX;
            kept.then(|| (Reverse(Rank::of(goal, candidate, &outcome)), Reverse(index)))
        });
        let mut ranked: BinaryHeap<_> = ranked.collect();
        let mut taken: Vec<(&str, &str, Option<&str>, Market)> = Vec::new();
        let own = self.request.catalog.offer(self.chosen[task].offer);
        taken.push((own.place.provider, own.place.region, own.zone, self.chosen[task].market));
        let mut alternatives = Vec::new();
        while let Some((_, Reverse(index))) = ranked.pop() {
            let candidate = &found.list[index];
            let offer = self.request.catalog.offer(candidate.offer);
            let domain = (offer.place.provider, offer.place.region, offer.zone, candidate.market);
            let same_region = taken.iter().filter(|known| (known.0, known.1) == (domain.0, domain.1)).count();
            if taken.contains(&domain) || same_region >= MAX_PER_REGION {
                continue;
            }
            taken.push(domain);
            alternatives
                .extend(outcome(candidate).map(|whole| self.placement(task, candidate, whole, start)));
            if alternatives.len() == MAX_ALTERNATIVES {
                break;
            }
        }
        alternatives
    }

    pub(super) fn transfers(&self) -> Vec<Transfer> {
        let places: Vec<u16> =
            self.chosen.iter().map(|candidate| self.model.place_of(self.request, candidate)).collect();
        let moves = self.model.transfers(&places);
        let costs = self.model.network.data_costs(&moves);
        let flows = self.model.flows.iter().zip(&moves).zip(costs);
        flows
            .map(|((flow, (from, to, bytes)), cost)| Transfer {
                source: source(self.request.job, flow),
                task: self.request.job.tasks[flow.to].name.clone(),
                input: flow.input.clone(),
                delivered_to: flow.delivery.as_ref().map(|outside| outside.uri.clone()),
                bytes: *bytes,
                cost,
                time: self.model.network.time(*from, *to, *bytes),
                tariff: self.model.network.describe(*from, *to),
                by_region: self.model.network.by_region(self.request, flow, (*from, *to, *bytes)),
            })
            .collect()
    }
}

fn source(job: &Job, flow: &Flow) -> TransferSource {
    match &flow.from {
        FlowSource::Task { task, output } => {
            TransferSource::Task { task: job.tasks[*task].name.clone(), output: output.clone() }
        }
        FlowSource::Outside(outside) => TransferSource::Uri(outside.uri.clone()),
    }
}

fn millis(span: Span) -> i64 {
    i64::try_from(span.millis()).unwrap_or(i64::MAX)
}
