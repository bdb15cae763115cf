//! Parts rows in two, each part in the order it had.

use super::split::Cut;
use crate::bins::{Bins, Cells, Table};
use crate::workers::{Workers, each, piece_size};

/// Fewer rows are not worth a worker.
const LEAST_ROWS: usize = 16_384;

/// Puts the rows that a cut sends left before the others, and says how many those are. `scratch` is as long as `rows`.
pub(super) fn by_cut(
    workers: &dyn Workers,
    rows: &mut [u32],
    scratch: &mut [u32],
    bins: &Bins,
    feature: usize,
    cut: &Cut,
) -> usize {
    let missing = bins.axes.cuts[feature].count();
    let sides = cut.sides(missing);
    match &bins.cells {
        Cells::Few(Table { columns, .. })
        | Cells::Narrow(Table { columns, .. })
        | Cells::Sparse { columns, .. }
            if !columns.is_empty() =>
        {
            // One entry for each byte, so that none of them need be checked.
            let mut all = [false; 256];
            all.iter_mut().zip(&sides).for_each(|(all, side)| *all = *side);
            let column = column(columns, bins, feature);
            partition(workers, rows, scratch, |row| all[usize::from(column[row as usize])])
        }
        // Without cells there are no rows to part.
        Cells::Few(_) | Cells::Narrow(_) => 0,
        Cells::Wide(table) => {
            let column = column(&table.columns, bins, feature);
            partition(workers, rows, scratch, |row| sides[usize::from(column[row as usize])])
        }
        Cells::Sparse { starts, bins: all, .. } => partition(workers, rows, scratch, |row| {
            let row = &all[starts[row as usize]..starts[row as usize + 1]];
            sides[bins.axes.sparse_bin(row, feature)]
        }),
    }
}

fn column<'a, T>(columns: &'a [T], bins: &Bins, feature: usize) -> &'a [T] {
    let height = columns.len() / bins.axes.features();
    &columns[feature * height..(feature + 1) * height]
}

/// Puts the rows that go left before the others, and says how many those are.
fn partition(
    workers: &dyn Workers,
    rows: &mut [u32],
    scratch: &mut [u32],
    goes_left: impl Fn(u32) -> bool + Sync,
) -> usize {
    let size = piece_size(workers, rows.len(), LEAST_ROWS, 1);
    // Each piece for itself: left ones from the front, right ones from the back, turned round.
    let mut pieces: Vec<(&mut [u32], &mut [u32], usize)> = rows
        .chunks_mut(size)
        .zip(scratch.chunks_mut(size))
        .map(|(rows, scratch)| (rows, scratch, 0))
        .collect();
    each(workers, &mut pieces, |_, (rows, scratch, left)| {
        let mut right = scratch.len();
        for row in rows.iter() {
            let goes_left = goes_left(*row);
            // Both places are written, one of them for good: cheaper than a branch that nobody can foresee.
            scratch[*left] = *row;
            scratch[right - 1] = *row;
            *left += usize::from(goes_left);
            right -= usize::from(!goes_left);
        }
    });
    let parts: Vec<(usize, usize)> = pieces.iter().map(|(rows, _, left)| (rows.len(), *left)).collect();
    drop(pieces);
    let middle = parts.iter().map(|(_, left)| left).sum();
    let (mut to_left, mut to_right, mut from) = (0, middle, 0);
    for (length, left) in parts {
        let piece = &scratch[from..from + length];
        rows[to_left..to_left + left].copy_from_slice(&piece[..left]);
        let right = &mut rows[to_right..to_right + length - left];
        right.iter_mut().zip(piece[left..].iter().rev()).for_each(|(to, row)| *to = *row);
        (to_left, to_right, from) = (to_left + left, to_right + length - left, from + length);
    }
    middle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::Alone;

    #[test]
    fn both_sides_keep_their_order() {
        for all in [vec![], vec![1], vec![2], vec![5, 2, 8, 1, 4, 4, 7]] {
            let mut rows = all.clone();
            let middle = partition(&Alone, &mut rows, &mut vec![0; all.len()], |row| row % 2 == 0);
            let (even, odd): (Vec<u32>, Vec<u32>) = all.iter().partition(|row| **row % 2 == 0);
            assert_eq!(rows, [even.clone(), odd].concat());
            assert_eq!(middle, even.len());
        }
    }
}
