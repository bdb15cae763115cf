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
use std::collections::BTreeMap;
use std::rc::Rc;

/// Costs are multiples of this many seconds, about 6e-14: sums of doubles up to 512 s are then exact, in whatever order, so that
/// equal blocks have equal tables to the last bit.
const GRAIN_S: f64 = 1.0 / (1_u64 << 44) as f64;

/// Layouts of rows and of columns, the tensor, its share and which way it goes.
type TableKey = (Rc<Vec<Layout>>, Rc<Vec<Layout>>, Vec<u64>);

/// A mesh, with what was made before of equal operations and tensors.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) mesh: Mesh,
    pub(crate) store: Store,
    strategies: BTreeMap<Vec<u64>, Rc<Vec<Strategy>>>,
    ways: BTreeMap<Vec<u64>, Rc<Ways>>,
    tables: BTreeMap<TableKey, TableId>,
}

impl Bench {
    pub(crate) fn new(mesh: Mesh) -> Self {
        let (strategies, ways, tables) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { mesh, store: Store::default(), strategies, ways, tables }
    }

    pub(crate) fn strategies(&mut self, model: &Model, op: &Op, weight: Weight) -> Rc<Vec<Strategy>> {
        let key = key(model, op, weight);
        if let Some(known) = self.strategies.get(&key) {
            return Rc::clone(known);
        }
        let made = Rc::new(strategies(model, op, &self.mesh, weight));
        self.strategies.insert(key, Rc::clone(&made));
        made
    }

    pub(crate) fn ways(&mut self, value: &Value) -> Rc<Ways> {
        let mesh = &self.mesh;
        Rc::clone(self.ways.entry(tensor(value)).or_insert_with(|| Rc::new(Ways::new(value, mesh))))
    }

    /// Seconds between layouts: rows are an operation's, columns a value's. `reads` says which way.
    pub(crate) fn table(
        &mut self,
        value: &Value,
        rows: &Rc<Vec<Layout>>,
        columns: &Rc<Vec<Layout>>,
        (reads, share): (bool, f64),
    ) -> TableId {
        let mut numbers = tensor(value);
        numbers.extend([u64::from(reads), share.to_bits()]);
        let key = (Rc::clone(rows), Rc::clone(columns), numbers);
        if let Some(known) = self.tables.get(&key) {
            return *known;
        }
        let ways = self.ways(value);
        let places =
            |layouts: &[Layout]| -> Vec<usize> { layouts.iter().map(|layout| ways.place(*layout)).collect() };
        let (row_places, column_places) = (places(rows), places(columns));
        let cells = row_places.iter().flat_map(|row| {
            let ways = &ways;
            column_places.iter().map(move |column| {
                grain(share * if reads { ways.seconds(*column, *row) } else { ways.seconds(*row, *column) })
            })
        });
        let table = self.store.table(columns.len(), cells.collect());
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
