//! A compaction network: rows that count move to the front, in their order.
//!
//! Sasy, Johnson and Goldberg's (CCS 2022): a half is compacted so that its marked rows begin at a place that depends on how many there
//! were before, wrapping round, and one pass over both halves joins them. n·log n exchanges, where a sort has n·log² n.

use crate::Rows;
use crate::bits::{exchange, is_zero, less, mask, select};

/// Moves rows whose first word has its lowest bit set to the front, in their order. The others follow in any order.
pub fn compact(rows: &mut Rows) {
    let width = rows.width();
    let marks: Vec<u64> = rows.iter().map(|row| row[0] & 1).collect();
    any(rows.words_mut(), width, &marks);
}

fn any(words: &mut [u64], width: usize, marks: &[u64]) {
    let count = marks.len();
    if count < 2 {
        return;
    }
    // The largest power of two that fits, at the end, and the rest before it.
    let large = (count + 1).next_power_of_two() / 2;
    let rest = count - large;
    let marked: u64 = marks[..rest].iter().sum();
    any(&mut words[..rest * width], width, &marks[..rest]);
    let at = (large - rest) as u64 + marked;
    power(&mut words[rest * width..], width, &marks[rest..], at & (large as u64 - 1));
    let (first, last) = words.split_at_mut(large * width);
    for (number, (a, b)) in first.chunks_exact_mut(width).zip(last.chunks_exact_mut(width)).enumerate() {
        exchange(!less(&[number as u64], &[marked]), a, b);
    }
}

/// A power of two of rows, whose marked ones are to begin at a place and wrap round.
fn power(words: &mut [u64], width: usize, marks: &[u64], at: u64) {
    let count = marks.len();
    if count < 2 {
        return;
    }
    let half = count / 2;
    let (first, second) = words.split_at_mut(half * width);
    if half == 1 {
        exchange(mask(((1 ^ marks[0]) & marks[1]) ^ at), first, second);
        return;
    }
    let marked: u64 = marks[..half].iter().sum();
    let below = half as u64 - 1;
    power(first, width, &marks[..half], at & below);
    power(second, width, &marks[half..], (at + marked) & below);
    let wraps = is_zero(((at & below) + marked) & half as u64) ^ is_zero(at & half as u64);
    let turn = (at + marked) & below;
    for (number, (a, b)) in first.chunks_exact_mut(width).zip(second.chunks_exact_mut(width)).enumerate() {
        let after = !less(&[number as u64], &[turn]);
        exchange(select(wraps, !after, after), a, b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_compacts(marks: &[bool]) {
        let mut rows = Rows::zeros(marks.len(), 2);
        for (number, marked) in marks.iter().enumerate() {
            rows.row_mut(number).copy_from_slice(&[u64::from(*marked), number as u64]);
        }
        let expected: Vec<u64> = (0..marks.len()).filter(|at| marks[*at]).map(|at| at as u64).collect();
        compact(&mut rows);
        let got: Vec<u64> = rows.iter().take(expected.len()).map(|row| row[1]).collect();
        assert_eq!(got, expected, "{marks:?}");
        let mut all: Vec<u64> = rows.iter().map(|row| row[1]).collect();
        all.sort_unstable();
        assert_eq!(all, (0..marks.len() as u64).collect::<Vec<_>>(), "{marks:?}");
    }

    #[test]
    fn every_way_to_mark_up_to_twelve_rows() {
        for count in 0..=12 {
            for marks in 0..1_u32 << count {
                assert_compacts(&(0..count).map(|bit| marks >> bit & 1 == 1).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn many_rows() {
        let mut random = fastrand::Rng::with_seed(3);
        for count in [31, 32, 33, 100, 1000, 1023] {
            assert_compacts(&(0..count).map(|_| random.bool()).collect::<Vec<_>>());
        }
    }
}
