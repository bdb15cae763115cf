//! A model file in the making.

use super::types::{Type, TypeId, Types};
use crate::model::wire::{Input, Op, Reduce, Role};

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held {
    /// A value of the model.
    Value(u32),
    /// Less than it has elements: no value until somebody needs the whole of it.
    Splat { of: Splat, kind: TypeId },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Splat {
    /// Written into the program; nothing where nobody needs to know which.
    Number(Option<f64>),
    /// A value without dimensions, or with as many, some of which have one element and are repeated.
    Repeated(u32),
}

impl Held {
    /// The number that all elements are.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Splat { of: Splat::Number(number), .. } => number,
            _ => None,
        }
    }

    pub(super) fn written(self) -> bool {
        matches!(self, Self::Splat { of: Splat::Number(_), .. })
    }
}

/// For each dimension its loop, or -1.
pub(super) type Dims = Vec<i8>;

/// The loops of an operation.
#[derive(Debug, Default)]
pub(super) struct Loops {
    rows: Vec<(String, u64)>,
}

/// What XLA does again where it is read (its `InstructionFusion::IsExpensive`, but division).
const AGAIN: &[&str] = &[
    "abs",
    "add",
    "and",
    "broadcast",
    "broadcast_in_dim",
    "ceil",
    "clamp",
    "compare",
    "convert",
    "floor",
    "imag",
    "iota",
    "is_finite",
    "maximum",
    "minimum",
    "multiply",
    "negate",
    "not",
    "or",
    "real",
    "reduce_precision",
    "reshape",
    "select",
    "sign",
    "square",
    "subtract",
    "transpose",
    "xor",
];

/// As many loops as a model's operations may have.
const MOST_LOOPS: usize = 24;

impl Loops {
    /// A loop; none where there is nothing to split.
    pub(super) fn new_loop(&mut self, letter: char, size: u64) -> i8 {
        if size < 2 || self.rows.len() >= MOST_LOOPS {
            return -1;
        }
        let same = self.rows.iter().filter(|(name, _)| name.starts_with(letter)).count();
        self.rows.push((format!("{letter}{same}"), size));
        i8::try_from(self.rows.len() - 1).unwrap_or(-1)
    }

    /// One for each dimension.
    pub(super) fn all(&mut self, shape: &[u64]) -> Dims {
        shape.iter().map(|size| self.new_loop('d', *size)).collect()
    }
}

/// An operation in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) loops: Loops,
    pub(super) ins: Vec<(u32, Dims)>,
    pub(super) outs: Vec<(u32, Dims)>,
    pub(super) reduce: Option<Reduce>,
    pub(super) linear: Vec<Vec<usize>>,
    pub(super) accumulates: Vec<usize>,
    pub(super) flops: f64,
    pub(super) unknown: bool,
}

/// How far a graph was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    values: usize,
    inputs: usize,
    ops: usize,
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) values: Vec<(String, Vec<u64>)>,
    pub(super) inputs: Vec<Input>,
    pub(super) ops: Vec<Op>,
}

impl Graph {
    pub(super) fn new_value(&mut self, kind: &Type) -> u32 {
        self.values.push((kind.kind.to_owned(), kind.shape.clone()));
        // Operations are counted, and each has few results.
        u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn shape(&self, value: u32) -> &[u64] {
        &self.values[value as usize].1
    }

    pub(super) fn input(&mut self, kind: &Type, name: Option<String>, role: Role) -> u32 {
        let value = self.new_value(kind);
        let name = name.unwrap_or_else(|| format!("constant{value}"));
        self.inputs.push(Input { value, name, role });
        value
    }

    pub(super) fn op(&mut self, name: &str, draft: Draft) {
        let Draft { loops, ins, outs, reduce, linear, accumulates, flops, unknown } = draft;
        let small =
            |places: Vec<usize>| places.into_iter().filter_map(|place| u16::try_from(place).ok()).collect();
        self.ops.push(Op {
            op: name.to_owned(),
            loops: loops.rows,
            ins,
            out: outs,
            reduce,
            linear: linear.into_iter().map(small).collect(),
            accumulates: small(accumulates),
            flops,
            at: String::new(),
            known: !unknown,
            again: AGAIN.binary_search(&name).is_ok(),
        });
    }

    /// The whole of what a name stands for, as a value.
    pub(super) fn whole(&mut self, held: Held, types: &Types<'_>) -> u32 {
        let (of, kind) = match held {
            Held::Value(value) => return value,
            Held::Splat { of, kind } => (of, types.get(kind)),
        };
        match of {
            Splat::Repeated(value) if kind.shape.is_empty() => value,
            Splat::Number(_) if kind.shape.is_empty() => self.input(kind, None, Role::Constant),
            _ => {
                let mut draft = Draft::default();
                let value = self.new_value(kind);
                let dims = draft.loops.all(&kind.shape);
                if let Splat::Repeated(from) = of {
                    draft.ins.push((from, self.repeated(from, &kind.shape, &dims)));
                    draft.linear.push(vec![0]);
                }
                draft.outs.push((value, dims));
                self.op("broadcast_in_dim", draft);
                value
            }
        }
    }

    /// The loops of a value that is repeated in some dimensions, or in all.
    pub(super) fn repeated(&self, value: u32, whole: &[u64], dims: &Dims) -> Dims {
        let shape = self.shape(value).iter().zip(whole).zip(dims);
        shape.map(|((size, whole), turns)| if size == whole { *turns } else { -1 }).collect()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { values: self.values.len(), inputs: self.inputs.len(), ops: self.ops.len() }
    }

    /// Forgets what was made since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.values.truncate(mark.values);
        self.inputs.truncate(mark.inputs);
        self.ops.truncate(mark.ops);
    }
}
