//! From bytes to a model, or to a word on what is wrong with them.

use super::graph::{Input, Kind, Loop, Model, Op, Operand, Output, Reduce, Role, Value, ValueId};
use super::wire::{self, Document, SCHEMA};
use std::collections::BTreeSet;

/// The largest model file: 45 times that of a transformer with 96 layers, each operation by itself.
pub const MOST_MODEL_BYTES: u64 = 256 << 20;

/// Dimensions of a value: layouts keep four bits for each.
const MOST_DIMS: usize = 12;

/// Loops of an operation: more than any operation between values of 12 dimensions that was met.
const MOST_LOOPS: usize = 24;

/// Why a file is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is too large.
    #[error("the file has {bytes} bytes; a model has at most {MOST_MODEL_BYTES}")]
    TooLarge {
        /// How many it has.
        bytes: u64,
    },
    /// It is not JSON, cut short, or has other keys.
    #[error("the file is not a model graph")]
    Json(#[source] serde_json::Error),
    /// Another version wrote it.
    #[error("the file says it is `{0}`; this version reads `{SCHEMA}`")]
    Schema(String),
    /// Something in it cannot be.
    #[error("{place}: {what}")]
    Wrong {
        /// Where: `operation 12 (dot_general)`.
        place: String,
        /// What.
        what: String,
    },
}

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// When it is too large, no JSON, of another version, or says what cannot be: the message names the place.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        let count = bytes.len() as u64;
        if count > MOST_MODEL_BYTES {
            return Err(ModelError::TooLarge { bytes: count });
        }
        let document: Document = serde_json::from_slice(bytes).map_err(ModelError::Json)?;
        if document.schema != SCHEMA {
            return Err(ModelError::Schema(document.schema.chars().take(60).collect()));
        }
        Self::of(document)
    }

    /// What a file says, if it can be.
    pub(crate) fn of(document: Document) -> Result<Self, ModelError> {
        let digest = digest(&document);
        let mut reader = Reader { made: vec![false; document.values.len()], values: Vec::new() };
        reader.values(&document.values)?;
        let inputs = reader.inputs(document.inputs)?;
        let ops = document
            .ops
            .into_iter()
            .enumerate()
            .map(|(at, op)| reader.op(at, op))
            .collect::<Result<_, _>>()?;
        let outputs = reader.outputs(document.outputs, &inputs)?;
        let model = Self { name: document.name, digest, values: reader.values, inputs, outputs, ops };
        Ok(model.without_idle())
    }

    /// Leaves out what no result depends on.
    fn without_idle(mut self) -> Self {
        let mut wanted: BTreeSet<ValueId> = self.outputs.iter().map(|output| output.value).collect();
        let mut used = vec![false; self.ops.len()];
        for (op, used) in self.ops.iter().zip(&mut used).rev() {
            *used = op.outs.iter().any(|out| wanted.contains(&out.value));
            if *used {
                wanted.extend(op.ins.iter().map(|operand| operand.value));
            }
        }
        let mut used = used.into_iter();
        self.ops.retain(|_| used.next() == Some(true));
        self
    }
}

fn digest(document: &Document) -> String {
    let mut hasher = blake3::Hasher::new();
    serde_json::to_writer(&mut hasher, document).expect("what was read can be written");
    hasher.finalize().to_hex().to_string()
}

fn wrong(place: impl Into<String>, what: impl Into<String>) -> ModelError {
    ModelError::Wrong { place: place.into(), what: what.into() }
}

struct Reader {
    values: Vec<Value>,
    /// Which values were given or made so far.
    made: Vec<bool>,
}

impl Reader {
    fn values(&mut self, values: &[(String, Vec<u64>)]) -> Result<(), ModelError> {
        for (at, (kind, shape)) in values.iter().enumerate() {
            let place = || format!("value {at}");
            let kind = Kind::named(kind)
                .ok_or_else(|| wrong(place(), format!("there is no element type `{kind}`")))?;
            if shape.len() > MOST_DIMS {
                return Err(wrong(place(), format!("{} dimensions; {MOST_DIMS} are allowed", shape.len())));
            }
            let bytes = shape.iter().try_fold(kind.size(), |bytes, size| bytes.checked_mul(*size));
            // Sums of all values of a step must fit as well: 2^52 bytes are four petabytes for one.
            let bytes = bytes.filter(|bytes| *bytes < 1 << 52);
            let bytes = bytes
                .ok_or_else(|| wrong(place(), format!("a shape of {shape:?} is larger than 4 petabytes")))?;
            self.values.push(Value { kind, shape: shape.clone(), bytes });
        }
        Ok(())
    }

    fn value(&self, number: u32, place: &str) -> Result<ValueId, ModelError> {
        let value = number as usize;
        if value < self.values.len() {
            Ok(value)
        } else {
            Err(wrong(place, format!("there is no value {number}")))
        }
    }

    fn make(&mut self, value: ValueId, place: &str) -> Result<(), ModelError> {
        if std::mem::replace(&mut self.made[value], true) {
            return Err(wrong(place, format!("value {value} is made or given twice")));
        }
        Ok(())
    }

    fn inputs(&mut self, inputs: Vec<wire::Input>) -> Result<Vec<Input>, ModelError> {
        let mut read = Vec::with_capacity(inputs.len());
        for (at, input) in inputs.into_iter().enumerate() {
            let place = format!("input {at}");
            let value = self.value(input.value, &place)?;
            self.make(value, &place)?;
            let role = match input.role {
                wire::Role::State => Role::State,
                wire::Role::Data => Role::Data,
                wire::Role::Constant => Role::Constant,
            };
            read.push(Input { value, name: input.name, role });
        }
        Ok(read)
    }

    fn outputs(&self, outputs: Vec<wire::Output>, inputs: &[Input]) -> Result<Vec<Output>, ModelError> {
        let mut taken = BTreeSet::new();
        let mut read = Vec::with_capacity(outputs.len());
        for (at, output) in outputs.into_iter().enumerate() {
            let place = format!("output {at}");
            let value = self.value(output.value, &place)?;
            if !self.made[value] {
                return Err(wrong(place, format!("nothing makes value {value}")));
            }
            let becomes = output.becomes.map(|input| input as usize);
            if let Some(input) = becomes {
                let given =
                    inputs.get(input).ok_or_else(|| wrong(&*place, format!("there is no input {input}")))?;
                if self.values[given.value] != self.values[value]
                    || given.role != Role::State
                    || !taken.insert(input)
                {
                    let what = format!(
                        "it cannot take the place of input {input}, which is of another type, no state, or taken"
                    );
                    return Err(wrong(place, what));
                }
            }
            read.push(Output { value, name: output.name, becomes });
        }
        Ok(read)
    }

    fn op(&mut self, at: usize, op: wire::Op) -> Result<Op, ModelError> {
        let place = format!("operation {at} ({})", op.op.chars().take(60).collect::<String>());
        if op.loops.len() > MOST_LOOPS {
            return Err(wrong(place, format!("{} loops; {MOST_LOOPS} are allowed", op.loops.len())));
        }
        if let Some((name, size)) = op.loops.iter().find(|(_, size)| *size < 2) {
            return Err(wrong(
                place,
                format!("loop `{name}` turns {size} times; a loop that does not turn is written -1"),
            ));
        }
        if !op.flops.is_finite() || op.flops < 0.0 {
            return Err(wrong(place, "its flops are no count"));
        }
        let loops: Vec<Loop> = op.loops.into_iter().map(|(name, size)| Loop { name, size }).collect();
        let ins = self.operands(&place, &loops, op.ins)?;
        if let Some(early) = ins.iter().find(|operand| !self.made[operand.value]) {
            let what = format!(
                "it reads value {}, which nothing made before: operations go in order, without cycles",
                early.value
            );
            return Err(wrong(place, what));
        }
        let outs = self.operands(&place, &loops, op.out)?;
        for out in &outs {
            self.make(out.value, &place)?;
        }
        let linear: Vec<Vec<usize>> =
            op.linear.iter().map(|set| set.iter().map(|at| usize::from(*at)).collect()).collect();
        let accumulates: Vec<usize> = op.accumulates.iter().map(|at| usize::from(*at)).collect();
        if let Some(over) = linear.iter().flatten().chain(&accumulates).find(|at| **at >= ins.len()) {
            return Err(wrong(place, format!("it has no operand {over}")));
        }
        let reduce = match op.reduce {
            None => Reduce::None,
            Some(wire::Reduce::Sum) => Reduce::Sum,
            Some(wire::Reduce::Other) => Reduce::Other,
        };
        Ok(Op {
            name: op.op,
            loops,
            ins,
            outs,
            reduce,
            linear,
            accumulates,
            flops: op.flops,
            at: op.at,
            known: op.known,
            again: op.again,
        })
    }

    fn operands(
        &self,
        place: &str,
        loops: &[Loop],
        operands: Vec<(u32, Vec<i8>)>,
    ) -> Result<Vec<Operand>, ModelError> {
        operands.into_iter().map(|(value, dims)| self.operand(place, loops, value, &dims)).collect()
    }

    fn operand(&self, place: &str, loops: &[Loop], number: u32, dims: &[i8]) -> Result<Operand, ModelError> {
        let value = self.value(number, place)?;
        let shape = &self.values[value].shape;
        if dims.len() != shape.len() {
            let what = format!(
                "value {number} has {} dimensions, and loops are given for {}",
                shape.len(),
                dims.len()
            );
            return Err(wrong(place, what));
        }
        let mut seen = BTreeSet::new();
        let mut read = Vec::with_capacity(dims.len());
        for (dim, (turns, size)) in dims.iter().zip(shape).enumerate() {
            if *turns == -1 {
                read.push(None);
                continue;
            }
            let at = usize::try_from(*turns).ok().filter(|at| *at < loops.len());
            let at = at.ok_or_else(|| wrong(place, format!("there is no loop {turns}")))?;
            if !seen.insert(at) || size % loops[at].size != 0 || *size == 0 {
                let Loop { name, size: count } = &loops[at];
                let what = format!(
                    "loop `{name}` of {count} turns cannot run over dimension {dim} of value {number}, which has size {size}"
                );
                return Err(wrong(place, what));
            }
            read.push(Some(at));
        }
        Ok(Operand { value, dims: read })
    }
}
