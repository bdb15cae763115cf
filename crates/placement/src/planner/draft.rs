//! A plan in the making: placements with the whole plan's figures, alternatives, movements of data.

use super::ranking::{Groups, Ranking};
use super::whole::{Outcome, Whole};
use crate::candidates::{Candidate, Candidates};
use crate::model::{Flow, FlowSource, Model};
use crate::plan::{Node, Placement, Transfer, TransferSource};
use crate::request::Request;
use crate::solve::Goal;
use std::rc::Rc;
use welkin_job::{Job, Market};
use welkin_units::Span;

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
    /// Of each task; tasks of one kind share theirs.
    groups: Vec<Rc<Groups>>,
}

impl<'d, 'a> Draft<'d, 'a> {
    /// `found` are the candidates of each task.
    pub(super) fn new(
        request: &'d Request<'a>,
        model: &'d Model<'a>,
        chosen: Vec<&'d Candidate>,
        found: &[Rc<Candidates>],
    ) -> Self {
        let whole = Whole::new(request, model, &chosen);
        let mut kinds: Vec<(&Rc<Candidates>, Rc<Groups>)> = Vec::new();
        let mut grouped = |found| match kinds.iter().find(|(kind, _)| Rc::ptr_eq(kind, found)) {
            Some((_, groups)) => Rc::clone(groups),
            None => {
                let place = |candidate: &Candidate| model.place_of(request, candidate);
                let groups = Rc::new(Groups::new(&found.list, place));
                kinds.push((found, Rc::clone(&groups)));
                groups
            }
        };
        let groups = found.iter().map(&mut grouped).collect();
        Self { request, model, chosen, whole, groups }
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
            place: offer.named_place(),
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
        let groups = &*self.groups[task];
        let there = self.whole.places(task, self.chosen[task], groups.places());
        let mut ranking = Ranking::new(&found.list, groups, there, goal);
        let mut taken: Vec<(&str, &str, Option<&str>, Market)> = Vec::new();
        let own = self.request.catalog.offer(self.chosen[task].offer);
        taken.push((own.place.provider, own.place.region, own.zone, self.chosen[task].market));
        let mut alternatives = Vec::new();
        while let Some(index) = ranking.next() {
            let candidate = &found.list[index];
            let offer = self.request.catalog.offer(candidate.offer);
            let domain = (offer.place.provider, offer.place.region, offer.zone, candidate.market);
            let same_region = taken.iter().filter(|known| (known.0, known.1) == (domain.0, domain.1)).count();
            if taken.contains(&domain) || same_region >= MAX_PER_REGION {
                continue;
            }
            taken.push(domain);
            let outcome = ranking.outcome(self.model.place_of(self.request, candidate), candidate);
            alternatives.extend(outcome.map(|whole| self.placement(task, candidate, whole, start)));
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
