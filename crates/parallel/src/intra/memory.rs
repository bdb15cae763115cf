//! How much is in memory at each moment: by layouts that are chosen, and as a limit on those that can be.

use super::bench::Bench;
use super::lives::{Lives, Piece, most_of};
use super::problem::Problem;
use crate::layout::{Along, Layout};
use crate::model::{Model, Value, ValueId};
use crate::reshard::Hop;
use crate::solve::{Limit, Node};
use crate::strategy::Strategy;
use std::collections::BTreeMap;

/// Something that is in memory. Operands and results are meant by their operation and place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    /// A value, as it is kept.
    Kept(ValueId),
    /// A result, as it is made.
    Made(usize, usize),
    /// An operand, or after these a result, with its dimensions in another order.
    Turned(usize, usize),
    /// A result as it is made, beside what is kept, while it is brought there.
    Left { op: usize, place: usize, heavy: bool, read_heavy: bool },
    /// A result that would be fused into its readers, if collectives did not bring it elsewhere.
    Sent { op: usize, place: usize, width: Width, read_heavy: bool },
    /// An operand, on its way from where it is kept to where it is read.
    Read { op: usize, place: usize, made_heavy: bool, heavy: bool, width: Width },
    /// New state that lies otherwise than the old one, whose place it cannot take.
    Anew { new: ValueId, old: ValueId },
}

/// What there is of a tensor that is brought from one layout to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Width {
    /// Where it comes from, if it is not brought anywhere.
    Unmoved,
    /// What lies in between.
    Passed,
    /// Where it goes to.
    Brought,
}

/// The choices that a piece depends on.
enum Of {
    Value(ValueId),
    Op(usize),
    /// An operation, and an operand or result of it.
    Pair(usize, ValueId),
    /// Two values.
    Values(ValueId, ValueId),
}

impl What {
    fn of(self, model: &Model) -> Of {
        match self {
            Self::Kept(value) => Of::Value(value),
            Self::Made(op, _) | Self::Turned(op, _) => Of::Op(op),
            Self::Left { op, place, .. } | Self::Sent { op, place, .. } => {
                Of::Pair(op, model.ops[op].outs[place].value)
            }
            Self::Read { op, place, .. } => Of::Pair(op, model.ops[op].ins[place].value),
            Self::Anew { new, old } => Of::Values(new, old),
        }
    }
}

impl Lives {
    /// What these labels need at each moment.
    pub(crate) fn needs(
        &self,
        model: &Model,
        bench: &mut Bench,
        problem: &Problem,
        labels: &[u32],
    ) -> Vec<f64> {
        let mut scale = Scale { model, bench };
        let layout = |value: ValueId| {
            let seat = problem.layouts.get(&value)?;
            Some(seat.layouts[labels[seat.node] as usize])
        };
        let strategy = |op: usize| &problem.choices[op].all[labels[op] as usize];
        self.sums(|piece| {
            let what = piece.what;
            let bytes = match what.of(model) {
                Of::Value(value) => layout(value).map(|layout| scale.value(value, layout)),
                Of::Op(op) => Some(scale.op(what, strategy(op))),
                Of::Pair(op, value) => layout(value).map(|layout| scale.pair(what, strategy(op), layout)),
                Of::Values(new, old) => layout(new).zip(layout(old)).map(|(a, b)| scale.values(new, a, b)),
            };
            bytes.unwrap_or(0.0)
        })
    }

    /// What no split among so many devices needs less of: everything is shared out equally, and nothing is moved.
    pub(crate) fn floor(&self, model: &Model, devices: u64) -> f64 {
        let bytes = |value: ValueId| model.values[value].bytes as f64 / devices as f64;
        let least = |piece: &Piece| match piece.what {
            What::Kept(value) => bytes(value),
            What::Made(op, place) => bytes(model.ops[op].outs[place].value),
            What::Turned(op, place) => bytes(turned(model, op, place)),
            _ => 0.0,
        };
        most_of(&self.sums(least)).1
    }

    fn sums(&self, mut bytes: impl FnMut(&Piece) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.moments + 1];
        for piece in &self.pieces {
            let bytes = bytes(piece);
            sums[piece.from] += bytes;
            sums[piece.to + 1] -= bytes;
        }
        let mut now = 0.0;
        for sum in &mut sums {
            now += *sum;
            *sum = now;
        }
        sums.pop();
        sums
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
        // Pieces of the same choices are one weight.
        let mut own: BTreeMap<Node, Vec<f64>> = BTreeMap::new();
        let mut pairs: BTreeMap<(Node, Node), Vec<f64>> = BTreeMap::new();
        for piece in self.pieces.iter().filter(|piece| (piece.from..=piece.to).contains(&moment)) {
            let mut scale = Scale { model, bench };
            let what = piece.what;
            match what.of(model) {
                Of::Value(value) => {
                    let Some(seat) = problem.layouts.get(&value) else { continue };
                    let cells = seat.layouts.iter().map(|layout| scale.value(value, *layout));
                    add(own.entry(seat.node).or_default(), cells.collect());
                }
                Of::Op(op) => {
                    let cells = problem.choices[op].all.iter().map(|strategy| scale.op(what, strategy));
                    add(own.entry(op).or_default(), cells.collect());
                }
                Of::Pair(op, value) => {
                    let seat = &problem.layouts[&value];
                    let mut cells = Vec::new();
                    for strategy in &problem.choices[op].all {
                        cells.extend(seat.layouts.iter().map(|layout| scale.pair(what, strategy, *layout)));
                    }
                    add(pairs.entry((op, seat.node)).or_default(), cells);
                }
                Of::Values(new, old) => {
                    let (Some(from), Some(to)) = (problem.layouts.get(&new), problem.layouts.get(&old))
                    else {
                        continue;
                    };
                    let mut cells = Vec::new();
                    for layout in from.layouts.iter() {
                        cells.extend(to.layouts.iter().map(|other| scale.values(new, *layout, *other)));
                    }
                    add(pairs.entry((from.node, to.node)).or_default(), cells);
                }
            }
        }
        let store = &mut bench.store;
        let weights = own.into_iter().map(|(node, cells)| (node, store.vector(cells))).collect();
        pairs.retain(|_, cells| cells.iter().any(|bytes| *bytes > 0.0));
        let pairs = pairs.into_iter().map(|((first, second), cells)| {
            let columns = store.get(problem.graph.costs[second]).len();
            (first, second, store.table(columns, cells))
        });
        Limit { most, weights, pairs: pairs.collect() }
    }
}

fn add(sum: &mut Vec<f64>, cells: Vec<f64>) {
    if sum.is_empty() {
        *sum = cells;
    } else {
        sum.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell);
    }
}

fn turned(model: &Model, op: usize, place: usize) -> ValueId {
    let op = &model.ops[op];
    op.ins.iter().chain(&op.outs).nth(place).map_or(0, |operand| operand.value)
}

/// Weighs pieces.
struct Scale<'a> {
    model: &'a Model,
    bench: &'a mut Bench,
}

impl Scale<'_> {
    fn value(&self, value: ValueId, layout: Layout) -> f64 {
        layout.local_bytes(&self.model.values[value], &self.bench.mesh.sizes)
    }

    fn op(&self, what: What, strategy: &Strategy) -> f64 {
        match what {
            What::Made(op, place) => self.value(self.model.ops[op].outs[place].value, strategy.outs[place]),
            What::Turned(op, place) => {
                let layout = strategy.ins.iter().chain(&strategy.outs).nth(place);
                layout.map_or(0.0, |layout| self.value(turned(self.model, op, place), *layout))
            }
            _ => 0.0,
        }
    }

    fn values(&self, value: ValueId, new: Layout, old: Layout) -> f64 {
        if new == old { 0.0 } else { self.value(value, new) }
    }

    fn pair(&mut self, what: What, strategy: &Strategy, kept: Layout) -> f64 {
        let Of::Pair(_, value) = what.of(self.model) else { return 0.0 };
        let (from, to) = match what {
            What::Read { place, .. } => (kept, strategy.ins[place]),
            What::Left { place, .. } | What::Sent { place, .. } => (strategy.outs[place], kept),
            _ => return 0.0,
        };
        let unmoved = matches!(what, What::Read { width: Width::Unmoved, .. });
        if from == to {
            return if unmoved { self.value(value, from) } else { 0.0 };
        }
        let hops = self.bench.ways(&self.model.values[value]).way(from, to);
        // Where an operation on elements reads a part of what a device has, it is not written anywhere.
        let collective = hops.iter().any(|hop| hop.collective.is_some());
        let own = match what {
            What::Read { made_heavy, heavy, width, .. } => {
                let written = heavy || collective;
                match width {
                    Width::Unmoved => return if written { 0.0 } else { self.value(value, from) },
                    _ if !written => return 0.0,
                    Width::Brought => return self.value(value, to),
                    Width::Passed => (made_heavy, heavy, 0.0),
                }
            }
            What::Left { heavy, read_heavy, .. } => (heavy, read_heavy, self.value(value, from)),
            What::Sent { .. } if !collective => return 0.0,
            What::Sent { width: Width::Brought, .. } => return self.value(value, to),
            What::Sent { read_heavy, .. } => (false, read_heavy, self.value(value, from)),
            _ => return 0.0,
        };
        let (made_heavy, read_heavy, left) = own;
        let between = hops.iter().rev().skip(1).map(|hop| self.value(value, hop.to)).fold(0.0, f64::max);
        left + between + self.reordered(value, from, &hops, (made_heavy, read_heavy))
    }

    /// Collectives go along the first dimension in memory. Along another one what they take, or what they give, is a copy in
    /// another order; operations on elements write and read either.
    fn reordered(&self, value: ValueId, from: Layout, hops: &[Hop], (made, read): (bool, bool)) -> f64 {
        let tensor = &self.model.values[value];
        let (mut before, mut most): (Layout, f64) = (from, 0.0);
        for hop in hops {
            let axis = hop.axes.trailing_zeros() as usize;
            let bytes = match (before.0[axis], hop.to.0[axis]) {
                (Along::Partial, Along::Split(dim)) if made && inner(tensor, dim) => {
                    self.value(value, before)
                }
                (Along::Split(dim), Along::Same) if read && inner(tensor, dim) => self.value(value, hop.to),
                (Along::Split(dim), Along::Split(other))
                    if read && (inner(tensor, dim) || inner(tensor, other)) =>
                {
                    self.value(value, hop.to)
                }
                _ => 0.0,
            };
            most = most.max(bytes);
            before = hop.to;
        }
        most
    }
}

/// Whether a dimension is not the first in memory.
fn inner(tensor: &Value, dim: u8) -> bool {
    tensor.shape.iter().take(dim.into()).any(|size| *size > 1)
}

#[cfg(test)]
mod tests;
