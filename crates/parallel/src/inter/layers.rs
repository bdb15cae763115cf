//! Cuts a step into layers: the forward pass where little crosses a cut, and all else with the layer whose work it belongs to.
//!
//! Forward is what the loss depends on. It is cut between repeated blocks, and where there are none near equal shares of the
//! operations, each time where the fewest bytes cross.
//! The backward pass goes down the layers: an operation is in the layer of what it follows, or further down if it reads what a
//! lower layer alone uses. What only leads to the next state of one layer's parameters is that layer's, so that a norm over all
//! gradients does not pull every update into the first layer.

use super::blocks::blocks;
use crate::model::{Kind, Model, Role, ValueId};
use std::ops::Range;

/// The layer of each operation, and whether it is of the forward pass.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    pub(crate) of: Vec<usize>,
    pub(crate) forward: Vec<bool>,
    pub(crate) count: usize,
    /// For each layer but the first, the bytes of the forward pass that it is given by those below.
    pub(crate) crossing: Vec<f64>,
    /// Those that are equal blocks, or shares of a model that has none.
    pub(crate) repeated: Range<usize>,
}

/// Places in the program before which a layer begins.
struct Cuts {
    places: Vec<usize>,
    bytes: Vec<f64>,
    repeated: Range<usize>,
}

/// How far from a target a cut may be, in layers.
const WINDOW: f64 = 0.3;

/// Nothing where there is no loss, or too little to cut.
pub(crate) fn layers(model: &Model, count: usize) -> Option<Layers> {
    let loss = model.outputs.iter().find(|output| {
        let value = &model.values[output.value];
        output.becomes.is_none()
            && value.shape.iter().product::<u64>() == 1
            && !matches!(value.kind, Kind::Other(_))
    })?;
    let forward = ancestors(model, loss.value);
    let Cuts { places: cuts, bytes: crossing, repeated } = cuts(model, &forward, count)?;
    let mut of = vec![usize::MAX; model.ops.len()];
    for (at, layer) in of.iter_mut().enumerate().filter(|(at, _)| forward[*at]) {
        *layer = cuts.iter().filter(|cut| **cut <= at).count();
    }
    let count = cuts.len() + 1;
    let mut reach = reach(model, &forward, &of);
    updates(model, &forward, &mut of, &reach);
    backward(model, &mut of, &mut reach, count);
    Some(Layers { of, forward, count, crossing, repeated })
}

fn ancestors(model: &Model, loss: ValueId) -> Vec<bool> {
    let mut wanted = vec![false; model.values.len()];
    wanted[loss] = true;
    let mut forward = vec![false; model.ops.len()];
    for (at, op) in model.ops.iter().enumerate().rev() {
        if op.outs.iter().any(|out| wanted[out.value]) {
            forward[at] = true;
            op.ins.iter().for_each(|operand| wanted[operand.value] = true);
        }
    }
    forward
}

fn cuts(model: &Model, forward: &[bool], count: usize) -> Option<Cuts> {
    let crossing = crossing(model, forward);
    let Some(mut places) = blocks(model, forward, &crossing) else {
        let (places, bytes) = even(model, forward, count, &crossing)?;
        let repeated = 0..places.len() + 1;
        return Some(Cuts { places, bytes, repeated });
    };
    let blocks = places.len() - 1;
    let works = |from: usize, end: usize| (from..end).any(|at| forward[at]);
    let before = usize::from(works(0, places[0]));
    if before == 0 {
        places.remove(0);
    }
    if places.last().is_none_or(|last| !works(*last, model.ops.len())) {
        places.pop();
    }
    let bytes = places.iter().map(|place| crossing[*place]).collect();
    Some(Cuts { places, bytes, repeated: before..before + blocks })
}

/// Near equal shares of the operations.
fn even(model: &Model, forward: &[bool], count: usize, crossing: &[f64]) -> Option<(Vec<usize>, Vec<f64>)> {
    let total: f64 =
        model.ops.iter().zip(forward).filter(|(_, forward)| **forward).map(|(op, _)| op.flops).sum();
    let share = total / count as f64;
    let (mut cuts, mut bytes) = (Vec::new(), Vec::new());
    let (mut done, mut target, mut best): (f64, usize, Option<(f64, usize)>) = (0.0, 1, None);
    for (at, op) in model.ops.iter().enumerate().filter(|(at, _)| forward[*at]) {
        while target < count && done > share * (target as f64 + WINDOW) {
            // One operation can be larger than a layer: then there is nothing to cut near this target.
            if let Some((fewest, place)) = best.take() {
                cuts.push(place);
                bytes.push(fewest);
            }
            target += 1;
        }
        let near = done > 0.0 && target < count && done >= share * (target as f64 - WINDOW);
        if near && best.is_none_or(|(fewest, _)| crossing[at] < fewest) {
            best = Some((crossing[at], at));
        }
        done += op.flops;
    }
    if let Some((fewest, place)) = best {
        cuts.push(place);
        bytes.push(fewest);
    }
    (total > 0.0 && !cuts.is_empty()).then_some((cuts, bytes))
}

/// For each operation the bytes that forward operations before it made and forward ones from it on read.
fn crossing(model: &Model, forward: &[bool]) -> Vec<f64> {
    let mut span: Vec<Option<(usize, usize)>> = vec![None; model.values.len()];
    for (at, op) in model.ops.iter().enumerate().filter(|(at, _)| forward[*at]) {
        op.ins.iter().for_each(|operand| {
            if let Some(span) = &mut span[operand.value] {
                span.1 = at;
            }
        });
        op.outs.iter().for_each(|out| span[out.value] = Some((at, at)));
    }
    let mut changes = vec![0.0; model.ops.len() + 2];
    for (value, span) in span.iter().enumerate() {
        if let Some((made, read)) = span {
            let bytes = model.values[value].bytes as f64;
            changes[made + 1] += bytes;
            changes[read + 1] -= bytes;
        }
    }
    let mut now = 0.0;
    changes
        .iter()
        .take(model.ops.len())
        .map(|change| {
            now += change;
            now
        })
        .collect()
}

/// The last layer whose forward pass reads or makes each value; nothing where none does.
fn reach(model: &Model, forward: &[bool], of: &[usize]) -> Vec<Option<usize>> {
    let mut reach = vec![None; model.values.len()];
    for (at, op) in model.ops.iter().enumerate().filter(|(at, _)| forward[*at]) {
        for operand in op.ins.iter().chain(&op.outs) {
            let last: &mut Option<usize> = &mut reach[operand.value];
            *last = (*last).max(Some(of[at]));
        }
    }
    reach
}

/// What only leads to the state of one layer.
fn updates(model: &Model, forward: &[bool], of: &mut [usize], reach: &[Option<usize>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum Leads {
        Nowhere,
        To(usize),
        Apart,
    }
    let join = |a: Leads, b: Leads| match (a, b) {
        (Leads::Nowhere, other) | (other, Leads::Nowhere) => other,
        (a, b) if a == b => a,
        _ => Leads::Apart,
    };
    let mut leads = vec![Leads::Nowhere; model.values.len()];
    for output in &model.outputs {
        let input = output.becomes.map(|input| model.inputs[input].value);
        let layer = input.and_then(|value| reach[value]);
        // The state of an optimizer goes where what is made of it goes.
        let own = match (input, layer) {
            (Some(_), Some(layer)) => Leads::To(layer),
            (Some(_), None) => Leads::Nowhere,
            (None, _) => Leads::Apart,
        };
        leads[output.value] = join(leads[output.value], own);
    }
    for (at, op) in model.ops.iter().enumerate().rev() {
        let to = op.outs.iter().fold(Leads::Nowhere, |to, out| join(to, leads[out.value]));
        if forward[at] {
            op.ins.iter().for_each(|operand| leads[operand.value] = Leads::Apart);
            continue;
        }
        if let Leads::To(layer) = to {
            of[at] = layer;
        }
        op.ins.iter().for_each(|operand| leads[operand.value] = join(leads[operand.value], to));
    }
}

/// The rest, in order.
fn backward(model: &Model, of: &mut [usize], reach: &mut [Option<usize>], count: usize) {
    let mut made_in: Vec<Option<usize>> = vec![None; model.values.len()];
    let given: Vec<bool> = {
        let mut given = vec![false; model.values.len()];
        model
            .inputs
            .iter()
            .filter(|input| input.role == Role::State)
            .for_each(|input| given[input.value] = true);
        given
    };
    for (at, op) in model.ops.iter().enumerate() {
        if of[at] == usize::MAX {
            let follows = op.ins.iter().filter_map(|operand| made_in[operand.value]).min();
            let reads = op.ins.iter().filter_map(|operand| reach[operand.value]).min();
            of[at] = match (follows, reads) {
                (Some(follows), Some(reads)) => follows.min(reads),
                (Some(layer), None) | (None, Some(layer)) => layer,
                (None, None) => usize::MAX,
            };
        }
        if of[at] == usize::MAX {
            continue;
        }
        for out in &op.outs {
            if reach[out.value].is_none() {
                made_in[out.value] = Some(of[at]);
            }
        }
        for operand in op.ins.iter().filter(|operand| given[operand.value] && reach[operand.value].is_none())
        {
            made_in[operand.value] = Some(of[at]);
        }
    }
    // What depends on nothing is with the first that reads it.
    let mut reader = vec![usize::MAX; model.values.len()];
    for (at, op) in model.ops.iter().enumerate().rev() {
        if of[at] == usize::MAX {
            let first = op.outs.iter().map(|out| reader[out.value]).min().unwrap_or(0);
            of[at] = if first == usize::MAX { 0 } else { first };
        }
        op.ins.iter().for_each(|operand| reader[operand.value] = reader[operand.value].min(of[at]));
    }
    debug_assert!(of.iter().all(|layer| *layer < count), "every operation has a layer");
}
