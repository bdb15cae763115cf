//! Vectors and tables of costs, each kept once.
//!
//! Equal content has the same number, so work on numbers that was done before is looked up: the second to last of many equal
//! layers cost what looking up costs. This is how repeated blocks are folded, and it is exact, since nothing is assumed about
//! where blocks begin.

use std::collections::BTreeMap;
use std::rc::Rc;

/// The number of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VectorId(u32);

/// The number of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableId(u32);

/// Costs of pairs, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) columns: usize,
    pub(crate) cells: Rc<[f64]>,
}

impl Table {
    pub(crate) fn rows(&self) -> usize {
        self.cells.len() / self.columns
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.columns..(row + 1) * self.columns]
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.columns + column]
    }
}

/// Where work on numbers was done before: what was done, and on which.
type Memo<K, V> = BTreeMap<K, V>;

/// All vectors and tables of a problem, with what was computed of them.
#[derive(Debug, Default)]
pub(crate) struct Store {
    vectors: Vec<Rc<[f64]>>,
    tables: Vec<Table>,
    vector_of: BTreeMap<(u64, usize), Vec<VectorId>>,
    table_of: BTreeMap<(u64, usize), Vec<TableId>>,
    sums: Memo<(VectorId, VectorId), VectorId>,
    table_sums: Memo<(TableId, TableId), TableId>,
    transposed: Memo<TableId, TableId>,
    folded: Memo<(VectorId, TableId), (VectorId, f64)>,
    joined: Memo<(VectorId, TableId, TableId), (TableId, f64)>,
    differences: Memo<TableId, Rc<[f64]>>,
    label_lists: BTreeMap<Rc<[u32]>, u32>,
    picked: Memo<(VectorId, u32), VectorId>,
    picked_rows: Memo<(TableId, u32), TableId>,
    undominated: BTreeMap<(VectorId, Vec<TableId>), Rc<[u32]>>,
    /// Of all vectors and tables.
    cells: usize,
}

impl Store {
    pub(crate) fn vector(&mut self, cells: Vec<f64>) -> VectorId {
        let key = (hash(&cells), cells.len());
        let same = self.vector_of.entry(key).or_default();
        if let Some(id) = same.iter().find(|id| *self.vectors[id.0 as usize] == cells) {
            return *id;
        }
        let id = VectorId(number(self.vectors.len()));
        same.push(id);
        self.cells += cells.len();
        self.vectors.push(cells.into());
        id
    }

    pub(crate) fn table(&mut self, columns: usize, cells: Vec<f64>) -> TableId {
        let key = (hash(&cells), columns);
        let same = self.table_of.entry(key).or_default();
        if let Some(id) = same.iter().find(|id| *self.tables[id.0 as usize].cells == cells) {
            return *id;
        }
        let id = TableId(number(self.tables.len()));
        same.push(id);
        self.cells += cells.len();
        self.tables.push(Table { columns, cells: cells.into() });
        id
    }

    /// How many numbers it holds.
    pub(crate) fn cells(&self) -> usize {
        self.cells
    }

    pub(crate) fn get(&self, id: VectorId) -> &[f64] {
        &self.vectors[id.0 as usize]
    }

    pub(crate) fn see(&self, id: TableId) -> &Table {
        &self.tables[id.0 as usize]
    }

    pub(crate) fn sum(&mut self, a: VectorId, b: VectorId) -> VectorId {
        if let Some(id) = self.sums.get(&(a, b)) {
            return *id;
        }
        let cells = self.get(a).iter().zip(self.get(b)).map(|(a, b)| a + b).collect();
        let id = self.vector(cells);
        self.sums.insert((a, b), id);
        id
    }

    pub(crate) fn table_sum(&mut self, a: TableId, b: TableId) -> TableId {
        if let Some(id) = self.table_sums.get(&(a, b)) {
            return *id;
        }
        let (a_table, b_table) = (self.see(a), self.see(b));
        let cells = a_table.cells.iter().zip(b_table.cells.iter()).map(|(a, b)| a + b).collect();
        let id = self.table(a_table.columns, cells);
        self.table_sums.insert((a, b), id);
        id
    }

    pub(crate) fn transpose(&mut self, id: TableId) -> TableId {
        if let Some(id) = self.transposed.get(&id) {
            return *id;
        }
        let table = self.see(id);
        let (rows, columns) = (table.rows(), table.columns);
        let cells = (0..columns * rows).map(|at| table.at(at % rows, at / rows)).collect();
        let turned = self.table(rows, cells);
        self.transposed.insert(id, turned);
        self.transposed.insert(turned, id);
        turned
    }

    /// Does away with a node that has one neighbour: for each column, the least of vector and table over rows, as what it is
    /// above the least of all, and that. Chains of equal blocks then come to the same vector again and again.
    pub(crate) fn fold(&mut self, of: VectorId, table: TableId) -> (VectorId, f64) {
        if let Some(id) = self.folded.get(&(of, table)) {
            return *id;
        }
        let (own, costs) = (self.get(of), self.see(table));
        let mut least = vec![f64::INFINITY; costs.columns];
        for (row, cost) in own.iter().enumerate() {
            for (least, cell) in least.iter_mut().zip(costs.row(row)) {
                *least = lesser(*least, cost + cell);
            }
        }
        let lowest = lower(&mut least);
        let made = (self.vector(least), lowest);
        self.folded.insert((of, table), made);
        made
    }

    /// Does away with a node between two neighbours. Rows of both tables are the node's; the result has the first
    /// neighbour's rows and the second's columns, and is lowered as that of `fold` is.
    pub(crate) fn join(&mut self, of: VectorId, first: TableId, second: TableId) -> (TableId, f64) {
        if let Some(id) = self.joined.get(&(of, first, second)) {
            return *id;
        }
        let turned = self.transpose(first);
        let (own, first_table, second_table) = (self.get(of), self.see(turned), self.see(second));
        let columns = second_table.columns;
        let mut cells = vec![f64::INFINITY; first_table.rows() * columns];
        for (row, cells) in cells.chunks_exact_mut(columns).enumerate() {
            for (middle, (a, b)) in first_table.row(row).iter().zip(own).enumerate() {
                let base = a + b;
                for (cell, c) in cells.iter_mut().zip(second_table.row(middle)) {
                    *cell = lesser(*cell, base + c);
                }
            }
        }
        let lowest = lower(&mut cells);
        let made = (self.table(columns, cells), lowest);
        self.joined.insert((of, first, second), made);
        made
    }

    /// For each pair of rows, the least over columns of the first's cell less the second's.
    pub(crate) fn least_differences(&mut self, of: TableId) -> Rc<[f64]> {
        if let Some(known) = self.differences.get(&of) {
            return Rc::clone(known);
        }
        let table = self.see(of);
        let rows = || (0..table.rows()).map(|row| table.row(row));
        let least = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).fold(f64::INFINITY, lesser);
        let made: Rc<[f64]> = rows().flat_map(|a| rows().map(move |b| least(a, b))).collect();
        self.differences.insert(of, Rc::clone(&made));
        made
    }

    /// The entries of a vector at these places.
    pub(crate) fn pick(&mut self, of: VectorId, labels: &[u32]) -> VectorId {
        let list = self.label_list(labels);
        if let Some(id) = self.picked.get(&(of, list)) {
            return *id;
        }
        let own = self.get(of);
        let cells = labels.iter().map(|label| own[*label as usize]).collect();
        let id = self.vector(cells);
        self.picked.insert((of, list), id);
        id
    }

    /// The rows of a table at these places.
    pub(crate) fn pick_rows(&mut self, of: TableId, rows: &[u32]) -> TableId {
        let list = self.label_list(rows);
        if let Some(id) = self.picked_rows.get(&(of, list)) {
            return *id;
        }
        let table = self.see(of);
        let cells = rows.iter().flat_map(|row| table.row(*row as usize)).copied().collect();
        let id = self.table(table.columns, cells);
        self.picked_rows.insert((of, list), id);
        id
    }

    /// What `make` says of a node with these costs and tables, asked once.
    pub(crate) fn undominated(
        &mut self,
        cost: VectorId,
        tables: Vec<TableId>,
        make: impl FnOnce(&mut Self, VectorId, &[TableId]) -> Vec<u32>,
    ) -> Rc<[u32]> {
        let key = (cost, tables);
        if let Some(known) = self.undominated.get(&key) {
            return Rc::clone(known);
        }
        let made: Rc<[u32]> = make(self, key.0, &key.1).into();
        self.undominated.insert(key, Rc::clone(&made));
        made
    }

    fn label_list(&mut self, labels: &[u32]) -> u32 {
        if let Some(known) = self.label_lists.get(labels) {
            return *known;
        }
        let next = number(self.label_lists.len());
        self.label_lists.insert(labels.into(), next);
        next
    }
}

/// Takes the least from all cells and returns it; nothing where no cell is finite.
pub(super) fn lower(cells: &mut [f64]) -> f64 {
    let lowest = cells.iter().copied().fold(f64::INFINITY, lesser);
    if !lowest.is_finite() {
        return 0.0;
    }
    cells.iter_mut().for_each(|cell| *cell -= lowest);
    lowest
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends long before there are 2^32 tables")
}

/// The smaller of two numbers, none of which is NaN: `f64::min` looks for these, and is several times slower in long rows.
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// FNV-1a over whole words: collisions are harmless, since content is compared.
fn hash(cells: &[f64]) -> u64 {
    cells.iter().fold(0xcbf2_9ce4_8422_2325, |hash, cell| {
        let mixed = (hash ^ cell.to_bits()).wrapping_mul(0x0100_0000_01b3);
        mixed ^ (mixed >> 29)
    })
}
