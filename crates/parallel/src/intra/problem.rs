//! From a model and a mesh to a graph of labels and costs.
//!
//! A node for each operation, whose labels are its strategies, and one for each value, whose labels are the layouts in which
//! it is kept. An edge costs what changing between the layouts costs. So a value that several operations read is brought into
//! a layout once and not for each of them: a gradient that two moments are updated with is scattered once.

use super::bench::{Bench, grain, key};
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

/// The node of each value that is used, with the layouts that are its labels.
pub(crate) type Kept = BTreeMap<ValueId, (Node, Rc<Vec<Layout>>)>;

/// The graph of a model on a mesh, and what its labels mean.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) graph: Graph,
    /// Strategies of each operation, by its node: operations come first.
    pub(crate) strategies: Vec<Rc<Vec<Strategy>>>,
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
        let mut builder = Builder { model, bench, graph: Graph::default(), once };
        let weights = weights(model);
        let mut lists = Vec::with_capacity(model.ops.len());
        for (at, op) in model.ops.iter().enumerate() {
            let all = builder.bench.strategies(model, op, weights[at]);
            let list = if all.iter().all(|strategy| allowed.strategy(at, strategy)) {
                all
            } else {
                Rc::new(all.iter().filter(|strategy| allowed.strategy(at, strategy)).cloned().collect())
            };
            if list.is_empty() {
                return None;
            }
            let costs = list.iter().map(|strategy| grain(strategy.seconds * shares.share[at]));
            let cost = builder.bench.store.vector(costs.collect());
            builder.graph.node(cost, 2 * at);
            lists.push(list);
        }
        let layouts = builder.values(&lists, allowed)?;
        let values = shares.of_values(model);
        for (at, op) in model.ops.iter().enumerate() {
            builder.edges(at, op, &lists[at], &layouts, (shares.share[at], &values));
        }
        builder.next_steps(&layouts);
        let graph = builder.graph;
        Some(Self { graph, strategies: lists, layouts })
    }
}

struct Builder<'a> {
    model: &'a Model,
    bench: &'a mut Bench,
    graph: Graph,
    /// What a microbatch pays of what is done once a step.
    once: f64,
}

impl Builder<'_> {
    /// A node for each value: the layouts that some operation makes or wants.
    fn values(&mut self, lists: &[Rc<Vec<Strategy>>], allowed: &impl Allowed) -> Option<Kept> {
        let mut wanted: BTreeMap<usize, BTreeSet<Layout>> = BTreeMap::new();
        for (op, list) in self.model.ops.iter().zip(lists) {
            for strategy in list.iter() {
                let operands = op.ins.iter().zip(&strategy.ins).chain(op.outs.iter().zip(&strategy.outs));
                for (operand, layout) in operands {
                    wanted.entry(operand.value).or_default().insert(*layout);
                }
            }
        }
        for (at, input) in self.model.inputs.iter().enumerate() {
            let set = wanted.entry(input.value).or_default();
            set.insert(Layout::WHOLE);
            set.retain(|layout| !layout.is_partial() && allowed.input(at, *layout));
            if set.is_empty() {
                set.extend(
                    crate::layout::layouts(&self.model.values[input.value].shape, &self.bench.mesh.sizes)
                        .into_iter()
                        .filter(|layout| !layout.is_partial() && allowed.input(at, *layout)),
                );
            }
        }
        for output in &self.model.outputs {
            let set = wanted.entry(output.value).or_default();
            set.retain(|layout| !layout.is_partial());
            set.insert(Layout::WHOLE);
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
        for (value, set) in wanted {
            if set.is_empty() {
                return None;
            }
            let layouts: Rc<Vec<Layout>> = Rc::new(set.into_iter().collect());
            let cost = self.bench.store.vector(vec![0.0; layouts.len()]);
            let rank = ranks.get(&value).copied().unwrap_or(0);
            nodes.insert(value, (self.graph.node(cost, rank), layouts));
        }
        Some(nodes)
    }

    fn edges(
        &mut self,
        at: Node,
        op: &Op,
        list: &Rc<Vec<Strategy>>,
        values: &Kept,
        (reads, made): (f64, &[f64]),
    ) {
        for (place, operand) in op.ins.iter().enumerate() {
            // Brought into a layout once, however often an operation reads it in that layout.
            let twice = |before: usize| {
                op.ins[before] == *operand
                    && list.iter().all(|strategy| strategy.ins[before] == strategy.ins[place])
            };
            if (0..place).any(twice) {
                continue;
            }
            let wants = Rc::new(list.iter().map(|strategy| strategy.ins[place]).collect());
            self.connect(at, &wants, operand, values, (true, reads));
        }
        for (place, operand) in op.outs.iter().enumerate() {
            let makes = Rc::new(list.iter().map(|strategy| strategy.outs[place]).collect());
            self.connect(at, &makes, operand, values, (false, made[operand.value]));
        }
    }

    fn connect(
        &mut self,
        at: Node,
        rows: &Rc<Vec<Layout>>,
        operand: &Operand,
        values: &Kept,
        pays: (bool, f64),
    ) {
        let (node, layouts) = &values[&operand.value];
        let table = self.bench.table(&self.model.values[operand.value], rows, layouts, pays);
        self.graph.edge(&mut self.bench.store, at, *node, table);
    }

    /// What one step hands to the next is brought into the layout in which the next one takes it.
    fn next_steps(&mut self, values: &Kept) {
        for output in &self.model.outputs {
            let Some(input) = output.becomes.map(|input| &self.model.inputs[input]) else { continue };
            if input.value == output.value {
                continue;
            }
            let (made, from) = &values[&output.value];
            let (taken, to) = &values[&input.value];
            let table = self.bench.table(&self.model.values[input.value], from, to, (false, self.once));
            self.graph.edge(&mut self.bench.store, *made, *taken, table);
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
        })
}
