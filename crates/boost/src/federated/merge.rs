//! Cuts of a feature out of counts of ranges.
//!
//! Nobody shows its values. Whoever makes the cuts asks how many values of all parties lie in each of 16 equal ranges (of
//! keys, which are in the order of numbers), then in each of 16 parts of some of these, and so on: after eight times a range
//! is one value. Only those ranges are looked into that a cut may lie in, so that of a feature with many values little
//! more than the cuts themselves becomes known exactly. Coarser ranges, say of 256 parts, would be half the questions and
//! eight times the numbers.
//!
//! 1. As long as there are no more ranges with values than bins, all of them are looked into: it may be that each value
//!    gets its own bin.
//! 2. The first and the last value are found, and each that may be as frequent as a bin is full.
//! 3. [`Cuts::of`]'s rule is gone through. Where a bin ends within a range it is asked for, and the rule goes on as if all
//!    values were different, so that one answer brings many cuts nearer.
//!
//! *Guarantee:* the same cuts as of all values.

use super::question::Place;
use crate::cuts::{Counts, Cuts, value};
use crate::data::Kind;
use std::num::NonZeroU32;

/// Parts of a range.
pub(crate) const PARTS: usize = 1 << BITS;

/// Bits of a key that tell the parts of a range apart.
pub(crate) const BITS: u8 = 4;

/// A range of so many levels is one value.
pub(crate) const LEVELS: u8 = 32 / BITS;

/// Where a range has no more values than this, they are counted one by one.
const FEW: usize = 256;

/// What is known of one feature.
#[derive(Debug)]
pub(crate) struct Known {
    kind: Kind,
    /// The ranges that were looked into: first the one of all values, and each behind the one that it is a part of.
    ranges: Vec<Range>,
}

/// How many values each part of a range has, and where in the list it is if it was looked into.
#[derive(Debug)]
struct Range {
    counts: Vec<u32>,
    within: [Option<NonZeroU32>; PARTS],
}

/// A range with values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    level: u8,
    number: u32,
    count: u64,
}

impl Stretch {
    fn is_value(self) -> bool {
        self.level == LEVELS
    }

    fn value(self) -> f32 {
        value(self.number)
    }
}

impl Known {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, ranges: Vec::new() }
    }

    /// Takes note of an answer. Whether it can be one: the parts of a range have as many values as the range, and all of them
    /// no more than there are rows. What passes is the answer of some rows, which cuts are found of in few questions; sums
    /// that contradict each other could be asked for without end.
    #[must_use]
    pub(crate) fn learn(&mut self, level: u8, number: u32, counts: Vec<u32>, rows: u64) -> bool {
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let Some(above) = level.checked_sub(1) else {
            self.ranges = vec![Range::of(counts)];
            return sum <= rows;
        };
        let next = u32::try_from(self.ranges.len()).ok().and_then(NonZeroU32::new);
        let Some(whole) = self.find(above, number >> BITS) else { return false };
        let part = number as usize % PARTS;
        let whole = &mut self.ranges[whole];
        whole.within[part] = next;
        let fits = whole.counts.get(part).is_some_and(|count| u64::from(*count) == sum);
        self.ranges.push(Range::of(counts));
        fits
    }

    /// Where a range is that was looked into.
    fn find(&self, level: u8, number: u32) -> Option<usize> {
        let mut at = 0;
        for below in (0..level).rev() {
            let part = (number >> (BITS * below)) as usize % PARTS;
            at = self.ranges.get(at)?.within[part]?.get() as usize;
        }
        (at < self.ranges.len()).then_some(at)
    }

    /// The cuts, or what has to be asked for them. `rows` is how many there are with those that are missing.
    pub(crate) fn cuts(&self, feature: u32, rows: u64, most: usize) -> Result<Cuts, Vec<Place>> {
        let place = |(level, number): &(u8, u32)| Place { feature, level: *level, number: *number };
        if self.ranges.is_empty() {
            return Err(vec![place(&(0, 0))]);
        }
        let mut stretches = Vec::new();
        self.lay_out(0, 0, 0, &mut stretches);
        let found = match self.kind {
            Kind::Category => categories(&stretches),
            Kind::Number => {
                let present: u64 = stretches.iter().map(|stretch| stretch.count).sum();
                let bins = if present < rows { most.saturating_sub(1) } else { most };
                numbers(&stretches, bins.max(2))
            }
        };
        found.map_err(|wanted| wanted.iter().map(|stretch| place(&(stretch.level, stretch.number))).collect())
    }

    /// All ranges with values that are known, ascending.
    fn lay_out(&self, at: usize, level: u8, number: u32, into: &mut Vec<Stretch>) {
        let Some(Range { counts, within }) = self.ranges.get(at) else { return };
        for ((part, count), within) in (0_u32..).zip(counts).zip(within).filter(|((_, count), _)| **count > 0)
        {
            let (level, number) = (level + 1, number << BITS | part);
            match within {
                Some(at) => self.lay_out(at.get() as usize, level, number, into),
                None => into.push(Stretch { level, number, count: u64::from(*count) }),
            }
        }
    }
}

impl Range {
    fn of(counts: Vec<u32>) -> Self {
        Self { counts, within: [None; PARTS] }
    }
}

type Found = Result<Cuts, Vec<Stretch>>;

/// A bin for each category up to the largest.
fn categories(stretches: &[Stretch]) -> Found {
    match stretches.last() {
        None => Ok(Cuts::categories(None)),
        Some(last) if last.is_value() => Ok(Cuts::categories(crate::data::category(last.value()))),
        Some(last) => Err(vec![*last]),
    }
}

fn numbers(stretches: &[Stretch], bins: usize) -> Found {
    let open = |stretch: &&Stretch| !stretch.is_value();
    if stretches.len() <= bins {
        let wanted: Vec<Stretch> = stretches.iter().filter(open).copied().collect();
        let values = || stretches.iter().map(|stretch| (stretch.value(), stretch.count)).collect();
        return if wanted.is_empty() { Ok(Cuts::of(&Counts(values()), bins)) } else { Err(wanted) };
    }
    let present: u64 = stretches.iter().map(|stretch| stretch.count).sum();
    let frequent = |stretch: &Stretch| u128::from(stretch.count) * bins as u128 >= u128::from(present);
    let wanted: Vec<Stretch> = stretches.iter().filter(open).filter(|s| frequent(s)).copied().collect();
    if !wanted.is_empty() {
        return Err(wanted);
    }
    let ends: Vec<Stretch> = [stretches.first(), stretches.last()].into_iter().flatten().copied().collect();
    let wanted: Vec<Stretch> = ends.iter().filter(open).copied().collect();
    let mut share = Sharing::new(stretches, bins, frequent);
    share.go(stretches, &frequent);
    share.wanted.extend(wanted);
    if share.wanted.is_empty() {
        Ok(Cuts::around(share.ends, ends[0].value(), ends[ends.len() - 1].value()))
    } else {
        share.wanted.sort_unstable_by_key(|stretch| (stretch.level, stretch.number));
        share.wanted.dedup();
        Err(share.wanted)
    }
}

/// The rule by which bins are filled, gone through over ranges.
struct Sharing {
    bins: usize,
    /// Rows and bins that are left, without those of frequent values.
    rest: u64,
    left: u64,
    /// Rows of the bin that is being filled.
    full: u64,
    ends: Vec<f32>,
    /// A bin has ended, and the next value is its end.
    ended: bool,
    wanted: Vec<Stretch>,
}

impl Sharing {
    fn new(stretches: &[Stretch], bins: usize, frequent: impl Fn(&Stretch) -> bool) -> Self {
        let mut sharing = Self {
            bins,
            rest: stretches.iter().map(|stretch| stretch.count).sum(),
            left: bins as u64,
            full: 0,
            ends: Vec::new(),
            ended: false,
            wanted: Vec::new(),
        };
        for stretch in stretches.iter().filter(|stretch| frequent(stretch)) {
            (sharing.rest, sharing.left) = (sharing.rest - stretch.count, sharing.left - 1);
        }
        sharing
    }

    fn go(&mut self, stretches: &[Stretch], frequent: &impl Fn(&Stretch) -> bool) {
        for (index, stretch) in stretches.iter().enumerate() {
            if self.ended {
                self.ended = false;
                self.ends.push(if stretch.is_value() { stretch.value() } else { f32::NAN });
                if !stretch.is_value() {
                    self.wanted.push(*stretch);
                }
            }
            let next = stretches.get(index + 1);
            let before_frequent = next.is_some_and(frequent);
            if stretch.is_value() {
                let own = frequent(stretch);
                if next.is_none() {
                    break;
                }
                self.value(stretch.count, own, before_frequent);
            } else {
                self.range(*stretch, next.is_none(), before_frequent);
            }
        }
    }

    fn value(&mut self, count: u64, own: bool, before_frequent: bool) {
        if !own {
            self.full += count;
        }
        let closed = own
            || before_frequent
            || u128::from(self.full) * u128::from(self.left.max(1)) >= u128::from(self.rest);
        if closed && self.has_room() {
            self.ended = true;
            if !own {
                self.close();
            }
        }
    }

    /// Goes through a range of which only the number of values is known.
    fn range(&mut self, stretch: Stretch, is_last: bool, before_frequent: bool) {
        let mut count = stretch.count;
        while count > 0 {
            let needs = self.rest.div_ceil(self.left.max(1)).saturating_sub(self.full).max(1);
            if !self.has_room() || count < needs {
                self.full += count;
                break;
            }
            (count, self.full) = (count - needs, self.full + needs);
            if count > 0 {
                self.wanted.push(stretch);
                self.ends.push(f32::NAN);
                self.close();
            } else if !is_last {
                self.ended = true;
                self.close();
                return;
            }
        }
        if before_frequent && self.has_room() {
            self.ended = true;
            self.close();
        }
    }

    fn has_room(&self) -> bool {
        self.ends.len() + 1 < self.bins
    }

    fn close(&mut self) {
        (self.rest, self.left, self.full) =
            (self.rest.saturating_sub(self.full), self.left.saturating_sub(1), 0);
    }
}

/// How many values, of ascending keys, each part of a range has: added to `counts`. `near` is where the keys of a range end that was
/// counted before; ranges that are asked for in their order lie close to each other.
pub(crate) fn count(keys: &[u32], level: u8, number: u32, near: &mut usize, counts: &mut [u32]) {
    let shift = u32::from(BITS) * u32::from(LEVELS - 1 - level);
    // The lowest key of a part, or what is beyond all.
    let low = |part: u64| ((u64::from(number) << BITS) + part) << shift;
    let before = |keys: &[u32], key: u64| keys.partition_point(|known| u64::from(*known) < key);
    let is_before = |key: &u32| u64::from(*key) < low(0);
    let from =
        near.checked_sub(1).filter(|last| keys.get(*last).is_some_and(is_before)).map_or(0, |last| last + 1);
    let from = from + leap(&keys[from..], low(0));
    let to = from + leap(&keys[from..], low(PARTS as u64));
    *near = to;
    let mut rest = &keys[from..to];
    if rest.len() <= FEW {
        rest.iter().for_each(|key| counts[(key >> shift) as usize % PARTS] += 1);
        return;
    }
    for (part, count) in (1..).zip(counts) {
        let end = before(rest, low(part));
        *count += u32::try_from(end).unwrap_or(u32::MAX);
        rest = &rest[end..];
    }
}

/// How many keys are below another one, which is likely to be near the first.
fn leap(keys: &[u32], key: u64) -> usize {
    let mut end = 1;
    while keys.get(end - 1).is_some_and(|known| u64::from(*known) < key) {
        end *= 2;
    }
    let (start, end) = (end / 2, end.min(keys.len()));
    start + keys[start..end].partition_point(|known| u64::from(*known) < key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::keys;
    use crate::data::Column;
    use proptest::prelude::*;

    fn counted(keys: &[u32], level: u8, number: u32) -> Vec<u32> {
        let mut counts = vec![0; PARTS];
        count(keys, level, number, &mut 0, &mut counts);
        counts
    }

    /// Cuts by asking, and how often was asked for how much.
    fn asked(values: &[f32], kind: Kind, rows: u64, most: usize) -> (Cuts, usize, usize) {
        let keys = keys(&Column::Dense(values.to_vec()));
        let mut known = Known::new(kind);
        let (mut times, mut places) = (0, 0);
        loop {
            match known.cuts(0, rows, most) {
                Ok(cuts) => return (cuts, times, places),
                Err(wanted) => {
                    assert!(!wanted.is_empty());
                    times += 1;
                    places += wanted.len();
                    for Place { level, number, .. } in wanted {
                        assert!(known.learn(level, number, counted(&keys, level, number), rows));
                    }
                }
            }
        }
    }

    fn whole(values: &[f32], rows: u64, most: usize) -> Cuts {
        let counts = Counts::of(&Column::Dense(values.to_vec()));
        let present = values.iter().filter(|value| !value.is_nan()).count() as u64;
        Cuts::of(&counts, if present < rows { most.saturating_sub(1) } else { most }.max(2))
    }

    #[test]
    fn a_thousand_cuts_are_found_in_few_questions() {
        let values: Vec<f32> =
            (0..100_000_u64).map(|row| (crate::random::hash(&[row]) >> 40) as f32 / 1e5 - 80.0).collect();
        let (cuts, times, places) = asked(&values, Kind::Number, 100_000, 256);
        assert_eq!(cuts, whole(&values, 100_000, 256));
        assert!(times <= 12, "{times}");
        assert!(places <= 6 * 256, "{places}");
    }

    #[test]
    fn counts_that_no_rows_have_are_found_out() {
        let keys = keys(&Column::Dense((0..50_u8).map(f32::from).collect()));
        let (whole, mut part) = (counted(&keys, 0, 0), 0);
        let mut known = Known::new(Kind::Number);
        assert!(known.learn(0, 0, whole.clone(), 50));
        assert!(!Known::new(Kind::Number).learn(0, 0, whole.clone(), 49), "more values than rows");
        while whole[part] == 0 {
            part += 1;
        }
        let number = u32::try_from(part).unwrap();
        let mut counts = counted(&keys, 1, number);
        assert!(known.learn(1, number, counts.clone(), 50));
        counts[9] += 1;
        assert!(!known.learn(1, number, counts, 50), "more values than the range has");
        assert!(!known.learn(2, 0xffff, vec![0; PARTS], 50), "nobody asked");
    }

    #[test]
    fn the_largest_category_is_found() {
        assert_eq!(asked(&[3.0, 0.0, 17.0, f32::NAN], Kind::Category, 4, 256).0, Cuts::categories(Some(17)));
        assert_eq!(asked(&[f32::NAN], Kind::Category, 1, 256).0, Cuts::categories(None));
    }

    proptest! {
        #[test]
        fn ranges_are_counted_wherever_the_one_before_was(
            values in prop::collection::vec(prop_oneof![-9f32..9.0, any::<f32>()], 0..900),
            ranges in prop::collection::vec((0..LEVELS, any::<u32>(), 0..1000_usize), 1..20),
        ) {
            let keys = keys(&Column::Dense(values));
            for (level, number, mut near) in ranges {
                // One that a value is in, or any.
                let key = keys.get(number as usize % 1000).copied().unwrap_or(number);
                let number = u64::from(key) >> (32 - BITS * level);
                let mut counts = vec![0; PARTS];
                count(&keys, level, u32::try_from(number).unwrap(), &mut near, &mut counts);
                let shift = BITS * (LEVELS - 1 - level);
                let part = |key: u32| u64::from(key) >> shift;
                for (at, count) in (number << BITS..).zip(counts) {
                    prop_assert_eq!(count as usize, keys.iter().filter(|key| part(**key) == at).count());
                }
            }
        }

        #[test]
        fn cuts_are_those_of_all_values(
            mut values in prop::collection::vec(prop_oneof![
                -1e6f32..1e6, Just(0.0), Just(-0.0), Just(7.0), (0..40u8).prop_map(f32::from), Just(f32::NAN),
                (0..9u8).prop_map(|n| f32::from(n) * 1e-40), Just(1e38), Just(-1e38),
            ], 0..700),
            repeated in prop::collection::vec((0..700usize, 1..200usize), 0..4),
            most in 2usize..40,
        ) {
            for (at, times) in repeated {
                if let Some(value) = values.get(at).copied() {
                    values.extend(vec![value; times]);
                }
            }
            let rows = values.len() as u64;
            prop_assert_eq!(asked(&values, Kind::Number, rows, most).0, whole(&values, rows, most));
        }
    }
}
