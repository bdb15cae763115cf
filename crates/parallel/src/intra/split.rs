//! A model split over one mesh: solved, and read back as layouts and collectives.

use super::bench::Bench;
use super::lives::{Lives, most_of};
use super::problem::{Allowed, Anything, Problem};
use super::shares::Shares;
use super::weights::weights;
use crate::cluster::{Collective, Mesh};
use crate::layout::Layout;
use crate::model::{Model, Role, ValueId};
use crate::reshard::Hop;
use crate::solve::{Care, Found, Limited};
use crate::strategy::Strategy;
use std::collections::BTreeMap;

/// Times that moments are limited, at most: each is where the plan before it needed most, with those around it that are over the limit.
const MOST_ROUNDS: usize = 12;

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
    /// Of the forward pass, where that is known.
    pub(crate) forward_s: f64,
    /// Of one device: what the backward pass needs of the forward pass.
    pub(crate) kept_bytes: f64,
    /// Where each value that is used lies.
    pub(crate) layouts: BTreeMap<ValueId, Layout>,
    /// What devices say to each other, in order.
    pub(crate) collectives: Vec<Event>,
    /// How each operation is split.
    pub(crate) works: Vec<Work>,
    /// What is brought from one layout to another, in order.
    pub(crate) moves: Vec<Move>,
}

/// How an operation is split.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) ins: Vec<Layout>,
    pub(crate) outs: Vec<Layout>,
    /// Axes, as bits, along which results are combined at once.
    pub(crate) combined: usize,
}

/// A value that is brought into another layout: before the operation that reads it, or after the one that made it.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    /// As in [`Event`].
    pub(crate) op: usize,
    pub(crate) value: ValueId,
    pub(crate) from: Layout,
    pub(crate) hops: Vec<Hop>,
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
    /// It takes so many seconds at least, and as much is known already.
    Worse(f64),
}

/// The best split under a memory limit in bytes.
pub(crate) fn split(model: &Model, bench: &mut Bench, most: f64, care: Care) -> Result<Split, NoSplit> {
    split_within(model, bench, most, &Anything, &Shares::whole(model), care)
}

/// As [`split`], of a microbatch.
pub(crate) fn split_shared(
    model: &Model,
    bench: &mut Bench,
    most: f64,
    shares: &Shares,
    care: Care,
) -> Result<Split, NoSplit> {
    split_within(model, bench, most, &Anything, shares, care)
}

/// As [`split`], where only some layouts and strategies are allowed.
pub(crate) fn split_within(
    model: &Model,
    bench: &mut Bench,
    most: f64,
    allowed: &impl Allowed,
    shares: &Shares,
    care: Care,
) -> Result<Split, NoSplit> {
    let lives = Lives::new(model, &weights(model), shares.step);
    let floor = lives.floor(model, bench.mesh.sizes.iter().product());
    if floor > most {
        return Err(NoSplit::Memory(floor));
    }
    let problem = Problem::new(model, bench, allowed, shares).ok_or(NoSplit::Forbidden)?;
    let mut limited = Limited::new(&problem.graph);
    let mut least: f64 = 0.0;
    for round in 0.. {
        let (found, bound) = limited.solve(&mut bench.store, care);
        if bound >= care.known && bound.is_finite() {
            return Err(NoSplit::Worse(bound));
        }
        let Some(found) = found else {
            // What the limited moments need at least; more where limits exclude each other.
            return Err(NoSplit::Memory(least.max(most)));
        };
        let layouts = layouts(&problem, &found);
        let needs = lives.needs(model, bench, &problem, &found.labels);
        let (moment, peak) = most_of(&needs);
        if peak <= most {
            return Ok(read(
                (model, bench, shares),
                &problem,
                &found,
                bound.min(found.cost),
                layouts,
                peak,
                &lives,
            ));
        }
        if round == MOST_ROUNDS {
            return Err(NoSplit::Memory(peak));
        }
        // What is less at one moment of an operation is often as much at the next.
        let around = moment.saturating_sub(AROUND)..=(moment + AROUND).min(needs.len() - 1);
        for moment in around.filter(|at| needs[*at] > most) {
            let limit = lives.limit(model, bench, &problem, moment, most);
            least = least.max(limit.least(&bench.store));
            limited.limit(limit);
        }
    }
    unreachable!("a last round ends it")
}

/// Moments before and after one that are looked at with it: an operation has three.
const AROUND: usize = 3;

fn layouts(problem: &Problem, found: &Found) -> BTreeMap<ValueId, Layout> {
    problem
        .layouts
        .iter()
        .map(|(value, seat)| (*value, seat.layouts[found.labels[seat.node] as usize]))
        .collect()
}

/// What a solution means, as layouts and collectives.
struct Reader<'a> {
    model: &'a Model,
    bench: &'a mut Bench,
    layouts: &'a BTreeMap<ValueId, Layout>,
    events: Vec<Event>,
    moves: Vec<Move>,
}

fn read(
    (model, bench, shares): (&Model, &mut Bench, &Shares),
    problem: &Problem,
    found: &Found,
    bound: f64,
    layouts: BTreeMap<ValueId, Layout>,
    peak_bytes: f64,
    lives: &Lives,
) -> Split {
    let mut reader = Reader { model, bench, layouts: &layouts, events: Vec::new(), moves: Vec::new() };
    let (mut forward_s, mut works) = (0.0, Vec::new());
    for at in 0..model.ops.len() {
        let strategy = &problem.choices[at].all[found.labels[at] as usize];
        reader.operation(at, strategy);
        let Strategy { ins, outs, combined, .. } = strategy.clone();
        works.push(Work { ins, outs, combined });
        if shares.forward[at] {
            forward_s += strategy.seconds;
        }
    }
    for output in &model.outputs {
        let Some(input) = output.becomes.map(|input| model.inputs[input].value) else { continue };
        reader.changed(model.ops.len(), output.value, layouts[&output.value], layouts[&input]);
    }
    let Reader { bench, events: collectives, moves, .. } = reader;
    let mesh = &bench.mesh;
    let heard = collectives.iter().filter(|event| shares.forward.get(event.op) == Some(&true));
    forward_s += heard.map(|event| event.seconds).sum::<f64>();
    let bytes = |value: ValueId| {
        layouts.get(&value).map_or(0.0, |layout| layout.local_bytes(&model.values[value], &mesh.sizes))
    };
    let given = |role: Role| {
        model.inputs.iter().filter(move |input| input.role == role).map(|input| bytes(input.value))
    };
    let last = shares.forward.iter().rposition(|forward| *forward);
    let kept_bytes = last.map_or(0.0, |last| lives.across(last, bytes)) + given(Role::Data).sum::<f64>();
    Split {
        mesh: mesh.sizes.clone(),
        seconds: found.cost,
        bound,
        forward_s,
        peak_bytes,
        state_bytes: given(Role::State).sum(),
        kept_bytes,
        collectives,
        works,
        moves,
        layouts: layouts.clone(),
    }
}

impl Reader<'_> {
    fn operation(&mut self, at: usize, strategy: &Strategy) {
        let op = &self.model.ops[at];
        for (place, (operand, wanted)) in op.ins.iter().zip(&strategy.ins).enumerate() {
            let again =
                (0..place).any(|before| op.ins[before] == *operand && strategy.ins[before] == *wanted);
            if !again {
                self.changed(at, operand.value, self.layouts[&operand.value], *wanted);
            }
        }
        for (out, made) in op.outs.iter().zip(&strategy.outs) {
            if strategy.combined != 0 {
                let bytes = made.local_bytes(&self.model.values[out.value], &self.bench.mesh.sizes);
                let (kind, axes) = (Collective::AllReduce, strategy.combined);
                let seconds = self.bench.mesh.collective_s(kind, axes, bytes);
                self.events.push(Event { kind, axes, bytes, seconds, op: at });
            }
            self.changed(at, out.value, *made, self.layouts[&out.value]);
        }
    }

    fn changed(&mut self, op: usize, value: ValueId, from: Layout, to: Layout) {
        let hops = self.bench.ways(&self.model.values[value]).way(from, to);
        for hop in &hops {
            let Some(kind) = hop.collective else { continue };
            self.events.push(Event { kind, axes: hop.axes, bytes: hop.bytes, seconds: hop.seconds, op });
        }
        if !hops.is_empty() {
            self.moves.push(Move { op, value, from, hops });
        }
    }
}

impl Split {
    /// Bytes that a device sends, where collectives go around rings.
    pub(crate) fn wire_bytes(&self, mesh: &Mesh) -> f64 {
        let sent = |event: &Event| {
            let count = mesh.group(event.axes);
            let times = if event.kind == Collective::AllReduce { 2.0 } else { 1.0 };
            times * (count - 1.0) / count * event.bytes
        };
        self.collectives.iter().map(sent).sum()
    }
}
