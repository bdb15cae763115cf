//! Groups: rows are sorted by their keys, and a pass for each aggregate sums up. The last row of each group gets its sums, the others
//! do not count.
//!
//! A pass goes through masks, of which rows have the key of the one before and of which count: they were put into memory by
//! passes of their own, so that no pass makes a branch of them. Rows of a group are added up in their order.

use crate::bits::{YES, assign, is_zero, less, zero};
use crate::expr::{Values, column};
use crate::pack::Layout;
use crate::plan::{SortKey, Unfit};
use crate::table::{Kind, Table, of_decimal, of_float, of_int, to_decimal, to_float, to_int};

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
        return whole(table, kinds, calls);
    }
    let layout = by_keys(table, keys, calls);
    let sorted = layout.sorted(&table.rows);
    let same = layout.same(&sorted);
    let counts: Vec<u64> = layout.masks(&sorted, 0).iter().map(|uncounted| !uncounted).collect();
    let column = |number: usize| layout.column(&sorted, &table.kinds, number);
    let mut grouped = Table::empty(kinds, table.count());
    // Where the next row has the same key, the group goes on.
    let goes_on = same.iter().skip(1).chain([&0]);
    for (row, (counts, goes_on)) in grouped.rows.iter_mut().zip(counts.iter().zip(goes_on)) {
        row[0] = counts & !goes_on & 1;
    }
    for (to, key) in keys.iter().enumerate() {
        grouped.lay(to, &column(*key));
    }
    for (to, call) in (keys.len()..).zip(calls) {
        let kind = grouped.kinds[to];
        grouped.lay(to, &sums(call.column.map(column), *call, kind, &counts, &same));
    }
    grouped
}

/// All rows are a group, if there are any or not.
fn whole(table: &Table, kinds: Vec<Kind>, calls: &[Call]) -> Table {
    let none;
    let table = if table.count() == 0 {
        none = Table::empty(table.kinds.clone(), 1);
        &none
    } else {
        table
    };
    let (counts, same) = (table.counts(), vec![YES; table.count()]);
    let mut whole = Table::empty(kinds, 1);
    for (to, call) in calls.iter().enumerate() {
        let kind = whole.kinds[to];
        let values = call.column.map(|number| column(table, number));
        whole.lay(to, &sums(values, *call, kind, &counts, &same).last());
    }
    whole.rows.row_mut(0)[0] |= 1;
    whole
}

/// How rows are sorted by their keys, with the columns that are used.
fn by_keys(table: &Table, keys: &[usize], calls: &[Call]) -> Layout {
    let along: Vec<usize> = (0..table.kinds.len())
        .filter(|column| calls.iter().any(|call| call.column == Some(*column)))
        .collect();
    let keys: Vec<SortKey> =
        keys.iter().map(|key| SortKey { column: *key, descending: false, nulls_first: false }).collect();
    Layout::ordered(&table.kinds, &keys, &along, table.count())
}

/// What is computed of the rows of a group, as far as each.
fn sums(values: Option<Values>, call: Call, kind: Kind, real: &[u64], same: &[u64]) -> Values {
    let Some(values) = values else {
        return counted(&numbers(real, same));
    };
    let counts: Vec<u64> = real.iter().zip(&values.nulls).map(|(real, null)| real & !null).collect();
    let numbers = numbers(&counts, same);
    let words = match call.function {
        Function::Count => return counted(&numbers),
        Function::Sum if kind == Kind::Int => ints(&values.words, &counts, same),
        Function::Sum if kind == Kind::Float => floats(&values.words, &counts, same).map(of_float).collect(),
        Function::Sum => decimals(&values.words, &counts, same),
        Function::Average => floats(&values.words, &counts, same)
            .zip(&numbers)
            .map(|(sum, number)| of_float(sum / number.cast_signed() as f64))
            .collect(),
        Function::Least => best(&values, &numbers, &counts, less),
        Function::Greatest => best(&values, &numbers, &counts, |a, b| less(b, a)),
    };
    let nulls = numbers.iter().map(|number| zero(*number)).collect();
    Values { kind, words, nulls }.blank()
}

/// How many rows of its group there are up to each.
fn numbers(counts: &[u64], same: &[u64]) -> Vec<u64> {
    let mut number = 0;
    let pairs = counts.iter().zip(same);
    pairs
        .map(|(counts, same)| {
            number = (number & same) + (counts & 1);
            number
        })
        .collect()
}

fn counted(numbers: &[u64]) -> Values {
    let words = numbers.iter().map(|number| of_int(number.cast_signed())).collect();
    Values { kind: Kind::Int, words, nulls: vec![0; numbers.len()] }
}

fn ints(words: &[u64], counts: &[u64], same: &[u64]) -> Vec<u64> {
    let mut sum = 0_u64;
    let rows = words.iter().zip(counts.iter().zip(same));
    rows.map(|(word, (counts, same))| {
        sum = (sum & same).wrapping_add(to_int(*word).cast_unsigned() & counts);
        of_int(sum.cast_signed())
    })
    .collect()
}

fn floats(words: &[u64], counts: &[u64], same: &[u64]) -> impl Iterator<Item = f64> {
    let mut sum = 0_f64;
    let rows = words.iter().zip(counts.iter().zip(same));
    rows.map(move |(word, (counts, same))| {
        sum = f64::from_bits(sum.to_bits() & same) + f64::from_bits(to_float(*word).to_bits() & counts);
        sum
    })
}

fn decimals(words: &[u64], counts: &[u64], same: &[u64]) -> Vec<u64> {
    let wide = |mask: u64| u128::from(mask) << 64 | u128::from(mask);
    let mut sum = 0_u128;
    let rows = words.chunks_exact(2).zip(counts.iter().zip(same));
    rows.flat_map(|(value, (counts, same))| {
        sum = (sum & wide(*same)).wrapping_add(to_decimal(value).cast_unsigned() & wide(*counts));
        of_decimal(sum.cast_signed())
    })
    .collect()
}

/// The value that no other one of the group is better than, up to each row.
fn best(
    values: &Values,
    numbers: &[u64],
    counts: &[u64],
    better: impl Fn(&[u64], &[u64]) -> u64,
) -> Vec<u64> {
    let mut best = vec![0; values.kind.words()];
    let mut words = Vec::with_capacity(values.words.len());
    for (row, (number, counts)) in numbers.iter().zip(counts).enumerate() {
        let value = values.row(row);
        // None came before it.
        let first = is_zero(number - (counts & 1));
        assign(counts & (first | better(value, &best)), &mut best, value);
        words.extend_from_slice(&best);
    }
    words
}
