//! Which operations are a part of the one that reads their result.

use crate::model::{Model, Op};
use crate::strategy::Weight;

/// For each operation how it counts. What compilers fuse: operations on elements whose only reader is one too.
pub(crate) fn weights(model: &Model) -> Vec<Weight> {
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); model.values.len()];
    for (at, op) in model.ops.iter().enumerate() {
        for operand in &op.ins {
            readers[operand.value].push(at);
        }
    }
    let light = |op: &Op| op.flops == 0.0 && op.known;
    let mut results = vec![false; model.values.len()];
    model.outputs.iter().for_each(|output| results[output.value] = true);
    let result = |op: &Op| op.outs.iter().any(|out| results[out.value]);
    let weigh = |op: &Op| {
        if !light(op) {
            return Weight::Heavy;
        }
        let [out] = &op.outs[..] else { return Weight::Light };
        let mut reading = readers[out.value].iter();
        let first = reading.next();
        let only = reading.all(|at| Some(at) == first);
        let fused = only && first.is_some_and(|at| light(&model.ops[*at])) && !result(op);
        if fused { Weight::Fused } else { Weight::Light }
    };
    model.ops.iter().map(weigh).collect()
}
