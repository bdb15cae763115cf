//! A part of a model by itself: what it is given by other parts is data, and what others read of it are results.

use crate::model::{Input, Model, Output, Role};
use std::collections::{BTreeMap, BTreeSet};

/// A part, and what its operations are in the whole.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) model: Model,
    pub(crate) ops: Vec<usize>,
}

/// The operations for which `inside` says so.
pub(crate) fn part(model: &Model, inside: impl Fn(usize) -> bool) -> Part {
    let ops: Vec<usize> = (0..model.ops.len()).filter(|at| inside(*at)).collect();
    let chosen: BTreeSet<usize> = ops.iter().copied().collect();
    let mut number: BTreeMap<usize, usize> = BTreeMap::new();
    let mut values = Vec::new();
    let mut rename = |value: usize| {
        *number.entry(value).or_insert_with(|| {
            values.push(model.values[value].clone());
            values.len() - 1
        })
    };
    let mut renamed = Vec::with_capacity(ops.len());
    let mut made = BTreeSet::new();
    let mut read = BTreeSet::new();
    for at in &ops {
        let mut op = model.ops[*at].clone();
        for operand in &mut op.ins {
            read.insert(operand.value);
            operand.value = rename(operand.value);
        }
        for out in &mut op.outs {
            made.insert(out.value);
            out.value = rename(out.value);
        }
        renamed.push(op);
    }
    let mut inputs = Vec::new();
    let mut input_of: BTreeMap<usize, usize> = BTreeMap::new();
    let original: BTreeMap<usize, usize> =
        model.inputs.iter().enumerate().map(|(at, input)| (input.value, at)).collect();
    for value in read.difference(&made) {
        let (name, role) = match original.get(value) {
            Some(at) => (model.inputs[*at].name.clone(), model.inputs[*at].role),
            None => (format!("value {value}"), Role::Data),
        };
        input_of.insert(*value, inputs.len());
        inputs.push(Input { value: rename(*value), name, role });
    }
    let outside: BTreeSet<usize> = model
        .ops
        .iter()
        .enumerate()
        .filter(|(at, _)| !chosen.contains(at))
        .flat_map(|(_, op)| op.ins.iter().map(|operand| operand.value))
        .collect();
    let mut outputs = Vec::new();
    for output in model.outputs.iter().filter(|output| made.contains(&output.value)) {
        let becomes = output.becomes.and_then(|input| input_of.get(&model.inputs[input].value).copied());
        outputs.push(Output { value: rename(output.value), name: output.name.clone(), becomes });
    }
    for value in made.intersection(&outside) {
        outputs.push(Output { value: rename(*value), name: format!("value {value}"), becomes: None });
    }
    let model =
        Model { name: model.name.clone(), digest: String::new(), values, inputs, outputs, ops: renamed };
    Part { model, ops }
}
