//! Every assignment of machines to tasks, with its cost and its time.

use std::collections::HashMap;

use anyhow::Result;

use super::candidate::{Candidate, candidates};
use super::money::{Atto, DOLLAR};
use super::piece::{Objective, Origin};
use super::scene::Scene;
use super::tables::Tables;
use super::tariff::{Place, Tariff, charge};

/// One movement of data, to a task or from one, or both.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) bytes: i128,
    /// The input's name; of what is delivered, the output's.
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Task(usize),
    Outside(Place),
}

impl Flow {
    /// The task that it is for: the one that reads, or whose output is delivered.
    pub(super) fn task(&self) -> usize {
        match (&self.from, &self.to) {
            (_, End::Task(task)) | (End::Task(task), End::Outside(_)) => *task,
            (End::Outside(_), End::Outside(_)) => unreachable!("no task moves it"),
        }
    }

    /// Whether it brings an output out of the job.
    pub(super) fn delivers(&self) -> bool {
        matches!(self.to, End::Outside(_))
    }
}

/// What a movement between two places is charged by and how long it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Position of the tariff.
    pub(super) tariff: usize,
    pub(super) ms: i128,
}

/// A job over a catalog, ready to be tried in every way.
#[derive(Debug)]
pub(super) struct Brute<'a> {
    pub(super) scene: &'a Scene,
    pub(super) tables: &'a Tables,
    pub(super) candidates: Vec<Vec<Candidate>>,
    pub(super) flows: Vec<Flow>,
    /// By flow: the way from the source's candidate to the target's, row by row.
    ways: Vec<Vec<Way>>,
    /// Tasks, each after what it waits for.
    order: Vec<usize>,
}

/// An assignment, a candidate for each task, and what comes of it.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) picks: Vec<usize>,
    pub(super) cost: Atto,
    /// The cost as the objective sees it: machines by their scores.
    pub(super) scored: Atto,
    pub(super) egress: Atto,
    pub(super) ms: i128,
    /// What the objective makes of it: 1e-21 of its unit.
    pub(super) value: i128,
}

const MS_PER_HOUR: i128 = 3_600_000;

impl<'a> Brute<'a> {
    pub(super) fn new(scene: &'a Scene, tables: &'a Tables) -> Result<Self> {
        let candidates: Vec<_> = scene.steps.iter().map(|step| candidates(scene, tables, step)).collect();
        let flows = flows(scene);
        let mut known = HashMap::new();
        let mut ways = Vec::new();
        for flow in &flows {
            let mut of_flow = Vec::new();
            for from in places(&flow.from, &candidates) {
                for to in places(&flow.to, &candidates) {
                    let key = (from.clone(), to.clone());
                    let tariff = match known.get(&key) {
                        Some(tariff) => *tariff,
                        None => *known.entry(key).or_insert(tables.tariff(&from, &to)?),
                    };
                    of_flow.push(Way { tariff, ms: tables.moving(&from, &to, flow.bytes)? });
                }
            }
            ways.push(of_flow);
        }
        Ok(Self { scene, tables, candidates, flows, ways, order: order(scene) })
    }

    /// Assignments there are.
    pub(super) fn count(&self) -> usize {
        (0..self.candidates.len()).map(|task| self.choices(task)).fold(1, usize::saturating_mul)
    }

    /// How many candidates of a task a plan may take: they come first.
    pub(super) fn choices(&self, task: usize) -> usize {
        let of_task = &self.candidates[task];
        of_task.iter().take_while(|candidate| candidate.rank == of_task[0].rank).count()
    }

    /// All of them.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let mut all = Vec::new();
        if self.candidates.iter().any(Vec::is_empty) {
            return all;
        }
        let mut picks = vec![0; self.candidates.len()];
        loop {
            all.push(self.outcome(&picks));
            let Some(at) = (0..picks.len()).rfind(|&at| picks[at] + 1 < self.choices(at)) else {
                return all;
            };
            picks[at] += 1;
            picks[at + 1..].fill(0);
        }
    }

    /// What comes of one.
    pub(super) fn outcome(&self, picks: &[usize]) -> Outcome {
        let objective = self.scene.objective;
        let chosen = || picks.iter().enumerate().map(|(task, &pick)| &self.candidates[task][pick]);
        let machines: Atto = chosen().map(|candidate| candidate.cost).sum();
        let egress = self.egress(picks);
        let scored =
            chosen().map(|candidate| candidate.cost * candidate.score / 1_000).sum::<Atto>() + egress;
        let ms = self.starts(picks).1;
        let value = value(objective, scored, ms);
        Outcome { picks: picks.to_vec(), cost: machines + egress, scored, egress, ms, value }
    }

    pub(super) fn way(&self, flow: usize, picks: &[usize]) -> Way {
        let Flow { from, to, .. } = &self.flows[flow];
        let at = |end: &End| match end {
            End::Task(task) => (picks[*task], self.candidates[*task].len()),
            End::Outside(_) => (0, 1),
        };
        let ((row, _), (column, columns)) = (at(from), at(to));
        self.ways[flow][row * columns + column]
    }

    /// What all movements cost together: movements on one meter share its tiers.
    fn egress(&self, picks: &[usize]) -> Atto {
        let mut volumes = Vec::new();
        for flow in 0..self.flows.len() {
            self.meter(&mut volumes, flow, picks);
        }
        charge(&volumes)
    }

    /// Adds the volume of a movement to its meter.
    fn meter<'b>(&'b self, volumes: &mut Vec<(&'b Tariff, i128)>, flow: usize, picks: &[usize]) {
        let tariff = &self.tables.tariffs[self.way(flow, picks).tariff];
        let bytes = self.flows[flow].bytes;
        match volumes.iter_mut().find(|(other, _)| other.meter == tariff.meter) {
            Some((_, volume)) => *volume += bytes,
            None => volumes.push((tariff, bytes)),
        }
    }

    /// When each task starts, and when all is done. What comes from outside sets out when the job begins, what
    /// comes from a task when that is over: it has ended, and its outputs are delivered one after the other.
    pub(super) fn starts(&self, picks: &[usize]) -> (Vec<i128>, i128) {
        let mut starts = vec![0; picks.len()];
        let mut over = vec![0; picks.len()];
        for &task in &self.order {
            let mut start = 0;
            for edge in self.scene.edges.iter().filter(|edge| edge.to == task) {
                start = start.max(over[edge.from]);
            }
            let mut delivery = 0;
            for (number, flow) in self.flows.iter().enumerate().filter(|(_, flow)| flow.task() == task) {
                let ms = self.way(number, picks).ms;
                match (&flow.from, flow.delivers()) {
                    (_, true) => delivery += ms,
                    (End::Task(from), false) => start = start.max(over[*from] + ms),
                    (End::Outside(_), false) => start = start.max(ms),
                }
            }
            starts[task] = start;
            over[task] = start + self.candidates[task][picks[task]].ms + delivery;
        }
        (starts, over.into_iter().max().unwrap_or(0))
    }

    /// The movements' own shares: what each adds to those before it.
    pub(super) fn shares(&self, picks: &[usize]) -> Vec<Atto> {
        let mut volumes = Vec::new();
        let mut before = 0;
        let add = |flow: usize| {
            self.meter(&mut volumes, flow, picks);
            let all = charge(&volumes);
            all - std::mem::replace(&mut before, all)
        };
        (0..self.flows.len()).map(add).collect()
    }
}

/// The objective's value of a cost and a time, each times its weight in thousandths.
pub(super) fn value(objective: Objective, cost: Atto, ms: i128) -> i128 {
    objective.cost * cost + objective.time * ms * DOLLAR / MS_PER_HOUR
}

/// In the order of a plan: those from outside, task by task, then the job's edges, then deliveries.
fn flows(scene: &Scene) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (to, step) in scene.steps.iter().enumerate() {
        for (number, (origin, bytes)) in step.inputs.iter().enumerate() {
            let (from, to) = (End::Outside(place(origin)), End::Task(to));
            flows.push(Flow { from, to, bytes: *bytes, name: format!("x{number}") });
        }
    }
    for (number, edge) in scene.edges.iter().enumerate() {
        if let Some(bytes) = edge.bytes {
            let (from, to) = (End::Task(edge.from), End::Task(edge.to));
            flows.push(Flow { from, to, bytes, name: format!("i{number}") });
        }
    }
    for (from, step) in scene.steps.iter().enumerate() {
        for (number, (origin, bytes)) in step.deliveries.iter().enumerate() {
            let (from, to) = (End::Task(from), End::Outside(place(origin)));
            flows.push(Flow { from, to, bytes: *bytes, name: format!("d{number}") });
        }
    }
    flows
}

fn place(origin: &Origin) -> Place {
    match origin {
        Origin::Region(_, provider, region) => Place::new(provider, region),
        Origin::Provider(_, provider) => Place { provider: (*provider).to_owned(), region: None },
        Origin::Here(_) => Place::here(),
    }
}

fn places(end: &End, candidates: &[Vec<Candidate>]) -> Vec<Place> {
    match end {
        End::Task(task) => candidates[*task].iter().map(|candidate| candidate.place.clone()).collect(),
        End::Outside(place) => vec![place.clone()],
    }
}

/// Each task after those it waits for. Generated edges lead from lower to higher positions.
fn order(scene: &Scene) -> Vec<usize> {
    (0..scene.steps.len()).collect()
}
