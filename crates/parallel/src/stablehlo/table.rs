//! One entry for each operation of the dialect: the loops it runs, what it adds up over, and in what it is linear.
//!
//! What has no entry, or is written in a way that its entry does not know, becomes an operation that is not known.

use super::graph::{Dims, Draft, Graph, Held, Splat};
use super::number::{constant, fold};
use super::syntax::{Region, Statement};
use super::types::{Type, TypeId, Types};
use super::{lookups, moves, products, windows};
use crate::model::wire::{Reduce, Role};

/// An operation, what it is given, and the graph that it goes to.
pub(super) struct Call<'s, 'a> {
    pub(super) statement: &'s Statement<'a>,
    pub(super) args: &'s [Held],
    pub(super) outs: &'s [TypeId],
    pub(super) types: &'s Types<'a>,
    pub(super) graph: &'s mut Graph,
}

impl Call<'_, '_> {
    /// The type of a result.
    pub(super) fn out(&self, place: usize) -> Option<&Type> {
        Some(self.types.get(*self.outs.get(place)?))
    }

    /// An operand as a value.
    pub(super) fn value(&mut self, place: usize) -> Option<u32> {
        Some(self.graph.whole(*self.args.get(place)?, self.types))
    }

    /// Its shape.
    pub(super) fn shape(&self, value: u32) -> Vec<u64> {
        self.graph.shape(value).to_vec()
    }

    /// Adds the operation, with one result.
    pub(super) fn one(self, mut draft: Draft, dims: Dims) -> Option<Vec<Held>> {
        let value = self.graph.new_value(self.types.get(*self.outs.first()?));
        draft.outs.push((value, dims));
        self.graph.op(self.statement.name, draft);
        Some(vec![Held::Value(value)])
    }

    /// Adds the operation, with results that all run over the same loops.
    pub(super) fn all(self, mut draft: Draft, dims: &Dims) -> Option<Vec<Held>> {
        let mut made = Vec::new();
        for kind in self.outs {
            let value = self.graph.new_value(self.types.get(*kind));
            draft.outs.push((value, dims.clone()));
            made.push(Held::Value(value));
        }
        self.graph.op(self.statement.name, draft);
        Some(made)
    }
}

/// On each element alone.
const POINTWISE: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "add",
    "and",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bessel_i1e",
    "bitcast_convert",
    "cbrt",
    "ceil",
    "clamp",
    "compare",
    "complex",
    "conj",
    "convert",
    "cosh",
    "cosine",
    "count_leading_zeros",
    "digamma",
    "divide",
    "erf",
    "erf_inv",
    "erfc",
    "exponential",
    "exponential_minus_one",
    "floor",
    "imag",
    "is_finite",
    "is_inf",
    "is_neg_inf",
    "is_pos_inf",
    "lgamma",
    "log",
    "log_plus_one",
    "logistic",
    "maximum",
    "minimum",
    "multiply",
    "negate",
    "next_after",
    "not",
    "or",
    "polygamma",
    "popcnt",
    "power",
    "real",
    "reduce_precision",
    "remainder",
    "round_nearest_afz",
    "round_nearest_even",
    "rsqrt",
    "select",
    "shift_left",
    "shift_right_arithmetic",
    "shift_right_logical",
    "sign",
    "sine",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "xor",
    "zeta",
];

/// What an operation makes; nothing where it is not known.
pub(super) fn made(call: Call<'_, '_>) -> Option<Vec<Held>> {
    match call.statement.name {
        "constant" => constants(call),
        name if POINTWISE.binary_search(&name).is_ok() => pointwise(call),
        "broadcast_in_dim" | "broadcast" => moves::broadcast(call),
        "reshape" => moves::reshape(call),
        "transpose" => moves::transpose(call),
        "slice" | "dynamic_slice" | "pad" | "reverse" | "dynamic_update_slice" | "concatenate" => {
            moves::blocks(call)
        }
        "sort" | "top_k" => moves::along(call),
        "iota" => {
            let (mut draft, shape) = (Draft::default(), call.out(0)?.shape.clone());
            let dims = draft.loops.all(&shape);
            call.one(draft, dims)
        }
        "reduce" => windows::reduce(call),
        "reduce_window" => windows::window(call),
        "select_and_scatter" => windows::select_and_scatter(call),
        "dot_general" | "dot" => products::dot(call),
        "convolution" => products::convolution(call),
        "gather" => lookups::gather(call),
        "scatter" => lookups::scatter(call),
        _ => None,
    }
}

fn constants(call: Call<'_, '_>) -> Option<Vec<Held>> {
    let id = *call.outs.first()?;
    let kind = call.types.get(id);
    let held = match constant(call.statement, kind) {
        Some(number) => Held::Splat { of: Splat::Number(number), kind: id },
        // Arrays are given, like arguments.
        None => Held::Value(call.graph.input(kind, None, Role::Constant)),
    };
    Some(vec![held])
}

fn pointwise(call: Call<'_, '_>) -> Option<Vec<Held>> {
    let id = *call.outs.first()?;
    let to = call.types.get(id);
    let first = call.args.first()?;
    if call.args.iter().all(|held| held.written()) {
        let numbers: Vec<Option<f64>> = call.args.iter().map(|held| held.number()).collect();
        let from = if let Held::Splat { kind, .. } = first { call.types.get(*kind) } else { to };
        return Some(vec![Held::Splat {
            of: Splat::Number(fold(call.statement, &numbers, from, to)),
            kind: id,
        }]);
    }
    let mut draft = Draft::default();
    let dims = draft.loops.all(&to.shape);
    // For each operand its place among those that are values.
    let mut places = Vec::with_capacity(call.args.len());
    for held in call.args {
        let value = match held {
            // Which of two is chosen, and bounds, are single numbers for all elements.
            Held::Value(value)
                if !call.graph.shape(*value).is_empty() && call.graph.shape(*value) != to.shape =>
            {
                return None;
            }
            Held::Value(value) | Held::Splat { of: Splat::Repeated(value), .. } => *value,
            Held::Splat { of: Splat::Number(_), .. } => {
                places.push(None);
                continue;
            }
        };
        places.push(Some(draft.ins.len()));
        draft.ins.push((value, call.graph.repeated(value, &to.shape, &dims)));
    }
    draft.linear = linear(&call, &places);
    call.one(draft, dims)
}

/// Groups of operands that may be partial sums together.
fn linear(call: &Call<'_, '_>, places: &[Option<usize>]) -> Vec<Vec<usize>> {
    let at = |place: usize| places.get(place).copied().flatten();
    let zero = |place: usize| call.args.get(place).is_some_and(|held| held.number() == Some(0.0));
    match call.statement.name {
        "add" | "subtract" => match (at(0), at(1)) {
            (Some(a), Some(b)) => vec![vec![a, b]],
            _ => Vec::new(),
        },
        "negate" | "real" | "imag" | "conj" | "reduce_precision" => {
            at(0).map(|at| vec![vec![at]]).unwrap_or_default()
        }
        "convert" => {
            let float = |kind: &str| kind.starts_with('f') || kind == "bf16";
            let from = at(0).and_then(|at| call.args.get(at)).and_then(|held| match held {
                Held::Value(value) => Some(call.graph.values[*value as usize].0.as_str()),
                Held::Splat { .. } => None,
            });
            let to = call.out(0).map_or("", |kind| kind.kind);
            if from.is_some_and(float) && float(to) { vec![vec![0]] } else { Vec::new() }
        }
        "multiply" => places.iter().flatten().map(|at| vec![*at]).collect(),
        "divide" => at(0).map(|at| vec![vec![at]]).unwrap_or_default(),
        // What is chosen by all devices alike; zero is a part of every sum.
        "select" => match (at(1), at(2)) {
            (Some(a), Some(b)) => vec![vec![a, b]],
            (Some(a), None) if zero(2) => vec![vec![a]],
            (None, Some(b)) if zero(1) => vec![vec![b]],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The operation of a region that does one thing with two numbers.
pub(super) fn single<'a>(region: &Region<'a>) -> Option<&'a str> {
    match &region.statements[..] {
        [only, end] if end.name == "return" && end.operands.len() == 1 => {
            let (a, b) = (only.operands.first()?.0, only.operands.get(1)?.0);
            let args = &region.args;
            let both = args.len() == 2 && a != b && args.contains(&a) && args.contains(&b);
            (both && only.results.first().map(|(name, _)| *name) == Some(end.operands[0].0))
                .then_some(only.name)
        }
        _ => None,
    }
}

/// What becomes of the elements that an operation combines; nothing where what it starts from would be counted by each device.
pub(super) fn combined(name: &str, start: Held) -> Option<Reduce> {
    match name {
        "add" => (start.number() == Some(0.0)).then_some(Reduce::Sum),
        "multiply" => (start.number() == Some(1.0)).then_some(Reduce::Other),
        "maximum" | "minimum" | "and" | "or" => Some(Reduce::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_so_that_they_are_found() {
        assert!(POINTWISE.is_sorted());
    }
}
