//! Groups: rows are sorted by their keys, and one pass sums up. The last row of each group gets its sums, the others do not count.

use crate::bits::{YES, assign, equal, less};
use crate::plan::Unfit;
use crate::table::{Kind, Table, null, of_decimal, of_float, of_int, place, to_decimal, to_float, to_int};
use crate::{Rows, sort};

/// An aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What is computed.
    pub function: Function,
    /// Of which column; none is for rows.
    pub column: Option<usize>,
}

/// What is computed of a group. Rows without a value do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// How many.
    Count,
    /// The sum of numbers.
    Sum,
    /// The average of floating-point numbers.
    Average,
    /// The least.
    Least,
    /// The greatest.
    Greatest,
}

/// What the groups' columns are: the keys, and what is computed.
pub(crate) fn kinds(columns: &[Kind], keys: &[usize], calls: &[Call]) -> Result<Vec<Kind>, Unfit> {
    let of =
        |number: usize| columns.get(number).copied().ok_or_else(|| Unfit("a column is not there".into()));
    let mut kinds = keys.iter().map(|key| of(*key)).collect::<Result<Vec<_>, _>>()?;
    for call in calls {
        let kind = call.column.map(of).transpose()?;
        kinds.push(match (call.function, kind) {
            (Function::Count, _) => Kind::Int,
            (Function::Sum, Some(kind @ (Kind::Int | Kind::Float | Kind::Decimal(_)))) => kind,
            (Function::Average, Some(Kind::Float)) => Kind::Float,
            (Function::Least | Function::Greatest, Some(kind)) => kind,
            _ => return Err(Unfit(format!("{:?} of other columns than it takes", call.function))),
        });
    }
    Ok(kinds)
}

/// One row for each group; without keys one row in any case.
pub(crate) fn groups(table: &Table, keys: &[usize], calls: &[Call]) -> Table {
    let kinds = kinds(&table.kinds, keys, calls).expect("it was asked before");
    if keys.is_empty() {
        let mut pass = Pass::new(table, calls);
        table.rows.iter().for_each(|row| pass.add(YES, row));
        let mut whole = Table::empty(kinds, 1);
        pass.write(&whole.kinds.clone(), 0, whole.rows.row_mut(0));
        whole.rows.row_mut(0)[0] |= 1;
        return whole;
    }
    let (sorted, lead) = by_keys(table, keys);
    let mut grouped = Table::empty(kinds, table.count());
    let (kinds, count) = (grouped.kinds.clone(), table.count());
    let mut pass = Pass::new(table, calls);
    let mut before = vec![YES; lead];
    for number in 0..count {
        let (key, row) = sorted.row(number).split_at(lead);
        let same = equal(key, &before);
        pass.add(same, row);
        before.copy_from_slice(key);
        // The group goes on: the row before was not its last.
        if number > 0 {
            grouped.rows.row_mut(number - 1)[0] &= !(same & 1);
        }
        let to = grouped.rows.row_mut(number);
        to[0] = row[0] & 1;
        for (column, key) in keys.iter().enumerate() {
            to[0] |= null(row, *key) & (2 << column);
            to[place(&kinds, column)].copy_from_slice(&row[place(&table.kinds, *key)]);
        }
        pass.write(&kinds, keys.len(), to);
    }
    grouped
}

/// Rows behind their keys: whether they do not count, then for each key whether it is missing, and its words.
pub(crate) fn by_keys(table: &Table, keys: &[usize]) -> (Rows, usize) {
    let lead = 1 + keys.iter().map(|key| 1 + table.kinds[*key].words()).sum::<usize>();
    let mut rows = Rows::zeros(table.count(), lead + table.rows.width());
    for (number, row) in table.rows.iter().enumerate() {
        let (key, whole) = rows.row_mut(number).split_at_mut(lead);
        whole.copy_from_slice(row);
        key[0] = (row[0] & 1) ^ 1;
        let mut at = 1;
        for column in keys {
            let words = &row[place(&table.kinds, *column)];
            key[at] = null(row, *column) & 1;
            key[at + 1..][..words.len()].copy_from_slice(words);
            at += 1 + words.len();
        }
    }
    sort(&mut rows, lead);
    (rows, lead)
}

/// What is known of a group so far.
struct Pass<'a> {
    table: &'a Table,
    states: Vec<State>,
}

struct State {
    call: Call,
    count: u64,
    words: Vec<u64>,
}

impl<'a> Pass<'a> {
    fn new(table: &'a Table, calls: &[Call]) -> Self {
        let words = |call: &Call| call.column.map_or(0, |column| table.kinds[column].words());
        let state = |call: &Call| State { call: *call, count: 0, words: vec![0; words(call)] };
        Self { table, states: calls.iter().map(state).collect() }
    }

    /// Adds a row to the group, or begins another with it.
    fn add(&mut self, same: u64, row: &[u64]) {
        for state in &mut self.states {
            let real = crate::bits::mask(row[0]);
            let kept = state.count & same;
            let Some(column) = state.call.column else {
                state.count = kept + (real & 1);
                continue;
            };
            let counts = real & !null(row, column);
            state.count = kept + (counts & 1);
            let (kind, value) = (self.table.kinds[column], &row[place(&self.table.kinds, column)]);
            match state.call.function {
                Function::Count => {}
                Function::Sum | Function::Average => sum(kind, same, counts, value, &mut state.words),
                Function::Least | Function::Greatest => {
                    let first = crate::bits::is_zero(kept);
                    let better = match state.call.function {
                        Function::Least => less(value, &state.words),
                        _ => less(&state.words, value),
                    };
                    assign(counts & (first | better), &mut state.words, value);
                }
            }
        }
    }

    fn write(&self, kinds: &[Kind], first: usize, row: &mut [u64]) {
        for (column, state) in (first..).zip(&self.states) {
            let to = place(kinds, column);
            let none = crate::bits::is_zero(state.count);
            let count = state.count.cast_signed();
            match state.call.function {
                Function::Count => {
                    row[to].copy_from_slice(&[of_int(count)]);
                    continue;
                }
                Function::Average => {
                    let average = f64::from_bits(state.words[0]) / count as f64;
                    row[to].copy_from_slice(&[of_float(average) & !none]);
                }
                Function::Sum => {
                    let words = of_sum(kinds[column], &state.words);
                    row[to].iter_mut().zip(words).for_each(|(to, word)| *to = word & !none);
                }
                _ => row[to].iter_mut().zip(&state.words).for_each(|(to, word)| *to = word & !none),
            }
            row[0] |= none & (2 << column);
        }
    }
}

/// Sums are kept as numbers, and not in their order.
fn sum(kind: Kind, same: u64, counts: u64, value: &[u64], sum: &mut [u64]) {
    match kind {
        Kind::Float => {
            let before = f64::from_bits(sum[0] & same);
            let more = f64::from_bits(to_float(value[0]).to_bits() & counts);
            sum[0] = (before + more).to_bits();
        }
        Kind::Decimal(_) => {
            let before = u128::from(sum[0] & same) << 64 | u128::from(sum[1] & same);
            let value = to_decimal(value).cast_unsigned();
            let more = value & (u128::from(counts) << 64 | u128::from(counts));
            let both = before.wrapping_add(more);
            (sum[0], sum[1]) = ((both >> 64) as u64, both as u64);
        }
        _ => sum[0] = (sum[0] & same).wrapping_add(to_int(value[0]).cast_unsigned() & counts),
    }
}

fn of_sum(kind: Kind, sum: &[u64]) -> Vec<u64> {
    match kind {
        Kind::Float => vec![of_float(f64::from_bits(sum[0]))],
        Kind::Decimal(_) => {
            of_decimal((u128::from(sum[0]) << 64 | u128::from(sum[1])).cast_signed()).to_vec()
        }
        _ => vec![of_int(sum[0].cast_signed())],
    }
}
