//! A compaction network: rows that count move to the front, in their order.
//!
//! Sasy, Johnson and Goldberg's (CCS 2022): a half is compacted so that its marked rows begin at a place that depends on how many there
//! were before, wrapping round, and one pass over both halves joins them. n·log n exchanges, where a sort has n·log² n.
//!
//! Of two halves those rows change places that lie behind a certain one, or those before it. So a pass goes through the words of both
//! without minding where rows begin, whatever their width is, several words at a time.

use crate::Rows;
use crate::bits::{exchange, mask};
#[cfg(target_arch = "x86_64")]
use crate::vectors::Wide;
use crate::vectors::{Narrow, Vectors};
use std::hint::black_box;

/// Runs of rows up to this length are joined from the shortest on, without calls in between.
const BLOCK: usize = 64;

/// Moves rows whose first word has its lowest bit set to the front, in their order. The others follow in any order.
pub fn compact(rows: &mut Rows) {
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = Wide::here() {
        return compact_with(wide, rows);
    }
    compact_narrowly(rows);
}

/// The same by vectors that every processor has.
#[doc(hidden)]
pub fn compact_narrowly(rows: &mut Rows) {
    compact_with(Narrow, rows);
}

fn compact_with<V: Vectors>(vectors: V, rows: &mut Rows) {
    let width = rows.width();
    // How many are marked before each row.
    let mut before = Vec::with_capacity(rows.count() + 1);
    let mut marked = 0;
    before.push(marked);
    before.extend(rows.iter().map(|row| {
        marked += row[0] & 1;
        marked
    }));
    any(vectors, rows.words_mut(), width, &before);
}

fn any<V: Vectors>(vectors: V, words: &mut [u64], width: usize, before: &[u64]) {
    let count = before.len() - 1;
    if count < 2 {
        return;
    }
    // The largest power of two that fits, at the end, and the rest before it.
    let large = (count + 1).next_power_of_two() / 2;
    let rest = count - large;
    let marked = before[rest] - before[0];
    any(vectors, &mut words[..rest * width], width, &before[..=rest]);
    let at = (large - rest) as u64 + marked;
    power(vectors, &mut words[rest * width..], width, &before[rest..], at);
    let (first, last) = words.split_at_mut(large * width);
    exchange_from(vectors, (marked * width as u64, 0), &mut first[..rest * width], last);
}

/// A power of two of rows, whose marked ones are to begin at a place and wrap round.
fn power<V: Vectors>(vectors: V, words: &mut [u64], width: usize, before: &[u64], at: u64) {
    let count = before.len() - 1;
    if count > BLOCK {
        let half = count / 2;
        let (first, second) = words.split_at_mut(half * width);
        let marked = before[half] - before[0];
        power(vectors, first, width, &before[..=half], at);
        power(vectors, second, width, &before[half..], at + marked);
        joined(vectors, words, (width, half), marked, at);
        return;
    }
    let mut half = 1;
    while half < count {
        let runs =
            words.chunks_exact_mut(2 * half * width).zip(before.windows(2 * half + 1).step_by(2 * half));
        for (run, marks) in runs {
            joined(vectors, run, (width, half), marks[half] - marks[0], at + (marks[0] - before[0]));
        }
        half *= 2;
    }
}

/// Joins two halves, each compacted, so that marked rows begin at a place: so many of them are in the first.
fn joined<V: Vectors>(vectors: V, words: &mut [u64], (width, half): (usize, usize), marked: u64, at: u64) {
    let below = half as u64 - 1;
    let wraps = ((at & below) + marked) ^ at;
    let (first, second) = words.split_at_mut(half * width);
    if half == 1 {
        exchange(mask(wraps ^ 1), first, second);
        return;
    }
    let turn = (at + marked) & below;
    let turned = wraps >> half.trailing_zeros() & 1;
    exchange_from(vectors, (turn * width as u64, turned), first, second);
}

/// Exchanges words with those of another run: those from one on, or, where the bit is set, those before it.
fn exchange_from<V: Vectors>(vectors: V, (from, turned): (u64, u64), a: &mut [u64], b: &mut [u64]) {
    // Nothing is known of them, so that no loop is split where they say.
    let (from, kept) = black_box((from, turned.wrapping_sub(1)));
    vectors.exchange(from, kept, a, b);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_compacts(marks: &[bool], width: usize) {
        [compact, compact_narrowly].into_iter().for_each(|by| assert_compacts_by(by, marks, width));
    }

    fn assert_compacts_by(by: fn(&mut Rows), marks: &[bool], width: usize) {
        let mut rows = Rows::zeros(marks.len(), width);
        for (number, marked) in marks.iter().enumerate() {
            let row = rows.row_mut(number);
            row.fill(number as u64);
            row[0] = (number as u64) << 1 | u64::from(*marked);
        }
        let expected: Vec<u64> = (0..marks.len()).filter(|at| marks[*at]).map(|at| at as u64).collect();
        by(&mut rows);
        let got: Vec<u64> = rows.iter().take(expected.len()).map(|row| row[0] >> 1).collect();
        assert_eq!(got, expected, "{marks:?}");
        assert!(rows.iter().all(|row| row[1..].iter().all(|word| *word == row[0] >> 1)), "rows stay whole");
        let mut all: Vec<u64> = rows.iter().map(|row| row[0] >> 1).collect();
        all.sort_unstable();
        assert_eq!(all, (0..marks.len() as u64).collect::<Vec<_>>(), "{marks:?}");
    }

    #[test]
    fn every_way_to_mark_up_to_twelve_rows() {
        for count in 0..=12 {
            for marks in 0..1_u32 << count {
                let marks: Vec<bool> = (0..count).map(|bit| marks >> bit & 1 == 1).collect();
                assert_compacts(&marks, 2);
            }
        }
    }

    #[test]
    fn many_rows() {
        let mut random = fastrand::Rng::with_seed(3);
        for count in [31, 32, 33, 64, 65, 100, 128, 1000, 1023, 1024] {
            for width in [1, 3, 4, 7] {
                for often in [1, 2, 10] {
                    let marks: Vec<bool> = (0..count).map(|_| random.usize(..often) == 0).collect();
                    assert_compacts(&marks, width);
                }
            }
        }
    }
}
