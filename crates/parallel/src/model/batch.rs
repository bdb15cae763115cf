//! The batch: which dimensions run over examples, and the same step on a part of them.

use super::graph::{Model, Op, Role, ValueId};

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
        let mut loops = Vec::with_capacity(model.ops.len());
        for op in &model.ops {
            let turns = op.ins.iter().find_map(|operand| operand.dims[dims[operand.value]?]);
            if let Some(turns) = turns {
                op.outs.iter().for_each(|out| dims[out.value] = out.dim_of(turns));
            }
            loops.push(turns);
        }
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

impl Model {
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
