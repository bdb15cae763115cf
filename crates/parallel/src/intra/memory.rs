//! What is in memory when: values live from where they are made to where they are read last.
//!
//! Operations run in the order of the file. State is replaced in place: what a step was given is gone after it was read last,
//! and what takes its place stays. Fused values are never in memory.

use super::bench::Bench;
use super::problem::Problem;
use crate::model::{Model, Role, ValueId};
use crate::solve::{Limit, Node};
use crate::strategy::Weight;

/// From when to when each value is in memory, in operations; both ends included. Nothing for what never is.
#[derive(Debug)]
pub(crate) struct Lives {
    spans: Vec<Option<(usize, usize)>>,
    moments: usize,
    /// Values that are inputs.
    given: Vec<bool>,
}

impl Lives {
    pub(crate) fn new(model: &Model, weights: &[Weight]) -> Self {
        let moments = model.ops.len().max(1);
        let mut spans: Vec<Option<(usize, usize)>> = vec![None; model.values.len()];
        let mut given = vec![false; model.values.len()];
        model.inputs.iter().for_each(|input| given[input.value] = true);
        let mut replaced = vec![false; model.inputs.len()];
        model.outputs.iter().filter_map(|output| output.becomes).for_each(|input| replaced[input] = true);
        for (at, input) in model.inputs.iter().enumerate() {
            let gone = input.role == Role::State && replaced[at];
            spans[input.value] = Some((0, if gone { 0 } else { moments - 1 }));
        }
        for (at, (op, weight)) in model.ops.iter().zip(weights).enumerate() {
            for operand in &op.ins {
                if let Some(span) = &mut spans[operand.value] {
                    span.1 = span.1.max(at);
                }
            }
            for out in op.outs.iter().filter(|_| *weight != Weight::Fused) {
                spans[out.value] = Some((at, at));
            }
        }
        for output in &model.outputs {
            if let Some(span) = &mut spans[output.value] {
                span.1 = moments - 1;
            }
        }
        Self { spans, moments, given }
    }

    /// The moment at which these layouts need most, and how much that is.
    pub(crate) fn peak(&self, bytes: impl Fn(ValueId) -> f64) -> (usize, f64) {
        let mut changes = vec![0.0; self.moments + 1];
        for (value, (from, to)) in self.each() {
            let bytes = bytes(value);
            changes[from] += bytes;
            changes[to + 1] -= bytes;
        }
        let mut now = 0.0;
        let mut peak = (0, 0.0);
        for (at, change) in changes.iter().enumerate().take(self.moments) {
            now += change;
            if now > peak.1 {
                peak = (at, now);
            }
        }
        peak
    }

    /// What is made up to one moment and read after it.
    pub(crate) fn across(&self, moment: usize, bytes: impl Fn(ValueId) -> f64) -> f64 {
        let given = |value: ValueId| self.given[value];
        let over =
            self.each().filter(|(value, (from, to))| !given(*value) && *from <= moment && *to > moment);
        over.map(|(value, _)| bytes(value)).sum()
    }

    /// The limit at one moment.
    pub(crate) fn limit(
        &self,
        model: &Model,
        bench: &mut Bench,
        problem: &Problem,
        moment: usize,
        most: f64,
    ) -> Limit {
        let live = self.each().filter(|(_, (from, to))| (*from..=*to).contains(&moment));
        let mut weights: Vec<(Node, _)> = Vec::new();
        for (value, _) in live {
            let Some(seat) = problem.layouts.get(&value) else { continue };
            let bytes = seat
                .layouts
                .iter()
                .map(|layout| layout.local_bytes(&model.values[value], &bench.mesh.sizes))
                .collect();
            weights.push((seat.node, bench.store.vector(bytes)));
        }
        Limit { most, weights }
    }

    fn each(&self) -> impl Iterator<Item = (ValueId, (usize, usize))> {
        self.spans.iter().enumerate().filter_map(|(value, span)| Some((value, (*span)?)))
    }
}
