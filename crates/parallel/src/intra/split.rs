//! A model split over one mesh: solved, and read back as layouts and collectives.

use super::memory::Lives;
use super::problem::{Allowed, Anything, Problem};
use crate::cluster::{Collective, Mesh};
use crate::layout::Layout;
use crate::model::{Model, ValueId};
use crate::reshard::way;
use crate::solve::{Found, solve_limited};
use std::collections::BTreeMap;

/// Moments that are limited, at most: each is where the plan before it needed most.
const MOST_LIMITS: usize = 12;

/// A model on a mesh.
#[derive(Debug, Clone)]
pub(crate) struct Split {
    /// Devices along each axis.
    pub(crate) mesh: Vec<u64>,
    /// Of a step.
    pub(crate) seconds: f64,
    /// No plan on this mesh takes less, by the same costs.
    pub(crate) bound: f64,
    /// Of one device, at the moment at which it needs most.
    pub(crate) peak_bytes: f64,
    /// Of one device, between steps.
    pub(crate) state_bytes: f64,
    /// Where each value that is used lies.
    pub(crate) layouts: BTreeMap<ValueId, Layout>,
    /// What devices say to each other, in order.
    pub(crate) collectives: Vec<Event>,
}

/// A collective of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Which kind.
    pub(crate) kind: Collective,
    /// Along which axes of the mesh, as bits.
    pub(crate) axes: usize,
    /// What each device has of the whole: the result of an all-gather, the operand of the others.
    pub(crate) bytes: f64,
    /// How long it takes.
    pub(crate) seconds: f64,
    /// The operation that needs it or made it, by its place in the model; past the end for what is handed to the next step.
    pub(crate) op: usize,
}

/// Why a model cannot be split over a mesh.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NoSplit {
    /// It needs so many bytes of each device at least, as far as is known.
    Memory(f64),
    /// A restriction leaves nothing.
    Forbidden,
}

/// The best split under a memory limit in bytes.
pub(crate) fn split(model: &Model, mesh: &Mesh, most: f64) -> Result<Split, NoSplit> {
    split_within(model, mesh, most, &Anything)
}

/// As [`split`], where only some layouts and strategies are allowed.
pub(crate) fn split_within(
    model: &Model,
    mesh: &Mesh,
    most: f64,
    allowed: &impl Allowed,
) -> Result<Split, NoSplit> {
    let mut problem = Problem::new(model, mesh, allowed).ok_or(NoSplit::Forbidden)?;
    let lives = Lives::new(model, &problem.weights);
    let mut limits = Vec::new();
    let mut least: f64 = 0.0;
    loop {
        let (found, bound) = solve_limited(&mut problem.store, &problem.graph, &limits);
        let Some(found) = found else {
            // What the limited moments need at least; more where limits exclude each other.
            return Err(NoSplit::Memory(least.max(most)));
        };
        let layouts = layouts(&problem, &found);
        let bytes = |value: ValueId| {
            layouts.get(&value).map_or(0.0, |layout| layout.local_bytes(&model.values[value], &mesh.sizes))
        };
        let (moment, peak) = lives.peak(bytes);
        if peak <= most {
            return Ok(read(model, mesh, &problem, &found, bound.min(found.cost), layouts, peak));
        }
        if limits.len() == MOST_LIMITS {
            return Err(NoSplit::Memory(peak));
        }
        let limit = lives.limit(model, mesh, &mut problem, moment, most);
        least = least.max(limit.least(&problem.store));
        limits.push(limit);
    }
}

fn layouts(problem: &Problem, found: &Found) -> BTreeMap<ValueId, Layout> {
    problem
        .layouts
        .iter()
        .map(|(value, (node, layouts))| (*value, layouts[found.labels[*node] as usize]))
        .collect()
}

fn read(
    model: &Model,
    mesh: &Mesh,
    problem: &Problem,
    found: &Found,
    bound: f64,
    layouts: BTreeMap<ValueId, Layout>,
    peak_bytes: f64,
) -> Split {
    let mut events = Vec::new();
    let mut add = |op: usize, value: ValueId, from: Layout, to: Layout| {
        for hop in way(&model.values[value], mesh, from, to) {
            let Some(kind) = hop.collective else { continue };
            events.push(Event { kind, axes: hop.axes, bytes: hop.bytes, seconds: hop.seconds, op });
        }
    };
    let mut combined = Vec::new();
    for (at, op) in model.ops.iter().enumerate() {
        let strategy = &problem.strategies[at][found.labels[at] as usize];
        for (place, (operand, wanted)) in op.ins.iter().zip(&strategy.ins).enumerate() {
            let again =
                (0..place).any(|before| op.ins[before] == *operand && strategy.ins[before] == *wanted);
            if !again {
                add(at, operand.value, layouts[&operand.value], *wanted);
            }
        }
        for (out, made) in op.outs.iter().zip(&strategy.outs) {
            add(at, out.value, *made, layouts[&out.value]);
            if strategy.combined != 0 {
                let bytes = made.local_bytes(&model.values[out.value], &mesh.sizes);
                let seconds = mesh.collective_s(Collective::AllReduce, strategy.combined, bytes);
                combined.push(Event {
                    kind: Collective::AllReduce,
                    axes: strategy.combined,
                    bytes,
                    seconds,
                    op: at,
                });
            }
        }
    }
    for output in &model.outputs {
        let Some(input) = output.becomes.map(|input| model.inputs[input].value) else { continue };
        add(model.ops.len(), output.value, layouts[&output.value], layouts[&input]);
    }
    events.extend(combined);
    events.sort_by_key(|event| event.op);
    let state = model.inputs.iter().filter(|input| input.role == crate::model::Role::State);
    let state_bytes =
        state.map(|input| layouts[&input.value].local_bytes(&model.values[input.value], &mesh.sizes)).sum();
    Split {
        mesh: mesh.sizes.clone(),
        seconds: found.cost,
        bound,
        peak_bytes,
        state_bytes,
        layouts,
        collectives: events,
    }
}
