//! The batch: which dimensions run over examples, and the same step on a part of them.

use super::graph::{Kind, Model, Op, Role, ValueId};

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
}
