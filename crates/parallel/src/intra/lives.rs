//! What is in memory from when to when, whatever the layouts.
//!
//! Each operation has three moments: operands are brought into the layouts in which it reads them, it is done, and its results
//! are brought into those in which they are kept. Operations run in the order of the file.
//!
//! Values live until they are read last. Fused values are never in memory, nor are those that are cheap and done again for each
//! reader: such an operation is done where its readers are, and what it reads is needed until then. An operation on elements writes
//! over an operand that nobody reads later. What a collective makes is a buffer of its own, and what it is made of is there while it
//! runs; parts that a device cuts out of what it has are not, where operations on elements read them.
//!
//! State is always there, and what takes its place lies in it. Where the old state is read by what the new one does not depend
//! on, compilers read a copy, since nothing says that the reader comes first: from the start until it is read last. (XLA inserts
//! such copies by the order of dependencies, before it schedules.)

use super::done::{Done, in_place};
use super::memory::{What, Width};
use crate::model::{Model, Op, Operand, Reduce, Role, ValueId};
use crate::strategy::Weight;

/// Something in memory; both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub(super) what: What,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What is in memory from when to when.
#[derive(Debug)]
pub(crate) struct Lives {
    pub(super) pieces: Vec<Piece>,
    /// Moments of a step; in the last one its results are handed on.
    pub(super) moments: usize,
    /// Values that operations make and that are in memory, with the operation that does and the one that reads them last.
    made: Vec<(ValueId, usize, usize)>,
}

/// The first moment at which most is needed, and how much that is.
pub(super) fn most_of(needs: &[f64]) -> (usize, f64) {
    let most = |most: (usize, f64), now: (usize, &f64)| if *now.1 > most.1 { (now.0, *now.1) } else { most };
    needs.iter().enumerate().fold((0, 0.0), most)
}

/// When operands are brought, it is done, and results are brought.
fn moments(op: usize) -> [usize; 3] {
    [3 * op, 3 * op + 1, 3 * op + 2]
}

impl Lives {
    /// `step` says that it is all done by one program, which replaces the state. Passes of microbatches are programs of their own, of
    /// which none does.
    pub(crate) fn new(model: &Model, weights: &[Weight], step: bool) -> Self {
        let done = Done::all(model, weights);
        let read = Reads::all(model, &done);
        let mut draft = Draft { model, weights, done, read, ends: vec![None; model.values.len()] };
        draft.ends();
        let states = draft.states(step);
        let over = draft.written_over(&states);
        draft.pieces(&states, &over)
    }

    /// What is made up to one operation and read after it.
    pub(crate) fn across(&self, last: usize, bytes: impl Fn(ValueId) -> f64) -> f64 {
        let across = self.made.iter().filter(|(_, made, read)| *made <= last && *read > last);
        across.map(|(value, ..)| bytes(*value)).sum()
    }
}

/// When a value is read last, and by which operand of which operation; when by any other.
#[derive(Debug, Clone, Copy, Default)]
struct Reads {
    last: Option<(usize, (usize, usize))>,
    earlier: usize,
    /// Whether a product reads it, which wants its dimensions in their order.
    heavy: bool,
    /// Whether a product makes it.
    made_heavy: bool,
}

impl Reads {
    fn all(model: &Model, done: &[Done]) -> Vec<Self> {
        let mut all = vec![Self::default(); model.values.len()];
        for (at, op) in model.ops.iter().enumerate() {
            op.outs.iter().for_each(|out| all[out.value].made_heavy = done[at].heavy);
            let [_, end, _] = moments(done[at].at);
            for (place, operand) in op.ins.iter().enumerate() {
                let read = &mut all[operand.value];
                read.heavy |= done[at].heavy;
                match read.last {
                    Some((before, _)) if before >= end => read.earlier = read.earlier.max(end),
                    before => {
                        read.earlier = before.map_or(0, |(before, _)| before);
                        read.last = Some((end, (at, place)));
                    }
                }
            }
        }
        all
    }
}

/// State that an operation replaces.
#[derive(Debug, Clone, Copy)]
struct Replaced {
    old: ValueId,
    new: ValueId,
    /// The operation.
    at: usize,
    /// Whether a copy of the old is read.
    copied: bool,
}

struct Draft<'a> {
    model: &'a Model,
    weights: &'a [Weight],
    done: Vec<Done>,
    read: Vec<Reads>,
    /// From when to when each value is needed; nothing for what never is in memory.
    ends: Vec<Option<(usize, usize)>>,
}

impl Draft<'_> {
    fn end(&self) -> usize {
        3 * self.model.ops.len()
    }

    fn ends(&mut self) {
        let last = |read: &Reads| read.last.map_or(0, |(end, _)| end);
        for (at, op) in self.model.ops.iter().enumerate().filter(|(at, _)| self.done[*at].stored) {
            let [.., kept] = moments(at);
            op.outs
                .iter()
                .for_each(|out| self.ends[out.value] = Some((kept, last(&self.read[out.value]).max(kept))));
        }
        for input in &self.model.inputs {
            self.ends[input.value] = Some((0, self.end()));
        }
        for output in &self.model.outputs {
            if let Some((from, _)) = self.ends[output.value] {
                self.ends[output.value] = Some((from, self.end()));
            }
        }
    }

    /// State that operations replace.
    fn states(&self, step: bool) -> Vec<Replaced> {
        let mut maker = vec![None; self.model.values.len()];
        for (at, op) in self.model.ops.iter().enumerate() {
            op.outs.iter().for_each(|out| maker[out.value] = Some(at));
        }
        let replaced = |output: &crate::model::Output| {
            let input = &self.model.inputs[output.becomes?];
            let at = maker[output.value]?;
            (input.role == Role::State).then_some(Replaced {
                old: input.value,
                new: output.value,
                at,
                copied: false,
            })
        };
        let mut states: Vec<Replaced> = self.model.outputs.iter().filter_map(replaced).collect();
        // As many states at once as a word has bits.
        for some in states.chunks_mut(64).filter(|_| step) {
            self.copied(some);
        }
        states
    }

    /// Finds the states whose old value is read by what their new one does not depend on.
    fn copied(&self, states: &mut [Replaced]) {
        let mut needed = vec![0_u64; self.model.values.len()];
        let mut reading = vec![0_u64; self.model.values.len()];
        for (bit, state) in states.iter().enumerate() {
            needed[state.new] |= 1 << bit;
            reading[state.old] |= 1 << bit;
        }
        let mut copied = 0;
        for op in self.model.ops.iter().rev() {
            let depend = op.outs.iter().fold(0, |bits, out| bits | needed[out.value]);
            for operand in &op.ins {
                needed[operand.value] |= depend;
                copied |= reading[operand.value] & !depend;
            }
        }
        for (bit, state) in states.iter_mut().enumerate() {
            state.copied = copied & (1 << bit) != 0;
        }
    }

    /// Values that what reads them last writes over: each operation on elements writes over one of its kind and shape, if it is
    /// read there last, element by element. What replaces state writes over that and nothing else.
    fn written_over(&self, states: &[Replaced]) -> Vec<bool> {
        let (model, done) = (self.model, &self.done);
        let mut stays = vec![false; model.values.len()];
        model.inputs.iter().for_each(|input| stays[input.value] = true);
        model.outputs.iter().for_each(|output| stays[output.value] = true);
        let mut place_of = vec![None; model.ops.len()];
        for state in states {
            place_of[state.at] = Some(state.old);
            stays[state.old] = state.copied;
        }
        let ends = |value: ValueId, at: usize| {
            let [_, doing, _] = moments(at);
            let made = self.ends[value].is_some_and(|(from, _)| from < doing);
            made && self.read[value].last.is_some_and(|(end, _)| end == doing)
        };
        let mut alike = vec![true; model.values.len()];
        for (op, done) in model.ops.iter().zip(done) {
            for operand in op.ins.iter().filter(|operand| ends(operand.value, done.at)) {
                alike[operand.value] &= done.alike && in_place(operand, &op.outs);
            }
        }
        let mut taken = vec![false; model.ops.len()];
        let mut over = vec![false; model.values.len()];
        for (op, done) in model.ops.iter().zip(done) {
            let [out] = &model.ops[done.at].outs[..] else { continue };
            for operand in op.ins.iter().filter(|operand| alike[operand.value] && !stays[operand.value]) {
                let same = model.values[operand.value] == model.values[out.value];
                let allowed = place_of[done.at].is_none_or(|old| old == operand.value);
                if same && allowed && !taken[done.at] && ends(operand.value, done.at) {
                    taken[done.at] = true;
                    over[operand.value] = true;
                }
            }
        }
        over
    }

    fn pieces(self, states: &[Replaced], over: &[bool]) -> Lives {
        let mut pieces = Vec::new();
        let mut push = |what: What, from: usize, to: usize| pieces.push(Piece { what, from, to });
        for input in &self.model.inputs {
            push(What::Kept(input.value), 0, self.end());
        }
        let mut place_of = vec![None; self.model.values.len()];
        for state in states {
            place_of[state.new] = Some(state.old);
            let last = self.read[state.old].last.map_or(0, |(end, _)| end);
            let [_, made, _] = moments(state.at);
            if state.copied {
                push(What::Kept(state.old), 0, last);
            } else if last >= made && !over[state.old] {
                push(What::Kept(state.old), made, last);
            }
        }
        for output in self.model.outputs.iter().filter(|output| output.becomes.is_none()) {
            place_of[output.value] = None;
        }
        let mut made = Vec::new();
        for (at, op) in self.model.ops.iter().enumerate() {
            self.operands(at, op, &mut push);
            for (place, out) in op.outs.iter().enumerate() {
                self.result(at, (place, out), place_of[out.value], over[out.value], &mut push);
                if let Some((_, to)) = self.ends[out.value] {
                    made.push((out.value, at, to / 3));
                }
            }
        }
        Lives { pieces, moments: self.end() + 1, made }
    }

    fn operands(&self, at: usize, op: &Op, push: &mut impl FnMut(What, usize, usize)) {
        let heavy = self.done[at].heavy;
        let ([bring, doing, _], [_, read, _]) = (moments(at), moments(self.done[at].at));
        for (place, operand) in op.ins.iter().enumerate() {
            if op.ins[..place].contains(operand) {
                continue;
            }
            let made_heavy = self.read[operand.value].made_heavy;
            push(What::Read { op: at, place, made_heavy, heavy, width: Width::Brought }, bring, read);
            push(What::Read { op: at, place, made_heavy, heavy, width: Width::Passed }, bring, bring);
        }
        for place in turned(self.model, op, self.weights[at]) {
            push(What::Turned(at, place), doing, doing);
        }
    }

    fn result(
        &self,
        at: usize,
        (place, out): (usize, &Operand),
        state: Option<ValueId>,
        over: bool,
        push: &mut impl FnMut(What, usize, usize),
    ) {
        let ([_, doing, kept], read) = (moments(at), &self.read[out.value]);
        let (heavy, read_heavy) = (self.done[at].heavy, read.heavy);
        let Some((_, end)) = self.ends[out.value] else {
            let last = read.last.map_or(kept, |(end, _)| end.max(kept));
            push(What::Sent { op: at, place, width: Width::Passed, read_heavy }, kept, kept);
            push(What::Sent { op: at, place, width: Width::Brought, read_heavy }, kept, last);
            return;
        };
        push(What::Left { op: at, place, heavy, read_heavy }, kept, kept);
        if let Some(old) = state {
            push(What::Anew { new: out.value, old }, doing, end);
            return;
        }
        push(What::Made(at, place), doing, doing);
        let end = end - usize::from(over);
        // Who reads it last may bring it elsewhere first; then it is not needed while that one is done.
        let tail = read.last.filter(|(last, _)| *last > read.earlier && end + 1 >= *last && end < self.end());
        let Some((_, (op, operand))) = tail else { return push(What::Kept(out.value), kept, end) };
        let [bring, ..] = moments(op);
        let until = bring.max(read.earlier).max(kept).min(end);
        push(What::Kept(out.value), kept, until);
        if until < end {
            let (made_heavy, heavy) = (heavy, self.done[op].heavy);
            let what = What::Read { op, place: operand, made_heavy, heavy, width: Width::Unmoved };
            push(what, until + 1, end);
        }
    }
}

/// Operands, and after them results, of a product over windows that it wants in another order of dimensions: it takes examples, what
/// windows go over, and what is summed, and of the windows what they go over, what is summed and what is made.
fn turned(model: &Model, op: &Op, weight: Weight) -> Vec<usize> {
    let [left, right] = &op.ins[..] else { return Vec::new() };
    let stays = |operand: &Operand| {
        let mut dims = operand.dims.iter().zip(&model.values[operand.value].shape);
        dims.any(|(dim, size)| dim.is_none() && *size > 1)
    };
    if weight != Weight::Heavy || op.reduce != Reduce::Sum || !(stays(left) && stays(right)) {
        return Vec::new();
    }
    let made = |turns: usize| op.outs.iter().any(|out| out.dim_of(turns).is_some());
    let ordered = |place: usize, operand: &Operand| {
        let rank = |dim: Option<usize>| match (place, dim) {
            (0, Some(turns)) => 2 * u8::from(!made(turns)),
            (1, None) => 0,
            (1, Some(turns)) => 1 + u8::from(made(turns)),
            (_, None) => 1,
            (_, Some(turns)) => 2 * u8::from(left.dim_of(turns).is_none()),
        };
        let dims = operand.dims.iter().zip(&model.values[operand.value].shape);
        dims.filter(|(_, size)| **size > 1).map(|(dim, _)| rank(*dim)).is_sorted()
    };
    let operands = op.ins.iter().chain(&op.outs).enumerate();
    operands.filter(|(place, operand)| !ordered(*place, operand)).map(|(place, _)| place).collect()
}
