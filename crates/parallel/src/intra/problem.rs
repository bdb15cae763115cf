//! From a model and a mesh to a graph of labels and costs.
//!
//! A node for each operation, whose labels are its strategies, and one for each value, whose labels are the layouts in which
//! it is kept. An edge costs what changing between the layouts costs. So a value that several operations read is brought into
//! a layout once and not for each of them: a gradient that two moments are updated with is scattered once.

use super::bench::{Bench, Choices, ListId, TensorId, grain, key};
use super::shares::Shares;
use super::weights::weights;
use crate::layout::Layout;
use crate::model::{Model, Op, Operand, ValueId};
use crate::solve::{Graph, Node};
use crate::strategy::{Strategy, Weight};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is allowed: everything, or what an expert's plan fixes.
pub(crate) trait Allowed {
    fn strategy(&self, op: usize, strategy: &Strategy) -> bool;
    fn input(&self, input: usize, layout: Layout) -> bool;
}

/// Everything.
pub(crate) struct Anything;

impl Allowed for Anything {
    fn strategy(&self, _: usize, _: &Strategy) -> bool {
        true
    }

    fn input(&self, _: usize, _: Layout) -> bool {
        true
    }
}

/// A value that is used: its node, and the layouts that are its labels.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) node: Node,
    pub(crate) layouts: Rc<[Layout]>,
    list: ListId,
}

/// Values that are used.
pub(crate) type Kept = BTreeMap<ValueId, Seat>;

/// The graph of a model on a mesh, and what its labels mean.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) graph: Graph,
    /// Ways to split each operation, by its node: operations come first.
    pub(crate) choices: Vec<Rc<Choices>>,
    /// Layouts of each value that is used, with its node.
    pub(crate) layouts: Kept,
}

impl Problem {
    /// Nothing where a restriction leaves an operation or value without a label.
    pub(crate) fn new(
        model: &Model,
        bench: &mut Bench,
        allowed: &impl Allowed,
        shares: &Shares,
    ) -> Option<Self> {
        let once = shares.share.iter().copied().fold(1.0, f64::min);
        let tensors = model.values.iter().map(|value| bench.tensor(value)).collect();
        let mut builder = Builder { model, bench, graph: Graph::default(), once, tensors };
        let weights = weights(model);
        let mut choices = Vec::with_capacity(model.ops.len());
        for (at, op) in model.ops.iter().enumerate() {
            let all = builder.bench.choices(model, op, weights[at]);
            let chosen = if all.all.iter().all(|strategy| allowed.strategy(at, strategy)) {
                all
            } else {
                let some = all.all.iter().filter(|strategy| allowed.strategy(at, strategy));
                Rc::new(builder.bench.chosen(some.cloned().collect()))
            };
            if chosen.all.is_empty() {
                return None;
            }
            let costs = chosen.all.iter().map(|strategy| grain(strategy.seconds * shares.share[at]));
            let cost = builder.bench.store.vector(costs.collect());
            builder.graph.node(cost, 2 * at);
            choices.push(chosen);
        }
        let layouts = builder.values(&choices, allowed)?;
        let values = shares.of_values(model);
        for (at, op) in model.ops.iter().enumerate() {
            builder.edges(at, op, &choices[at], &layouts, (shares.share[at], &values));
        }
        builder.next_steps(&layouts);
        let graph = builder.graph;
        Some(Self { graph, choices, layouts })
    }
}

struct Builder<'a> {
    model: &'a Model,
    bench: &'a mut Bench,
    graph: Graph,
    /// What a microbatch pays of what is done once a step.
    once: f64,
    /// The kind of each value.
    tensors: Vec<TensorId>,
}

impl Builder<'_> {
    /// A node for each value: the layouts that some operation makes or wants.
    fn values(&mut self, choices: &[Rc<Choices>], allowed: &impl Allowed) -> Option<Kept> {
        let mut wanted: BTreeMap<ValueId, BTreeSet<ListId>> = BTreeMap::new();
        for (op, choices) in self.model.ops.iter().zip(choices) {
            for (operand, lists) in op.ins.iter().chain(&op.outs).zip(&choices.operands) {
                wanted.entry(operand.value).or_default().insert(lists.once);
            }
        }
        let ends = self.ends(&wanted, allowed)?;
        for value in ends.keys() {
            wanted.entry(*value).or_default();
        }
        // A value comes after what makes it, or before what reads it first.
        let mut ranks: BTreeMap<usize, usize> = BTreeMap::new();
        for (at, op) in self.model.ops.iter().enumerate() {
            op.ins
                .iter()
                .for_each(|operand| _ = ranks.entry(operand.value).or_insert((2 * at).saturating_sub(1)));
            op.outs.iter().for_each(|out| _ = ranks.insert(out.value, 2 * at + 1));
        }
        let mut nodes = BTreeMap::new();
        for (value, lists) in wanted {
            let list = match ends.get(&value) {
                Some(list) => *list,
                None => self.bench.union(&lists),
            };
            let layouts = Rc::clone(self.bench.see(list));
            let cost = self.bench.store.vector(vec![0.0; layouts.len()]);
            let rank = ranks.get(&value).copied().unwrap_or(0);
            nodes.insert(value, Seat { node: self.graph.node(cost, rank), layouts, list });
        }
        Some(nodes)
    }

    /// The layouts of what is given and of results, which are no parts of sums; nothing where one of them has none.
    fn ends(
        &mut self,
        wanted: &BTreeMap<ValueId, BTreeSet<ListId>>,
        allowed: &impl Allowed,
    ) -> Option<BTreeMap<ValueId, ListId>> {
        let mut ends: BTreeMap<ValueId, BTreeSet<Layout>> = BTreeMap::new();
        let all = |bench: &mut Bench, value: ValueId| -> BTreeSet<Layout> {
            let list = wanted.get(&value).map(|lists| bench.union(lists));
            list.map(|list| bench.see(list).iter().copied().collect()).unwrap_or_default()
        };
        for (at, input) in self.model.inputs.iter().enumerate() {
            let mut set = all(self.bench, input.value);
            set.insert(Layout::WHOLE);
            set.retain(|layout| !layout.is_partial() && allowed.input(at, *layout));
            if set.is_empty() {
                set.extend(
                    crate::layout::layouts(&self.model.values[input.value].shape, &self.bench.mesh.sizes)
                        .into_iter()
                        .filter(|layout| !layout.is_partial() && allowed.input(at, *layout)),
                );
            }
            ends.insert(input.value, set);
        }
        for output in &self.model.outputs {
            let set = ends.entry(output.value).or_insert_with(|| all(self.bench, output.value));
            set.retain(|layout| !layout.is_partial());
            set.insert(Layout::WHOLE);
        }
        let list = |(value, set): (ValueId, BTreeSet<Layout>)| {
            (!set.is_empty()).then(|| (value, self.bench.list(set.into_iter().collect())))
        };
        ends.into_iter().map(list).collect()
    }

    fn edges(&mut self, at: Node, op: &Op, choices: &Choices, values: &Kept, (reads, made): (f64, &[f64])) {
        let (of_ins, of_outs) = choices.operands.split_at(op.ins.len());
        for (place, operand) in op.ins.iter().enumerate() {
            // Brought into a layout once, however often an operation reads it in that layout.
            let twice =
                |before: usize| op.ins[before] == *operand && of_ins[before].ways == of_ins[place].ways;
            if (0..place).any(twice) {
                continue;
            }
            self.connect(at, of_ins[place].ways, operand, values, (true, reads));
        }
        for (operand, lists) in op.outs.iter().zip(of_outs) {
            self.connect(at, lists.ways, operand, values, (false, made[operand.value]));
        }
    }

    fn connect(&mut self, at: Node, rows: ListId, operand: &Operand, values: &Kept, pays: (bool, f64)) {
        let seat = &values[&operand.value];
        let of = (self.tensors[operand.value], &self.model.values[operand.value]);
        let table = self.bench.table(of, rows, seat.list, pays);
        self.graph.edge(&mut self.bench.store, at, seat.node, table);
    }

    /// What one step hands to the next is brought into the layout in which the next one takes it.
    fn next_steps(&mut self, values: &Kept) {
        for output in &self.model.outputs {
            let Some(input) = output.becomes.map(|input| &self.model.inputs[input]) else { continue };
            if input.value == output.value {
                continue;
            }
            let (made, taken) = (&values[&output.value], &values[&input.value]);
            let of = (self.tensors[input.value], &self.model.values[input.value]);
            let table = self.bench.table(of, made.list, taken.list, (false, self.once));
            self.graph.edge(&mut self.bench.store, made.node, taken.node, table);
        }
    }
}

/// For each operation the number of what it is: equal ones have the same.
pub(crate) fn kinds(model: &Model) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let number = |op: &Op| {
        let next = numbers.len();
        *numbers.entry((key(model, op, Weight::Heavy), op.known)).or_insert(next)
    };
    model.ops.iter().map(number).collect()
}

/// Whether two models are the same but for names: then a plan of one is a plan of the other.
pub(crate) fn same(a: &Model, b: &Model) -> bool {
    let operands = |op: &Op| -> Vec<(usize, usize)> {
        op.ins
            .iter()
            .map(|operand| (operand.value, 0))
            .chain(op.outs.iter().map(|out| (out.value, 1)))
            .collect()
    };
    let inputs = |model: &Model| -> Vec<_> {
        model.inputs.iter().map(|input| (input.value, input.role as u8)).collect()
    };
    let outputs = |model: &Model| -> Vec<_> {
        model.outputs.iter().map(|output| (output.value, output.becomes)).collect()
    };
    a.ops.len() == b.ops.len()
        && inputs(a) == inputs(b)
        && outputs(a) == outputs(b)
        && a.values == b.values
        && a.ops.iter().zip(&b.ops).all(|(x, y)| {
            operands(x) == operands(y)
                && key(a, x, Weight::Heavy) == key(b, y, Weight::Heavy)
                && x.known == y.known
                && x.again == y.again
        })
}
