//! A part of a model by itself: what it is given by other parts is data, and what others read of it are results.

use crate::model::{Input, Model, Output, Role, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// A part, and what its operations are in the whole.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) model: Model,
    pub(crate) ops: Vec<usize>,
    /// For each of its values what that is in the whole.
    pub(crate) values: Vec<ValueId>,
}

/// For each of `count` numbers the operations that have it.
pub(crate) fn parts(model: &Model, of: &[usize], count: usize) -> Vec<Part> {
    let mut ops: Vec<Vec<usize>> = vec![Vec::new(); count];
    of.iter().enumerate().for_each(|(at, number)| ops[*number].push(at));
    let readers = Readers::new(model);
    ops.into_iter().map(|ops| readers.part(ops)).collect()
}

/// The operations for which `inside` says so.
pub(crate) fn part(model: &Model, inside: impl Fn(usize) -> bool) -> Part {
    Readers::new(model).part((0..model.ops.len()).filter(|at| inside(*at)).collect())
}

/// What is looked up for every part.
struct Readers<'a> {
    model: &'a Model,
    /// For each value the operations that read it.
    of: Vec<Vec<usize>>,
    input_of: BTreeMap<usize, usize>,
}

impl<'a> Readers<'a> {
    fn new(model: &'a Model) -> Self {
        let mut of = vec![Vec::new(); model.values.len()];
        for (at, op) in model.ops.iter().enumerate() {
            op.ins.iter().for_each(|operand| of[operand.value].push(at));
        }
        let input_of = model.inputs.iter().enumerate().map(|(at, input)| (input.value, at)).collect();
        Self { model, of, input_of }
    }

    fn part(&self, ops: Vec<usize>) -> Part {
        let chosen: BTreeSet<usize> = ops.iter().copied().collect();
        let outside = |value: &usize| self.of[*value].iter().any(|reader| !chosen.contains(reader));
        part_of(self.model, ops, &self.input_of, outside)
    }
}

fn part_of(
    model: &Model,
    ops: Vec<usize>,
    original: &BTreeMap<usize, usize>,
    outside: impl Fn(&usize) -> bool,
) -> Part {
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
    for value in read.difference(&made) {
        let (name, role) = match original.get(value) {
            Some(at) => (model.inputs[*at].name.clone(), model.inputs[*at].role),
            None => (format!("value {value}"), Role::Data),
        };
        input_of.insert(*value, inputs.len());
        inputs.push(Input { value: rename(*value), name, role });
    }
    let mut outputs = Vec::new();
    for output in model.outputs.iter().filter(|output| made.contains(&output.value)) {
        let becomes = output.becomes.and_then(|input| input_of.get(&model.inputs[input].value).copied());
        outputs.push(Output { value: rename(output.value), name: output.name.clone(), becomes });
    }
    for value in made.iter().filter(|value| outside(value)) {
        outputs.push(Output { value: rename(*value), name: format!("value {value}"), becomes: None });
    }
    let mut whole = vec![0; values.len()];
    number.iter().for_each(|(value, own)| whole[*own] = *value);
    let model =
        Model { name: model.name.clone(), digest: String::new(), values, inputs, outputs, ops: renamed };
    Part { model, ops, values: whole }
}
