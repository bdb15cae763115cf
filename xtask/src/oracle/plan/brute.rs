//! Every assignment of machines to tasks, with its cost and its time.

use std::collections::HashMap;

use anyhow::Result;

use super::candidate::{Candidate, candidates};
use super::money::{Atto, DOLLAR};
use super::piece::{Objective, Origin};
use super::scene::Scene;
use super::tables::Tables;
use super::tariff::{Place, Tariff};

/// One movement of data: from another task or from outside, to a task.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) from: Source,
    pub(super) to: usize,
    pub(super) bytes: i128,
    /// The input's name.
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Task(usize),
    Outside(Place),
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
            for from in sources(flow, &candidates) {
                for to in &candidates[flow.to] {
                    let key = (from.clone(), to.place.clone());
                    let tariff = match known.get(&key) {
                        Some(tariff) => *tariff,
                        None => *known.entry(key).or_insert(tables.tariff(&from, &to.place)?),
                    };
                    of_flow.push(Way { tariff, ms: tables.moving(&from, &to.place, flow.bytes)? });
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
        let to = self.flows[flow].to;
        let row = match self.flows[flow].from {
            Source::Task(from) => picks[from],
            Source::Outside(_) => 0,
        };
        self.ways[flow][row * self.candidates[to].len() + picks[to]]
    }

    /// What all movements cost together: movements on one meter share its tiers.
    fn egress(&self, picks: &[usize]) -> Atto {
        let mut volumes: Vec<(&Tariff, i128)> = Vec::new();
        for (number, flow) in self.flows.iter().enumerate() {
            let tariff = &self.tables.tariffs[self.way(number, picks).tariff];
            match volumes.iter_mut().find(|(other, _)| other.meter == tariff.meter) {
                Some((_, volume)) => *volume += flow.bytes,
                None => volumes.push((tariff, flow.bytes)),
            }
        }
        volumes.iter().map(|(tariff, volume)| tariff.charge(*volume)).sum()
    }

    /// When each task starts, and when the last has ended. What comes from outside sets out when the job
    /// begins, what comes from a task when that has ended.
    pub(super) fn starts(&self, picks: &[usize]) -> (Vec<i128>, i128) {
        let mut starts = vec![0; picks.len()];
        let mut last = 0;
        let ended = |starts: &[i128], task: usize| starts[task] + self.candidates[task][picks[task]].ms;
        for &task in &self.order {
            let mut start = 0;
            for edge in self.scene.edges.iter().filter(|edge| edge.to == task) {
                start = start.max(ended(&starts, edge.from));
            }
            for (number, flow) in self.flows.iter().enumerate().filter(|(_, flow)| flow.to == task) {
                let from = if let Source::Task(from) = flow.from { ended(&starts, from) } else { 0 };
                start = start.max(from + self.way(number, picks).ms);
            }
            starts[task] = start;
            last = last.max(ended(&starts, task));
        }
        (starts, last)
    }

    /// The movements' own shares: what each adds to those before it, on its meter.
    pub(super) fn shares(&self, picks: &[usize]) -> Vec<Atto> {
        let mut volumes: HashMap<&str, i128> = HashMap::new();
        let mut shares = Vec::new();
        for (number, flow) in self.flows.iter().enumerate() {
            let tariff = &self.tables.tariffs[self.way(number, picks).tariff];
            let before = volumes.entry(&tariff.meter).or_default();
            shares.push(tariff.charge(*before + flow.bytes) - tariff.charge(*before));
            *before += flow.bytes;
        }
        shares
    }
}

/// The objective's value of a cost and a time, each times its weight in thousandths.
pub(super) fn value(objective: Objective, cost: Atto, ms: i128) -> i128 {
    objective.cost * cost + objective.time * ms * DOLLAR / MS_PER_HOUR
}

/// In the order of a plan: those from outside first, task by task, then the job's edges.
fn flows(scene: &Scene) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (to, step) in scene.steps.iter().enumerate() {
        for (number, (origin, bytes)) in step.inputs.iter().enumerate() {
            let place = match origin {
                Origin::Region(_, provider, region) => Place::new(provider, region),
                Origin::Here => Place::here(),
            };
            flows.push(Flow { from: Source::Outside(place), to, bytes: *bytes, name: format!("x{number}") });
        }
    }
    for (number, edge) in scene.edges.iter().enumerate() {
        if let Some(bytes) = edge.bytes {
            let name = format!("i{number}");
            flows.push(Flow { from: Source::Task(edge.from), to: edge.to, bytes, name });
        }
    }
    flows
}

fn sources(flow: &Flow, candidates: &[Vec<Candidate>]) -> Vec<Place> {
    match &flow.from {
        Source::Task(task) => candidates[*task].iter().map(|candidate| candidate.place.clone()).collect(),
        Source::Outside(place) => vec![place.clone()],
    }
}

/// Each task after those it waits for. Generated edges lead from lower to higher positions.
fn order(scene: &Scene) -> Vec<usize> {
    (0..scene.steps.len()).collect()
}
