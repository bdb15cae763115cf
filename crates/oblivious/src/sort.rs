//! A sorting network: bitonic, for any number of rows.
//!
//! Halves are sorted in opposite directions and merged by comparing each row with the one that lies half as far again. The
//! recursion goes through neighbouring rows, so that small merges stay in the cache, and the inner loop through two runs of rows, which
//! the processor's vectors like.
//!
//! *Rejected:* Batcher's odd-even merging, which compares a tenth fewer rows and leaps through all of memory with each pass.

use crate::Rows;
use crate::bits::{exchange, less};

/// Sorts by the first `keys` words of each row, as one number, ascending. Rows that are equal in them come in any order.
///
/// # Panics
/// Where rows have fewer words.
pub fn sort(rows: &mut Rows, keys: usize) {
    let width = rows.width();
    assert!(keys <= width, "keys are words of a row");
    let words = rows.words_mut();
    // A width that the compiler knows is a third of the time.
    match width {
        1 => known::<1>(words, keys),
        2 => known::<2>(words, keys),
        3 => known::<3>(words, keys),
        4 => known::<4>(words, keys),
        5 => known::<5>(words, keys),
        6 => known::<6>(words, keys),
        7 => known::<7>(words, keys),
        8 => known::<8>(words, keys),
        9 => known::<9>(words, keys),
        10 => known::<10>(words, keys),
        12 => known::<12>(words, keys),
        16 => known::<16>(words, keys),
        _ => sorted(words, width, &|a, b, up| ordered(a, b, width, keys, up), true),
    }
}

fn known<const WIDTH: usize>(words: &mut [u64], keys: usize) {
    sorted(words, WIDTH, &|a, b, up| ordered(a, b, WIDTH, keys, up), true);
}

/// Compares rows of one run with those of another, one by one.
#[inline(always)]
fn ordered(a: &mut [u64], b: &mut [u64], width: usize, keys: usize, up: bool) {
    for (a, b) in a.chunks_exact_mut(width).zip(b.chunks_exact_mut(width)) {
        let wrong = if up { less(&b[..keys], &a[..keys]) } else { less(&a[..keys], &b[..keys]) };
        exchange(wrong, a, b);
    }
}

type Compare<'a> = &'a dyn Fn(&mut [u64], &mut [u64], bool);

fn sorted(words: &mut [u64], width: usize, compare: Compare<'_>, up: bool) {
    let count = words.len() / width;
    if count < 2 {
        return;
    }
    let (first, second) = words.split_at_mut(count / 2 * width);
    sorted(first, width, compare, !up);
    sorted(second, width, compare, up);
    merged(words, width, compare, up);
}

/// Of rows that rise and then fall, or the other way round.
fn merged(words: &mut [u64], width: usize, compare: Compare<'_>, up: bool) {
    let count = words.len() / width;
    if count < 2 {
        return;
    }
    // The largest power of two below the count.
    let half = count.next_power_of_two() / 2;
    let (first, second) = words.split_at_mut(half * width);
    let over = second.len();
    compare(&mut first[..over], second, up);
    let (first, second) = words.split_at_mut(half * width);
    merged(first, width, compare, up);
    merged(second, width, compare, up);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_count_and_width_are_sorted_by_their_first_words() {
        let mut random = fastrand::Rng::with_seed(7);
        for count in (0..40).chain([63, 64, 65, 1000]) {
            for (width, keys) in [(1, 1), (3, 1), (4, 2), (7, 7), (11, 3), (17, 2)] {
                let mut rows = Rows::zeros(count, width);
                // Few values, so that later words decide, and the highest and lowest.
                rows.words_mut().fill_with(|| [0, 1, 2, u64::MAX, 1 << 63][random.usize(..5)]);
                let mut expected: Vec<Vec<u64>> = rows.iter().map(<[u64]>::to_vec).collect();
                sort(&mut rows, keys);
                let got: Vec<&[u64]> = rows.iter().map(|row| &row[..keys]).collect();
                assert!(got.is_sorted(), "{count} rows of {width}, by {keys}");
                let mut all: Vec<Vec<u64>> = rows.iter().map(<[u64]>::to_vec).collect();
                all.sort();
                expected.sort();
                assert_eq!(all, expected, "no row is lost, none is made up");
            }
        }
    }
}
