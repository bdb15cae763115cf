//! The cuts of [`crate::cuts`], found without looking anywhere that values decide of.
//!
//! Values are sorted by a network. Runs of equal ones are counted by a pass to and fro, a third pass decides behind which of
//! them a bin ends, and a compaction brings the ends to the front. A list of ends has room for as many as there may be,
//! however many there are.

use super::choose::{choose_single, flag};
use crate::cuts::around;
use welkin_oblivious::{Rows, compact, select, sort};

/// Ends of bins, of which those behind the last are infinite.
pub(super) struct Cuts {
    pub(super) ends: Vec<f32>,
    /// Below all values.
    pub(super) start: f32,
}

/// What is missing lies behind all values.
const MISSING: u64 = u32::MAX as u64;

/// At most `most` bins for values of which NaN is missing.
pub(super) fn of(values: &[f32], most: usize) -> Cuts {
    let slots = most.max(2);
    let keys = sorted(values);
    let Runs { counts, ends } = Runs::of(&keys);
    let sum = |of: &[u64]| of.iter().fold(0, |sum: u64, one| sum + (one & 1));
    let there: Vec<u64> = keys.iter().map(|key| !same(*key, MISSING)).collect();
    let (present, distinct) = (sum(&there), sum(&ends));
    let all_there = same(present, keys.len() as u64);
    let bins = select(all_there, slots as u64, slots.saturating_sub(1).max(2) as u64);
    let few = !flag(bins < distinct);
    let frequent = |count: u64| !flag(count * bins < present);

    let (mut rest, mut left) = (present, bins);
    for (count, end) in counts.iter().zip(&ends) {
        let own = frequent(*count) & end;
        rest -= count & own;
        left -= 1 & own;
    }
    let (mut full, mut ended) = (0_u64, 0_u64);
    let mut found = Rows::zeros(keys.len().max(1), 1);
    for at in 0..keys.len() {
        let (count, next) = (counts[at], at + 1);
        let next_key = keys.get(next).copied().unwrap_or(MISSING);
        let turn = ends[at] & !same(next_key, MISSING);
        let own = frequent(count);
        full += count & turn & !own;
        let next_own = frequent(counts.get(next).copied().unwrap_or(0));
        let reached = !flag(full.wrapping_mul(select(same(left, 0), 1, left)) < rest);
        let closed = turn & (own | next_own | reached) & flag(ended + 1 < bins);
        let shared = closed & !own;
        rest = rest.wrapping_sub(full & shared);
        left -= 1 & shared & !same(left, 0);
        full &= !shared;
        ended += 1 & closed;
        let ends_here = select(few, turn, closed);
        found.row_mut(at)[0] = next_key << 1 | (1 & ends_here);
    }
    let ended = select(few, distinct.saturating_sub(1), ended);
    compact(&mut found);

    let none = same(present, 0);
    let last = keys.iter().zip(&there).fold(0, |last, (key, there)| select(*there, *key, last));
    let value_of = |key: u64| choose_single(none, 0.0, value(key));
    let first = value_of(keys.first().copied().unwrap_or(MISSING));
    let (start, end) = around(first, value_of(last));
    let ends = (0..slots as u64).zip(found.words().iter().map(|word| word >> 1).chain(std::iter::repeat(0)));
    let ends = ends.map(|(at, key)| {
        let behind = choose_single(same(at, ended), end, f32::INFINITY);
        choose_single(flag(at < ended), value(key), behind)
    });
    Cuts { ends: ends.collect(), start }
}

impl Cuts {
    /// The bin of each value; what is missing has the number behind the last that may be.
    pub(super) fn bins(&self, values: &[f32], bins: &mut [u16]) {
        #[expect(clippy::cast_possible_truncation, reason = "the number of bins is bounded")]
        let missing = self.ends.len() as u16;
        for (bin, value) in bins.iter_mut().zip(values) {
            let below = self.ends.iter().fold(0_u32, |below, end| below + u32::from(*end <= *value));
            #[expect(clippy::cast_possible_truncation, reason = "the number of bins is bounded")]
            let below = below as u16;
            let gone = 0_u16.wrapping_sub(u16::from(value.is_nan()));
            *bin = (below & !gone) | (missing & gone);
        }
    }

    /// The threshold that has that many bins below it.
    pub(super) fn threshold(&self, bins: usize) -> f32 {
        bins.checked_sub(1).map_or(self.start, |last| self.ends[last])
    }
}

fn same(a: u64, b: u64) -> u64 {
    flag(a == b)
}

/// Keys in the order of the values, ascending.
fn sorted(values: &[f32]) -> Vec<u64> {
    let mut keys = Rows::zeros(values.len(), 1);
    for (at, value) in values.iter().enumerate() {
        keys.row_mut(at)[0] = select(flag(value.is_nan()), MISSING, key(*value).into());
    }
    sort(&mut keys, 1);
    keys.words().to_vec()
}

/// Bits that are in the order of the numbers. Both zeros are one.
fn key(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    bits ^ (0_u32.wrapping_sub(bits >> 31) | 1 << 31)
}

#[expect(clippy::cast_possible_truncation, reason = "keys have 32 bits")]
fn value(key: u64) -> f32 {
    let key = key as u32;
    f32::from_bits(key ^ ((key >> 31).wrapping_sub(1) | 1 << 31))
}

/// Equal neighbours.
struct Runs {
    /// How many are equal to each.
    counts: Vec<u64>,
    /// Where the last of them is; not for what is missing.
    ends: Vec<u64>,
}

impl Runs {
    fn of(keys: &[u64]) -> Self {
        let count = keys.len();
        let mut counts = vec![1_u64; count];
        let mut ends = vec![0; count];
        for at in 1..count {
            counts[at] += counts[at - 1] & same(keys[at], keys[at - 1]);
        }
        for at in (0..count).rev() {
            let next = keys.get(at + 1).map_or(0, |next| same(keys[at], *next));
            counts[at] = select(next, counts.get(at + 1).copied().unwrap_or(0), counts[at]);
            ends[at] = !next & !same(keys[at], MISSING);
        }
        Self { counts, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::{Counts, Cuts as Plain};
    use crate::data::Column;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_of_the_plain_trainer(
            values in prop::collection::vec(
                prop_oneof![Just(f32::NAN), Just(0.0_f32), Just(-0.0_f32), Just(7.5_f32), (-4i8..4).prop_map(f32::from), -1e9f32..1e9],
                0..120
            ),
            most in 2usize..20,
        ) {
            let column = Column::Dense(values.clone());
            let present = column.present().count();
            let bins = if present < values.len() { most - 1 } else { most };
            let plain = Plain::of(&Counts::of(&column), bins.max(2));
            let cuts = of(&values, most);
            let count = plain.count();
            prop_assert!(cuts.ends[count..].iter().all(|end| *end == f32::INFINITY));
            for at in 0..=count {
                prop_assert_eq!(cuts.threshold(at).to_bits(), plain.threshold(at).to_bits());
            }
            let mut numbers = vec![0; values.len()];
            cuts.bins(&values, &mut numbers);
            for (number, value) in numbers.iter().zip(&values) {
                let expected = if value.is_nan() { most } else { plain.bin(*value) };
                prop_assert_eq!(usize::from(*number), expected);
            }
        }
    }
}
