//! What is known of one mesh: strategies of operations, costs between layouts, and all tables with what was computed of them.
//!
//! Models that are planned on the same mesh, the parts of one above all, share it: an operation, a tensor or a whole block that
//! was met before is looked up.

use crate::cluster::{Cluster, Mesh};
use crate::layout::Layout;
use crate::model::{Kind, Model, Op, Value};
use crate::reshard::Ways;
use crate::solve::{Store, TableId};
use crate::strategy::{Strategy, Weight, strategies};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Costs are multiples of this many seconds, about 6e-14: sums of doubles up to 512 s are then exact, in whatever order, so that
/// equal blocks have equal tables to the last bit.
const GRAIN_S: f64 = 1.0 / (1_u64 << 44) as f64;

/// A list of layouts: equal lists have equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListId(u32);

/// A kind of tensors: those of equal shapes and sizes of elements have equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TensorId(u32);

/// The ways to split an operation.
#[derive(Debug)]
pub(crate) struct Choices {
    pub(crate) all: Vec<Strategy>,
    /// What they want of each operand, and then make of each result.
    pub(crate) operands: Vec<OperandLists>,
}

/// Layouts of an operand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OperandLists {
    /// In the order of the ways to split.
    pub(crate) ways: ListId,
    /// Each once, in their order.
    pub(crate) once: ListId,
}

/// Layouts of rows and of columns, the tensor, which way it goes, and its share.
type TableKey = (ListId, ListId, TensorId, bool, u64);

/// A mesh, with what was made before of equal operations and tensors.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) mesh: Mesh,
    pub(crate) store: Store,
    choices: BTreeMap<Vec<u64>, Rc<Choices>>,
    tensors: BTreeMap<Vec<u64>, TensorId>,
    ways: BTreeMap<TensorId, Rc<Ways>>,
    tables: BTreeMap<TableKey, TableId>,
    lists: Vec<Rc<[Layout]>>,
    list_of: BTreeMap<Rc<[Layout]>, ListId>,
    unions: BTreeMap<BTreeSet<ListId>, ListId>,
}

impl Bench {
    pub(crate) fn new(mesh: Mesh) -> Self {
        Self {
            mesh,
            store: Store::default(),
            choices: BTreeMap::new(),
            tensors: BTreeMap::new(),
            ways: BTreeMap::new(),
            tables: BTreeMap::new(),
            lists: Vec::new(),
            list_of: BTreeMap::new(),
            unions: BTreeMap::new(),
        }
    }

    /// All ways to split an operation.
    pub(crate) fn choices(&mut self, model: &Model, op: &Op, weight: Weight) -> Rc<Choices> {
        let key = key(model, op, weight);
        if let Some(known) = self.choices.get(&key) {
            return Rc::clone(known);
        }
        let all = strategies(model, op, &self.mesh, weight);
        let made = Rc::new(self.chosen(all));
        self.choices.insert(key, Rc::clone(&made));
        made
    }

    /// Some ways to split an operation.
    pub(crate) fn chosen(&mut self, all: Vec<Strategy>) -> Choices {
        let count = all.first().map_or(0, |strategy| strategy.ins.len() + strategy.outs.len());
        let operands = (0..count).map(|place| {
            let of = |strategy: &Strategy| {
                let given = strategy.ins.len();
                if place < given { strategy.ins[place] } else { strategy.outs[place - given] }
            };
            let once: BTreeSet<Layout> = all.iter().map(of).collect();
            let ways = self.list(all.iter().map(of).collect());
            OperandLists { ways, once: self.list(once.into_iter().collect()) }
        });
        Choices { operands: operands.collect(), all }
    }

    /// The number of a list of layouts.
    pub(crate) fn list(&mut self, layouts: Vec<Layout>) -> ListId {
        if let Some(known) = self.list_of.get(&layouts[..]) {
            return *known;
        }
        let list: Rc<[Layout]> = layouts.into();
        let id = ListId(u32::try_from(self.lists.len()).expect("memory ends long before"));
        self.lists.push(Rc::clone(&list));
        self.list_of.insert(list, id);
        id
    }

    /// The layouts of several lists, each once and in their order.
    pub(crate) fn union(&mut self, lists: &BTreeSet<ListId>) -> ListId {
        if let Some(known) = self.unions.get(lists) {
            return *known;
        }
        let all: BTreeSet<Layout> = lists.iter().flat_map(|list| self.see(*list).iter().copied()).collect();
        let made = self.list(all.into_iter().collect());
        self.unions.insert(lists.clone(), made);
        made
    }

    pub(crate) fn see(&self, list: ListId) -> &Rc<[Layout]> {
        &self.lists[list.0 as usize]
    }

    pub(crate) fn tensor(&mut self, value: &Value) -> TensorId {
        let next = TensorId(u32::try_from(self.tensors.len()).expect("memory ends long before"));
        *self.tensors.entry(tensor(value)).or_insert(next)
    }

    pub(crate) fn ways(&mut self, value: &Value) -> Rc<Ways> {
        let tensor = self.tensor(value);
        let mesh = &self.mesh;
        Rc::clone(self.ways.entry(tensor).or_insert_with(|| Rc::new(Ways::new(value, mesh))))
    }

    /// Seconds between layouts of a value of this kind: rows are an operation's, columns a value's. `reads` says which way.
    pub(crate) fn table(
        &mut self,
        (tensor, value): (TensorId, &Value),
        rows: ListId,
        columns: ListId,
        (reads, share): (bool, f64),
    ) -> TableId {
        let key = (rows, columns, tensor, reads, share.to_bits());
        if let Some(known) = self.tables.get(&key) {
            return *known;
        }
        let ways = self.ways(value);
        let places =
            |layouts: &[Layout]| -> Vec<usize> { layouts.iter().map(|layout| ways.place(*layout)).collect() };
        let (row_places, column_places) = (places(self.see(rows)), places(self.see(columns)));
        let cells = row_places.iter().flat_map(|row| {
            let ways = &ways;
            column_places.iter().map(move |column| {
                grain(share * if reads { ways.seconds(*column, *row) } else { ways.seconds(*row, *column) })
            })
        });
        let table = self.store.table(column_places.len(), cells.collect());
        self.tables.insert(key, table);
        table
    }
}

/// The nearest cost that is counted in.
pub(super) fn grain(seconds: f64) -> f64 {
    (seconds / GRAIN_S).round() * GRAIN_S
}

fn tensor(value: &Value) -> Vec<u64> {
    let mut key = value.shape.clone();
    key.push(value.kind.size());
    key
}

/// Equal operations have equal keys: all that strategies and their costs depend on.
pub(super) fn key(model: &Model, op: &Op, weight: Weight) -> Vec<u64> {
    let mut key =
        vec![weight as u64, op.flops.to_bits(), op.reduce as u64, op.ins.len() as u64, op.outs.len() as u64];
    key.push(op.loops.len() as u64);
    key.extend(op.loops.iter().map(|of| of.size));
    for operand in op.ins.iter().chain(&op.outs) {
        let value = &model.values[operand.value];
        key.push(kind_number(value.kind));
        key.push(value.shape.len() as u64);
        key.extend(&value.shape);
        key.extend(operand.dims.iter().map(|dim| dim.map_or(u64::MAX, |dim| dim as u64)));
    }
    for set in &op.linear {
        key.push(set.len() as u64);
        key.extend(set.iter().map(|at| *at as u64));
    }
    key.push(u64::MAX);
    key.extend(op.accumulates.iter().map(|at| *at as u64));
    key
}

fn kind_number(kind: Kind) -> u64 {
    use Kind::{F8, F16, F32, F64, Other};
    match kind {
        F64 => 1,
        F32 => 2,
        F16 => 3,
        F8 => 4,
        Other(size) => 16 + u64::from(size),
    }
}

/// Numbers in all tables of all meshes that are kept for what may come: 20 million doubles are 160 MB, and what is looked up by them
/// takes about as much again.
const MOST_CELLS: usize = 20_000_000;

/// The meshes of a cluster that were met.
#[derive(Debug)]
pub(crate) struct Benches<'a> {
    cluster: &'a Cluster,
    known: BTreeMap<Vec<u64>, Bench>,
}

impl<'a> Benches<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, known: BTreeMap::new() }
    }

    /// One that was forgotten is made again: that takes time, and changes no plan.
    pub(crate) fn at(&mut self, sizes: &[u64]) -> &mut Bench {
        if self.known.values().map(|bench| bench.store.cells()).sum::<usize>() > MOST_CELLS {
            self.known.clear();
        }
        let cluster = self.cluster;
        self.known.entry(sizes.to_vec()).or_insert_with(|| Bench::new(Mesh::of(cluster, sizes)))
    }
}
