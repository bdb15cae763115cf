//! The batch: which dimensions run over examples, and the same step on a part of them.

use super::graph::{Kind, Model, Op, Operand, Reduce, Role, ValueId};

/// For each value the dimension that runs over examples, and for each operation the loop that does.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) dims: Vec<Option<usize>>,
    pub(crate) loops: Vec<Option<usize>>,
    /// Examples; 0 where there is no batch.
    pub(crate) size: u64,
}

impl Batch {
    /// The first dimension of what is given anew for each step, followed through the loops of operations.
    pub(crate) fn of(model: &Model) -> Self {
        let mut dims: Vec<Option<usize>> = vec![None; model.values.len()];
        let sizes = model.inputs.iter().filter(|input| input.role == Role::Data);
        let size =
            sizes.filter_map(|input| model.values[input.value].shape.first().copied()).max().unwrap_or(0);
        for input in model.inputs.iter().filter(|input| input.role == Role::Data) {
            if model.values[input.value].shape.first() == Some(&size) && size > 1 {
                dims[input.value] = Some(0);
            }
        }
        let mut follow = Follow {
            model,
            given: vec![false; model.values.len()],
            size,
            loops: vec![None; model.ops.len()],
            dims,
        };
        model.inputs.iter().for_each(|input| follow.given[input.value] = true);
        // What is made for all examples alike, such as a mask, is known by its readers, and then has readers itself.
        while follow.onwards() | follow.back() {}
        let Follow { dims, loops, .. } = follow;
        Self { dims, loops, size }
    }

    /// Operations that are done once a step: none that depends on them runs over examples, nor do they.
    pub(crate) fn once(&self, model: &Model) -> Vec<bool> {
        let mut examples = vec![false; model.values.len()];
        let mut once = vec![false; model.ops.len()];
        for (at, op) in model.ops.iter().enumerate().rev() {
            let many = self.loops[at].is_some() || op.outs.iter().any(|out| examples[out.value]);
            once[at] = !many;
            if many {
                op.ins.iter().for_each(|operand| examples[operand.value] = true);
            }
        }
        once
    }
}

/// Why a step cannot be done on parts of its batch, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Uncut {
    #[error("`{0}` needs all examples at once")]
    AllAtOnce(String),
    #[error("`{0}` works on each example with a sum over all of them")]
    AfterSum(String),
    #[error("`{0}` combines all examples, and not by a sum")]
    Combines(String),
    #[error("`{0}` reads a row for each example of what is not a part of the batch")]
    Rows(String),
}

impl Batch {
    /// Why no microbatches can be made: what runs plans (`python/welkin/jax/microbatch.py`) refuses the same.
    ///
    /// A value is cut into examples, the same for all, or a sum over all. What reads a sum has to wait for all of them, so it must be
    /// done once; and what is done once reads nothing that is cut.
    pub(crate) fn uncut(&self, model: &Model) -> Option<Uncut> {
        let once = self.once(model);
        let mut given = vec![false; model.values.len()];
        model.inputs.iter().for_each(|input| given[input.value] = true);
        let mut sums = vec![false; model.values.len()];
        for (at, op) in model.ops.iter().enumerate() {
            let name = || op.name.clone();
            let turns = self.loops[at];
            let cut = |operand: &Operand| {
                self.dims[operand.value].map(|dim| operand.dims.get(dim).copied().flatten())
            };
            let other =
                op.ins.iter().filter_map(cut).any(|along| once[at] || along.is_none() || along != turns);
            if other {
                return Some(Uncut::AllAtOnce(name()));
            }
            if once[at] {
                continue;
            }
            if op.ins.iter().any(|operand| sums[operand.value]) {
                return Some(Uncut::AfterSum(name()));
            }
            let Some(turns) = turns else { continue };
            let rows = |operand: &Operand| given[operand.value] && self.dims[operand.value].is_none();
            if op.ins.iter().any(|operand| rows(operand) && operand.dim_of(turns).is_some()) {
                return Some(Uncut::Rows(name()));
            }
            for out in op.outs.iter().filter(|out| out.dim_of(turns).is_none()) {
                if op.reduce != Reduce::Sum {
                    return Some(Uncut::Combines(name()));
                }
                sums[out.value] = true;
            }
        }
        None
    }
}

/// Examples, as they are followed through a model.
struct Follow<'a> {
    model: &'a Model,
    given: Vec<bool>,
    size: u64,
    dims: Vec<Option<usize>>,
    loops: Vec<Option<usize>>,
}

impl Follow<'_> {
    /// From what operations read to what they make; says whether anything came of it.
    fn onwards(&mut self) -> bool {
        let mut news = false;
        for (at, op) in self.model.ops.iter().enumerate() {
            if self.loops[at].is_some() {
                continue;
            }
            let turns = op.ins.iter().find_map(|operand| operand.dims[self.dims[operand.value]?]);
            let Some(turns) = turns else { continue };
            self.loops[at] = Some(turns);
            op.outs.iter().for_each(|out| self.dims[out.value] = out.dim_of(turns));
            news = true;
        }
        news
    }

    /// From what operations make to what they read.
    fn back(&mut self) -> bool {
        let mut news = false;
        for (at, op) in self.model.ops.iter().enumerate().rev() {
            if self.loops[at].is_none() {
                self.loops[at] = op.outs.iter().find_map(|out| out.dims[self.dims[out.value]?]);
                news |= self.loops[at].is_some();
            }
            let Some(turns) = self.loops[at] else { continue };
            for operand in op.ins.iter().filter(|operand| !self.given[operand.value]) {
                let dim = operand.dim_of(turns);
                let all = |dim: &usize| self.model.values[operand.value].shape[*dim] == self.size;
                if let (None, Some(dim)) = (self.dims[operand.value], dim.filter(all)) {
                    self.dims[operand.value] = Some(dim);
                    news = true;
                }
            }
        }
        news
    }
}

impl Model {
    /// Tokens of a step: the elements of its largest batch that is no floating point, or else its examples.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let batch = self.inputs.iter().filter(|input| input.role == Role::Data);
        let words = batch.map(|input| &self.values[input.value]);
        let words = words.filter(|value| matches!(value.kind, Kind::Other(_)));
        let most = words.map(|value| value.shape.iter().product()).max().unwrap_or(0);
        if most > 1 { most } else { Batch::of(self).size }
    }

    /// The same step on one of `count` equal parts of the batch; nothing where these are not equal.
    pub(crate) fn microbatch(&self, batch: &Batch, count: u64) -> Option<Self> {
        if count == 1 {
            return Some(self.clone());
        }
        let mut part = self.clone();
        let divided = |size: u64| size.is_multiple_of(count).then(|| size / count);
        for (value, dim) in batch.dims.iter().enumerate() {
            if let Some(dim) = dim {
                let value: ValueId = value;
                let size = &mut part.values[value].shape[*dim];
                *size = divided(*size)?;
                part.values[value].bytes /= count;
            }
        }
        for (op, turns) in part.ops.iter_mut().zip(&batch.loops) {
            if let Some(turns) = turns {
                divide(op, *turns, divided(op.loops[*turns].size)?);
            }
        }
        Some(part)
    }
}

/// A loop that turns once splits nothing.
fn divide(op: &mut Op, turns: usize, size: u64) {
    op.flops = op.flops * size as f64 / op.loops[turns].size as f64;
    op.loops[turns].size = size;
    if size == 1 {
        for operand in op.ins.iter_mut().chain(&mut op.outs) {
            operand.dims.iter_mut().filter(|dim| **dim == Some(turns)).for_each(|dim| *dim = None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each block makes a mask for all examples out of nothing that depends on them.
    #[test]
    fn a_microbatch_has_all_that_is_made_for_its_examples_and_nothing_of_others() {
        const EXAMPLES: u64 = 64;
        let model = Model::read(include_bytes!("../../tests/data/blocks.json")).unwrap();
        let batch = Batch::of(&model);
        assert_eq!(batch.size, EXAMPLES);
        let part = model.microbatch(&batch, 8).unwrap();
        let read = part.ops.iter().flat_map(|op| &op.ins).map(|operand| &part.values[operand.value]);
        assert!(read.into_iter().all(|value| !value.shape.contains(&EXAMPLES)));
        for op in &part.ops {
            for operand in op.ins.iter().chain(&op.outs) {
                let shape = &part.values[operand.value].shape;
                let runs = operand.dims.iter().zip(shape);
                assert!(
                    runs.filter_map(|(turns, size)| Some((op.loops[(*turns)?].size, size)))
                        .all(|(turns, size)| size.is_multiple_of(turns))
                );
            }
        }
    }

    /// `x` of 8 examples, through operations on one dimension: pairs of a name and what reads and makes it.
    fn step(ops: &str) -> Model {
        let text = format!(
            r#"{{"schema": "welkin.model-graph/1", "values": [["f32", [8, 4]], ["f32", [4]], ["f32", []], ["f32", [8, 4]], ["f32", [4]], ["f32", [8, 4]]],
            "inputs": [{{"value": 0, "name": "x", "role": "data"}}, {{"value": 4, "name": "w", "role": "state"}}, {{"value": 5, "name": "c", "role": "constant"}}],
            "outputs": [{{"value": 1, "name": "a"}}], "ops": [{ops}]}}"#
        );
        Model::read(text.as_bytes()).unwrap()
    }

    const SUM: &str = r#"{"op": "sum", "loops": [["r", 8], ["d", 4]], "in": [[0, [0, 1]]], "out": [[1, [1]]], "reduce": "sum", "linear": [[0]]}"#;

    #[test]
    fn what_needs_all_examples_is_named_and_what_adds_them_up_is_not() {
        let uncut = |ops: &str| Batch::of(&step(ops)).uncut(&step(ops));
        assert_eq!(uncut(SUM), None);
        assert_eq!(
            uncut(&SUM.replace(r#""sum", "linear": [[0]]"#, r#""other""#)),
            Some(Uncut::Combines("sum".to_owned()))
        );
        // Examples stay whole: nothing runs over them.
        let sort = r#"{"op": "sort", "loops": [["d", 4]], "in": [[0, [-1, 0]]], "out": [[1, [0]]]}"#;
        assert_eq!(uncut(sort), Some(Uncut::AllAtOnce("sort".to_owned())));
        let rows = r#"{"op": "add", "loops": [["b", 8], ["d", 4]], "in": [[0, [0, 1]], [5, [0, 1]]], "out": [[3, [0, 1]]]}"#;
        let after = format!("{rows}, {}", SUM.replace("[0, [0, 1]]", "[3, [0, 1]]"));
        assert_eq!(uncut(&after), Some(Uncut::Rows("add".to_owned())));
        // Each example less the mean of all, of which there is a sum again.
        let less = r#"{"op": "less", "loops": [["b", 8], ["d", 4]], "in": [[0, [0, 1]], [2, []]], "out": [[3, [0, 1]]]}"#;
        let total = r#"{"op": "total", "loops": [["r", 8], ["s", 4]], "in": [[0, [0, 1]]], "out": [[2, []]], "reduce": "sum", "linear": [[0]]}"#;
        let after = format!("{total}, {less}, {}", SUM.replace("[0, [0, 1]]", "[3, [0, 1]]"));
        assert_eq!(uncut(&after), Some(Uncut::AfterSum("less".to_owned())));
    }
}
