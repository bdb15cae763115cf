//! What is in memory when: values live from where they are made to where they are read last.
//!
//! Operations run in the order of the file. State is replaced in place: what a step was given is gone after it was read last,
//! and what takes its place stays. Fused values are never in memory: an operation that is fused is done where its reader is, and
//! what it reads is needed until then. An operation on elements writes over an operand that nobody reads later.

use super::bench::Bench;
use super::problem::Problem;
use crate::model::{Model, Operand, Reduce, Role, ValueId};
use crate::solve::{Limit, Node};
use crate::strategy::Weight;

/// From when to when each value is in memory, in operations; both ends included. Nothing for what never is.
#[derive(Debug)]
pub(crate) struct Lives {
    spans: Vec<Option<(usize, usize)>>,
    moments: usize,
    /// Values that are inputs.
    given: Vec<bool>,
    /// Values that what reads them last writes over: they end before it, since what it makes is in their place.
    over: Vec<bool>,
}

impl Lives {
    pub(crate) fn new(model: &Model, weights: &[Weight]) -> Self {
        let moments = model.ops.len().max(1);
        let mut spans: Vec<Option<(usize, usize)>> = vec![None; model.values.len()];
        let mut given = vec![false; model.values.len()];
        model.inputs.iter().for_each(|input| given[input.value] = true);
        let done = Done::all(model, weights);
        let mut stays = vec![false; model.values.len()];
        let mut replaced = vec![false; model.inputs.len()];
        model.outputs.iter().filter_map(|output| output.becomes).for_each(|input| replaced[input] = true);
        for (at, input) in model.inputs.iter().enumerate() {
            let gone = input.role == Role::State && replaced[at];
            spans[input.value] = Some((0, if gone { 0 } else { moments - 1 }));
            stays[input.value] = !gone;
        }
        for (at, (op, weight)) in model.ops.iter().zip(weights).enumerate() {
            for operand in &op.ins {
                if let Some(span) = &mut spans[operand.value] {
                    span.1 = span.1.max(done[at].at);
                }
            }
            for out in op.outs.iter().filter(|_| *weight != Weight::Fused) {
                spans[out.value] = Some((at, at));
            }
        }
        for output in &model.outputs {
            stays[output.value] = true;
            if let Some(span) = &mut spans[output.value] {
                span.1 = moments - 1;
            }
        }
        let over = written_over(model, &done, &stays, &mut spans);
        Self { spans, moments, given, over }
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
        let read = |value: ValueId, to: usize| to + usize::from(self.over[value]) > moment;
        let across = self
            .each()
            .filter(|(value, (from, to))| !self.given[*value] && *from <= moment && read(*value, *to));
        across.map(|(value, _)| bytes(value)).sum()
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

/// Where an operation is done.
#[derive(Debug, Clone, Copy)]
struct Done {
    /// Itself, or the operation that it is fused into.
    at: usize,
    /// Whether an element that it makes is read for the one in its place of what is made there, and for no other.
    alike: bool,
}

impl Done {
    fn all(model: &Model, weights: &[Weight]) -> Vec<Self> {
        let mut readers = vec![0; model.values.len()];
        for (at, op) in model.ops.iter().enumerate() {
            op.ins.iter().for_each(|operand| readers[operand.value] = at);
        }
        let mut done: Vec<Self> = Vec::with_capacity(model.ops.len());
        for (at, (op, weight)) in model.ops.iter().zip(weights).enumerate() {
            done.push(Self { at, alike: *weight != Weight::Heavy && op.outs.len() == 1 });
        }
        // A sum is less than what it is made of: it is made at once, and not what it reads kept until it is read.
        let fused = |at: &usize| weights[*at] == Weight::Fused && model.ops[*at].reduce == Reduce::None;
        for at in (0..model.ops.len()).rev().filter(fused) {
            let Some(out) = model.ops[at].outs.first() else { continue };
            let (reader, next) = (&model.ops[readers[out.value]], done[readers[out.value]]);
            let mut reads = reader.ins.iter().filter(|operand| operand.value == out.value);
            let alike = next.alike && reads.all(|operand| in_place(operand, &reader.outs));
            done[at] = Self { at: next.at, alike };
        }
        done
    }
}

/// Whether each element is read for the result's element in the same place.
fn in_place(operand: &Operand, outs: &[Operand]) -> bool {
    operand.dims.iter().all(Option::is_some) && outs.first().is_some_and(|out| out.dims == operand.dims)
}

/// Ends values where they are written over: each operation on elements writes over one of its kind and shape, if it is read there
/// last, element by element. Which those are.
fn written_over(
    model: &Model,
    done: &[Done],
    stays: &[bool],
    spans: &mut [Option<(usize, usize)>],
) -> Vec<bool> {
    let mut alike = vec![true; spans.len()];
    let ends = |span: Option<(usize, usize)>, at: usize| span.is_some_and(|(from, to)| from < to && to == at);
    for (op, done) in model.ops.iter().zip(done) {
        for operand in op.ins.iter().filter(|operand| ends(spans[operand.value], done.at)) {
            alike[operand.value] &= done.alike && in_place(operand, &op.outs);
        }
    }
    let mut taken = vec![false; model.ops.len()];
    let mut over = vec![false; spans.len()];
    for (op, done) in model.ops.iter().zip(done) {
        let [out] = &model.ops[done.at].outs[..] else { continue };
        for operand in op.ins.iter().filter(|operand| alike[operand.value] && !stays[operand.value]) {
            let same = model.values[operand.value] == model.values[out.value];
            if same && !taken[done.at] && ends(spans[operand.value], done.at) {
                taken[done.at] = true;
                over[operand.value] = true;
                spans[operand.value] = spans[operand.value].map(|(from, to)| (from, to - 1));
            }
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intra::weights;

    /// `x` and `w` of 8 by 8 numbers, of which `ops` make values 2 to 5, and 6 of 8; 5 is the result, in the place of `w` if that is
    /// state.
    fn step(role: &str, ops: &[&str]) -> Model {
        let becomes = if role == "state" { r#", "becomes": 1"# } else { "" };
        let values = [[r#"["f32", [8, 8]]"#; 6].join(", "), r#"["f32", [8]]"#.to_owned()].join(", ");
        let text = format!(
            r#"{{"schema": "welkin.model-graph/1", "values": [{values}],
            "inputs": [{{"value": 0, "name": "x", "role": "data"}}, {{"value": 1, "name": "w", "role": "{role}"}}],
            "outputs": [{{"value": 5, "name": "y"{becomes}}}], "ops": [{}]}}"#,
            ops.join(", ")
        );
        Model::read(text.as_bytes()).unwrap()
    }

    fn elements(ins: &[usize], out: usize) -> String {
        let ins: Vec<_> = ins.iter().map(|value| format!("[{value}, [0, 1]]")).collect();
        let ins = ins.join(", ");
        format!(r#"{{"op": "e", "loops": [["i", 8], ["j", 8]], "in": [{ins}], "out": [[{out}, [0, 1]]]}}"#)
    }

    fn product(left: usize, right: usize, out: usize) -> String {
        format!(
            r#"{{"op": "dot_general", "loops": [["m", 8], ["k", 8], ["n", 8]], "in": [[{left}, [0, 1]], [{right}, [1, 2]]],
            "out": [[{out}, [0, 2]]], "reduce": "sum", "linear": [[0], [1]], "flops": 1024}}"#
        )
    }

    fn spans(model: &Model) -> Vec<Option<(usize, usize)>> {
        Lives::new(model, &weights(model)).spans
    }

    #[test]
    fn what_a_fused_operation_reads_is_there_until_its_reader_runs_which_writes_over_it() {
        // 3 is fused into what makes 5, which comes after another product.
        let model = step(
            "constant",
            &[&product(0, 1, 2), &elements(&[2], 3), &product(0, 1, 4), &elements(&[3, 4], 5)],
        );
        let all = Some((0, 3));
        assert_eq!(spans(&model), [all, all, Some((0, 2)), None, Some((2, 3)), Some((3, 3)), None]);
        // What is written over by an operation is still what crosses from before it.
        let crossing =
            Lives::new(&model, &weights(&model)).across(2, |value| if value == 2 { 1.0 } else { 16.0 });
        assert!((crossing - 17.0).abs() < 1e-9, "{crossing}");
        // A sum is small, and is made at once.
        let sum = r#"{"op": "sum", "loops": [["i", 8], ["j", 8]], "in": [[2, [0, 1]]], "out": [[6, [0]]], "reduce": "sum", "linear": [[0]]}"#;
        let spread = elements(&[6, 4], 5).replace("[6, [0, 1]]", "[6, [0]]");
        let model = step("constant", &[&product(0, 1, 2), sum, &product(0, 1, 4), &spread]);
        assert_eq!(spans(&model)[2], Some((0, 1)));
    }

    #[test]
    fn state_is_written_over_by_what_replaces_it_and_what_is_read_in_other_places_by_nothing() {
        let made = [product(0, 1, 2), product(0, 2, 3), product(0, 3, 4)];
        let update = |ops: &str| spans(&step("state", &[&made[0], &made[1], &made[2], ops]));
        assert_eq!(update(&elements(&[1, 4], 5))[1], Some((0, 2)));
        // Read transposed: an element is read after another one was written.
        let transposed = elements(&[1, 4], 5).replace("[1, [0, 1]]", "[1, [1, 0]]");
        assert_eq!(update(&transposed)[1], Some((0, 3)));
        assert_eq!(update(&transposed)[4], Some((2, 2)));
        // Products read all of a row for each element.
        assert_eq!(update(&product(1, 4, 5))[1], Some((0, 3)));
        // The batch is the caller's.
        assert_eq!(update(&elements(&[0, 4], 5))[0], Some((0, 3)));
    }
}
