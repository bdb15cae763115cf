//! Joins by a foreign key: each row of the left finds at most one on the right.
//!
//! Both sides are sorted by the key together, the right side's row before those of the left that mean it, and one pass hands each
//! its columns. What is left has the number of the left's rows, whatever was found.

use crate::bits::{assign, equal, is_zero, mask};
use crate::plan::Unfit;
use crate::table::{Kind, Table, null, place, widened, width};
use crate::{Rows, compact, sort};

/// The columns of both, if their keys can be compared.
pub(crate) fn kinds(left: &[Kind], right: &[Kind], on: &[(usize, usize)]) -> Result<Vec<Kind>, Unfit> {
    for (a, b) in on {
        let pair = left.get(*a).zip(right.get(*b));
        pair.and_then(|(a, b)| a.common(*b)).ok_or_else(|| Unfit("keys of a join of two kinds".into()))?;
    }
    if on.is_empty() {
        return Err(Unfit("a join without a key".into()));
    }
    Ok([left, right].concat())
}

/// The left's rows with the right's columns, and a mask of whether the right has a key twice.
pub(crate) fn join(left: &Table, right: &Table, on: &[(usize, usize)], outer: bool) -> (Table, u64) {
    let common: Vec<Kind> = on
        .iter()
        .map(|(a, b)| left.kinds[*a].common(right.kinds[*b]).expect("it was asked before"))
        .collect();
    let lead = 2 + common.iter().map(|kind| kind.words()).sum::<usize>();
    let wide = left.rows.width().max(right.rows.width());
    let mut rows = Rows::zeros(left.count() + right.count(), lead + wide);
    for (number, row) in right.rows.iter().enumerate() {
        let keys = on.iter().map(|(_, column)| *column);
        fill(rows.row_mut(number), row, &right.kinds, keys.zip(&common), 0, lead);
    }
    for (number, row) in left.rows.iter().enumerate() {
        let keys = on.iter().map(|(column, _)| *column);
        fill(rows.row_mut(right.count() + number), row, &left.kinds, keys.zip(&common), 1, lead);
    }
    sort(&mut rows, lead);
    let (mut joined, twice) = pass(&rows, lead, left, right, outer);
    // No more rows count than the left has.
    compact(&mut joined.rows);
    joined.rows.truncate(left.count());
    (joined, twice)
}

/// A row as it is sorted: whether it cannot be found, its key, its side, and the row itself. The last word of the key is the side.
fn fill<'a>(
    to: &mut [u64],
    row: &[u64],
    kinds: &[Kind],
    keys: impl Iterator<Item = (usize, &'a Kind)>,
    side: u64,
    lead: usize,
) {
    let mut key = Vec::with_capacity(lead);
    let mut missing = !mask(row[0]);
    key.push(0);
    for (column, common) in keys {
        missing |= null(row, column);
        widened(&row[place(kinds, column)], kinds[column], *common, &mut key);
    }
    key[0] = missing & 1;
    key.push(side);
    to[..lead].copy_from_slice(&key);
    to[lead..][..row.len()].copy_from_slice(row);
}

fn pass(rows: &Rows, lead: usize, left: &Table, right: &Table, outer: bool) -> (Table, u64) {
    let mut joined = Table::empty([&left.kinds[..], &right.kinds].concat(), rows.count());
    let (of_left, of_right) = (left.rows.width(), right.rows.width());
    let mut found = vec![0; lead - 1];
    let mut values = vec![0; of_right];
    let (mut any, mut twice) = (0, 0);
    for number in 0..rows.count() {
        let (key, row) = rows.row(number).split_at(lead);
        let counts = mask(row[0]);
        let is_left = mask(key[lead - 1]);
        let same = any & equal(&key[..lead - 1], &found) & is_zero(key[0]);
        let begins = counts & !is_left & is_zero(key[0]);
        twice |= begins & same;
        assign(begins, &mut found, &key[..lead - 1]);
        assign(begins, &mut values, &row[..of_right]);
        any |= begins;
        let meets = counts & is_left & same;
        let to = joined.rows.row_mut(number);
        let nulls_of_left = row[0] & (2_u64.wrapping_shl(left.kinds.len() as u32) - 1) & !1;
        let missing = (values[0] >> 1 & meets | !meets) & bits(right.kinds.len());
        to[0] = nulls_of_left | missing << (left.kinds.len() + 1);
        to[1..of_left].copy_from_slice(&row[1..of_left]);
        to[of_left..].iter_mut().zip(&values[1..]).for_each(|(to, value)| *to = value & meets);
        Table::mark_real(to, if outer { counts & is_left } else { meets });
    }
    debug_assert_eq!(width(&joined.kinds), of_left + of_right - 1);
    (joined, twice)
}

/// So many ones.
fn bits(count: usize) -> u64 {
    (1 << count) - 1
}
