//! What the whole plan costs and takes when one task runs elsewhere.
//!
//! All other tasks stand, so the change is priced by what the task touches: its own machines, the data that it reads,
//! sends and delivers, when its data is there, and what follows once it has ended. The longest path around the task is
//! known beforehand ([`super::detour`]). A place costs a look at the flows of the task, a candidate there nothing more.
//!
//! *Guarantee:* costs and times are those of the plan added up anew, to the nano-dollar and millisecond: prices of data
//! are differences of one function of all volumes, whatever the order of movements.

use super::detour::{Leap, detours};
use crate::candidates::Candidate;
use crate::model::{FlowSource, Model};
use crate::request::Request;
use std::collections::BTreeMap;
use welkin_job::TaskDag;
use welkin_units::{Bytes, Span, Usd};

/// A plan with what its changes are priced by.
pub(super) struct Whole<'w, 'a> {
    model: &'w Model<'a>,
    dag: TaskDag,
    places: Vec<u16>,
    /// From the start of each task to the end of its last delivery.
    occupied: Vec<Span>,
    /// By task: the flows that it reads, sends and delivers.
    flows: Vec<Vec<usize>>,
    /// Bytes of the month by tariff, those of the plan included.
    volumes: Vec<Bytes>,
    machines: i128,
    scored: i128,
    data: i128,
    finish: Vec<Span>,
    /// From the end of each task to the end of the job.
    rest: Vec<Span>,
    /// How long everything takes without each task.
    without: Vec<Span>,
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) cost: Usd,
    /// In the eyes of the objective.
    pub(super) scored: Usd,
    pub(super) time: Span,
}

/// The plan with one task at a place, its machines left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct There {
    /// Cost of all others' machines, and of all data.
    pub(super) cost: i128,
    pub(super) scored: i128,
    pub(super) ready: Span,
    pub(super) delivery: Span,
    pub(super) rest: Span,
    pub(super) without: Span,
}

impl There {
    /// The plan with the task on this candidate of the place.
    pub(super) fn with(&self, candidate: &Candidate) -> Outcome {
        let cost = usd(self.cost + i128::from(candidate.cost.nanos()));
        let (scored, time) = self.at_least(candidate.scored, candidate.time);
        Outcome { cost, scored, time }
    }
}

impl There {
    /// What no candidate of the place with such a score and time, or more, comes below: in the eyes of the objective, and
    /// how long.
    pub(super) fn at_least(&self, scored: Usd, time: Span) -> (Usd, Span) {
        let through = self.ready + time + self.delivery + self.rest;
        (usd(self.scored + i128::from(scored.nanos())), through.max(self.without))
    }
}

/// The dearest amount there is stands for sums that leave the range.
fn usd(nanos: i128) -> Usd {
    Usd::checked_from_nanos(nanos).unwrap_or(Usd::MAX)
}

impl<'w, 'a> Whole<'w, 'a> {
    pub(super) fn new(request: &Request<'a>, model: &'w Model<'a>, chosen: &[&Candidate]) -> Self {
        let count = chosen.len();
        let dag = TaskDag::new(request.job).expect("the parser hands out acyclic jobs only");
        let places: Vec<u16> = chosen.iter().map(|candidate| model.place_of(request, candidate)).collect();
        let occupied = chosen
            .iter()
            .enumerate()
            .map(|(task, candidate)| candidate.time + model.delivery_time(task, places[task]));
        let mut flows = vec![Vec::new(); count];
        for (index, flow) in model.flows.iter().enumerate() {
            flows[flow.to].push(index);
            if let FlowSource::Task { task, .. } = flow.from
                && task != flow.to
            {
                flows[task].push(index);
            }
        }
        let mut whole = Self {
            model,
            dag,
            occupied: occupied.collect(),
            places,
            flows,
            volumes: model.network.month_to_date().to_vec(),
            machines: chosen.iter().map(|candidate| i128::from(candidate.cost.nanos())).sum(),
            scored: chosen.iter().map(|candidate| i128::from(candidate.scored.nanos())).sum(),
            data: 0,
            finish: vec![Span::ZERO; count],
            rest: vec![Span::ZERO; count],
            without: Vec::new(),
        };
        for transfer in model.transfers(&whole.places) {
            whole.data += model.network.add(&mut whole.volumes, transfer);
        }
        whole.walk();
        whole
    }

    /// Goes through the plan as it stands, there and back.
    fn walk(&mut self) {
        for position in 0..self.dag.len() {
            let task = self.dag.order()[position];
            self.finish[task] = self.ready(task, self.places[task]) + self.occupied[task];
        }
        for position in (0..self.dag.len()).rev() {
            let task = self.dag.order()[position];
            self.rest[task] = self.rest_from(task, self.places[task]);
        }
        let mut position = vec![0; self.dag.len()];
        self.dag.order().iter().enumerate().for_each(|(at, task)| position[*task] = at);
        let after = |task: usize| self.occupied[task] + self.rest[task];
        let ended: Vec<Span> = self.dag.order().iter().map(|task| self.finish[*task]).collect();
        let begun =
            self.dag.order().iter().map(|task| self.outside_ready(*task, self.places[*task]) + after(*task));
        let mut leaps = Vec::new();
        for to in 0..self.dag.len() {
            let leap = |from: usize, moving: Span| Leap {
                from: position[from],
                to: position[to],
                length: self.finish[from] + moving + after(to),
            };
            leaps.extend(self.dag.predecessors(to).iter().map(|from| leap(*from, Span::ZERO)));
            leaps.extend(self.data_into(to, self.places[to]).map(|(from, moving)| leap(from, moving)));
        }
        let by_position = detours(&ended, &begun.collect::<Vec<_>>(), leaps);
        self.without = position.iter().map(|at| by_position[*at]).collect();
    }

    /// The outputs that a task at a place reads: whose, and how long they move.
    fn data_into(&self, task: usize, place: u16) -> impl Iterator<Item = (usize, Span)> {
        self.inputs(task).filter_map(move |flow| match self.model.flows[flow].from {
            FlowSource::Task { task: from, .. } => {
                let time = self.model.network.time(self.places[from], place, self.model.flows[flow].bytes);
                Some((from, time))
            }
            FlowSource::Outside(_) => None,
        })
    }

    /// The flows that a task waits for.
    fn inputs(&self, task: usize) -> impl Iterator<Item = usize> {
        let flows = self.flows[task].iter().copied();
        flows.filter(move |flow| {
            let flow = &self.model.flows[*flow];
            flow.to == task && flow.delivery.is_none()
        })
    }

    /// When what comes from outside the job is at a place.
    fn outside_ready(&self, task: usize, place: u16) -> Span {
        let outside =
            self.inputs(task).filter(|flow| matches!(self.model.flows[*flow].from, FlowSource::Outside(_)));
        let time = |flow: usize| {
            let from = self.model.outside_of(flow);
            self.model.network.time(from, place, self.model.flows[flow].bytes)
        };
        outside.map(time).max().unwrap_or_default()
    }

    /// When all that a task waits for is at a place.
    fn ready(&self, task: usize, place: u16) -> Span {
        let before = self.dag.predecessors(task).iter().map(|from| self.finish[*from]);
        let data = self.data_into(task, place).map(|(from, moving)| self.finish[from] + moving);
        before.chain(data).max().unwrap_or_default().max(self.outside_ready(task, place))
    }

    /// From the end of a task at a place to the end of the job.
    fn rest_from(&self, task: usize, place: u16) -> Span {
        let next = |to: usize| self.occupied[to] + self.rest[to];
        let waiting = self.dag.successors(task).iter().map(|to| next(*to));
        let sent =
            self.flows[task].iter().map(|index| &self.model.flows[*index]).filter(|flow| flow.to != task);
        let sent =
            sent.map(|flow| self.model.network.time(place, self.places[flow.to], flow.bytes) + next(flow.to));
        waiting.chain(sent).max().unwrap_or_default()
    }

    /// From the start of a task to the end of its last delivery.
    pub(super) fn occupied(&self, task: usize) -> Span {
        self.occupied[task]
    }

    /// The plan as it stands.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome {
            cost: usd(self.machines + self.data),
            scored: usd(self.scored + self.data),
            time: self.finish.iter().copied().max().unwrap_or_default(),
        }
    }

    /// By place: the plan with a task, whose candidate now is `chosen`, at each of some places.
    pub(super) fn places(
        &self,
        task: usize,
        chosen: &Candidate,
        places: impl Iterator<Item = u16>,
    ) -> Vec<Option<There>> {
        let own = &self.flows[task];
        let standing = self.places[task];
        // Volumes of everything but the task, and what its own movements add to them.
        let moves = |place: u16| -> Vec<(u16, u16, Bytes)> {
            own.iter().map(|flow| self.model.transfer_at(*flow, task, place, &self.places)).collect()
        };
        let standing_moves = moves(standing);
        let mut others = self.volumes.clone();
        for (from, to, bytes) in &standing_moves {
            let on = usize::from(self.model.network.tariff(*from, *to).0);
            others[on] = others[on].saturating_sub(*bytes);
        }
        // Of hundreds of places there are a few kinds: from most of a provider's, data goes over the same meters.
        let mut known: BTreeMap<Vec<u16>, i128> = BTreeMap::new();
        let mut price = |moves: &[(u16, u16, Bytes)]| {
            let meters = moves.iter().map(|(from, to, _)| self.model.network.tariff(*from, *to).0);
            *known.entry(meters.collect()).or_insert_with_key(|meters| {
                let before: Vec<Bytes> = meters.iter().map(|on| others[usize::from(*on)]).collect();
                let cost = moves.iter().map(|transfer| self.model.network.add(&mut others, *transfer)).sum();
                meters.iter().zip(before).for_each(|(on, before)| others[usize::from(*on)] = before);
                cost
            })
        };
        let without_data = self.data - price(&standing_moves);
        let mut all: Vec<Option<There>> = vec![None; self.model.network.endpoints.len()];
        for place in places {
            all[usize::from(place)].get_or_insert_with(|| {
                let data = without_data + price(&moves(place));
                There {
                    cost: self.machines - i128::from(chosen.cost.nanos()) + data,
                    scored: self.scored - i128::from(chosen.scored.nanos()) + data,
                    ready: self.ready(task, place),
                    delivery: self.model.delivery_time(task, place),
                    rest: self.rest_from(task, place),
                    without: self.without[task],
                }
            });
        }
        all
    }
}
