//! Where operations are done: by themselves, or as a part of what reads their result.

use crate::model::{Model, Operand, Reduce};
use crate::strategy::Weight;

/// Where an operation is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// Itself, or the operation that it is fused into; the last of them where it is done again for each.
    pub(super) at: usize,
    /// Whether an element that it makes is read for the one in its place of what is made there, and for no other.
    pub(super) alike: bool,
    /// Whether its results are in memory.
    pub(super) stored: bool,
    pub(super) heavy: bool,
    /// Whether it is a part of a sum, which reads each element but once: what others read as well is not done again for it.
    summed: bool,
}

impl Done {
    pub(super) fn all(model: &Model, weights: &[Weight]) -> Vec<Self> {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); model.values.len()];
        for (at, op) in model.ops.iter().enumerate() {
            op.ins.iter().for_each(|operand| readers[operand.value].push(at));
        }
        let mut results = vec![false; model.values.len()];
        model.outputs.iter().for_each(|output| results[output.value] = true);
        let alone = |(at, weight): (usize, &Weight)| Self {
            at,
            alike: *weight != Weight::Heavy && model.ops[at].outs.len() == 1,
            stored: *weight != Weight::Fused,
            heavy: *weight == Weight::Heavy,
            summed: model.ops[at].reduce != Reduce::None,
        };
        let mut done: Vec<Self> = weights.iter().enumerate().map(alone).collect();
        for (at, op) in model.ops.iter().enumerate().rev() {
            // A sum is less than what it is made of: it is made at once, and not what it reads kept until it is read.
            let ([out], Reduce::None) = (&op.outs[..], op.reduce) else { continue };
            let reading = &readers[out.value];
            if weights[at] == Weight::Fused {
                let Some(first) = reading.first() else { continue };
                let (reader, next) = (&model.ops[*first], done[*first]);
                let mut reads = reader.ins.iter().filter(|operand| operand.value == out.value);
                let alike = next.alike && reads.all(|operand| in_place(operand, &reader.outs));
                done[at] = Self { at: next.at, alike, summed: next.summed, ..done[at] };
            } else if weights[at] == Weight::Light && op.again && !results[out.value] {
                let into_all = reading.iter().all(|reader| !done[*reader].heavy);
                let summed = reading.iter().any(|reader| done[*reader].summed);
                let last = reading.iter().map(|reader| done[*reader].at).max();
                let Some(last) = last.filter(|_| into_all && spares(model, &op.ins, out, summed)) else {
                    continue;
                };
                done[at] = Self { at: last, alike: false, stored: false, summed, ..done[at] };
            }
        }
        done
    }
}

/// Whether doing an operation again spares memory: of operands as large as the result it reads one, or, where sums read it, none.
fn spares(model: &Model, ins: &[Operand], out: &Operand, summed: bool) -> bool {
    let large = |operand: &&Operand| {
        operand.dims.iter().all(Option::is_some)
            && model.values[operand.value].bytes >= model.values[out.value].bytes
    };
    ins.iter().filter(large).count() <= usize::from(!summed)
}

/// Whether each element is read for the result's element in the same place.
pub(super) fn in_place(operand: &Operand, outs: &[Operand]) -> bool {
    operand.dims.iter().all(Option::is_some) && outs.first().is_some_and(|out| out.dims == operand.dims)
}
