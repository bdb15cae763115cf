//! Where the values of a feature are cut into bins.
//!
//! Values are counted exactly, not sketched: the counts of two parts of the rows are merged by adding them up, so that cuts
//! depend on the values alone, whatever their order and partition. Cuts are values of the data, as XGBoost's are: a bin ends
//! before the value that begins the next.
//!
//! 1. Where there are no more values than bins, each has its own.
//! 2. A value that is at least as frequent as a bin should be full gets a bin of its own; the other bins share the rest,
//!    and each is closed when it has its part of what was left before it. A value that half of the rows have would
//!    otherwise take the bins of all others.

use crate::data::Column;

/// How many rows have each value: values ascending, without those that are missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts(pub(crate) Vec<(f32, u64)>);

impl Counts {
    /// Those of one column.
    pub(crate) fn of(column: &Column) -> Self {
        let keys = keys(column);
        let runs = keys.chunk_by(|a, b| a == b);
        Self(runs.map(|run| (value(run[0]), run.len() as u64)).collect())
    }
}

/// The keys of the values that are there, ascending.
pub(crate) fn keys(column: &Column) -> Vec<u32> {
    let mut keys: Vec<u32> = match column {
        Column::Dense(values) => values.iter().filter(|v| !v.is_nan()).map(|v| key(*v)).collect(),
        Column::Sparse { values, .. } => values.iter().map(|v| key(*v)).collect(),
    };
    keys.sort_unstable();
    keys
}

/// Bits that are in the order of the numbers. Both zeros are one.
fn key(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The number of a key.
pub(crate) fn value(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

/// The bins of one feature.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cuts {
    /// Bin `b` has the values below `ends[b]` that no bin before it has; the last end is above all values.
    Numbers {
        /// Ascending.
        ends: Vec<f32>,
        /// Below all values.
        start: f32,
    },
    /// A bin for each category from 0.
    Categories(u32),
}

/// How far beyond the largest magnitude the outermost cuts lie: that much again, and this where it is 0.
const MARGIN: f32 = 1e-5;

impl Cuts {
    /// At most `bins` bins.
    pub(crate) fn of(counts: &Counts, bins: usize) -> Self {
        let values = &counts.0;
        let (first, last) = match (values.first(), values.last()) {
            (Some(first), Some(last)) => (first.0, last.0),
            _ => (0.0, 0.0),
        };
        let ends = if values.len() <= bins {
            values.iter().skip(1).map(|(value, _)| *value).collect()
        } else {
            shared(values, bins)
        };
        Self::around(ends, first, last)
    }

    /// Bins with these ends but for that of the last, of values from `first` to `last`.
    pub(crate) fn around(mut ends: Vec<f32>, first: f32, last: f32) -> Self {
        let (start, end) = around(first, last);
        ends.push(end);
        Self::Numbers { ends, start }
    }

    /// A bin for each category up to `largest`.
    pub(crate) fn categories(largest: Option<u32>) -> Self {
        Self::Categories(largest.map_or(1, |largest| largest + 1))
    }

    /// How many bins there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Numbers { ends, .. } => ends.len(),
            Self::Categories(count) => *count as usize,
        }
    }

    /// The bin of a value that is not missing.
    pub(crate) fn bin(&self, value: f32) -> usize {
        match self {
            Self::Numbers { ends, .. } => {
                // What lies beyond is in the last: rows that cuts were not made from.
                ends.partition_point(|end| *end <= value).min(ends.len() - 1)
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked with the features"
            )]
            Self::Categories(count) => (value as usize).min(*count as usize - 1),
        }
    }

    /// The threshold that has the first `bins` bins below it.
    pub(crate) fn threshold(&self, bins: usize) -> f32 {
        match self {
            Self::Numbers { ends, start } => bins.checked_sub(1).map_or(*start, |last| ends[last]),
            Self::Categories(_) => f32::NAN,
        }
    }
}

/// The outermost cuts of values from `first` to `last`.
pub(crate) fn around(first: f32, last: f32) -> (f32, f32) {
    (first - (first.abs() + MARGIN), last + (last.abs() + MARGIN))
}

/// The ends of all bins but the last, when there are more values than bins.
fn shared(values: &[(f32, u64)], bins: usize) -> Vec<f32> {
    let rows: u64 = values.iter().map(|(_, count)| count).sum();
    let frequent = |count: u64| u128::from(count) * bins as u128 >= u128::from(rows);
    let (mut rest, mut left) = (rows, bins as u64);
    for (_, count) in values.iter().filter(|(_, count)| frequent(*count)) {
        (rest, left) = (rest - count, left - 1);
    }
    let mut ends = Vec::with_capacity(bins);
    let mut full = 0_u64;
    for (index, (_, count)) in values.iter().enumerate() {
        let Some((next, next_count)) = values.get(index + 1) else { break };
        let own = frequent(*count);
        if !own {
            full += count;
        }
        // A bin is closed when it has its share, and before and behind a value that has a bin of its own.
        let closed =
            own || frequent(*next_count) || u128::from(full) * u128::from(left.max(1)) >= u128::from(rest);
        if closed && ends.len() + 1 < bins {
            ends.push(*next);
            if !own {
                (rest, left, full) = (rest - full, left.saturating_sub(1), 0);
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cuts(values: &[f32], bins: usize) -> Cuts {
        Cuts::of(&Counts::of(&Column::Dense(values.to_vec())), bins)
    }

    #[test]
    fn few_values_have_a_bin_each() {
        let cuts = cuts(&[3.0, f32::NAN, -1.0, 3.0, 0.0, -0.0], 256);
        let Cuts::Numbers { ends, .. } = &cuts else { panic!() };
        assert_eq!(ends[..2], [0.0, 3.0]);
        assert_eq!([-1.0, 0.0, -0.0, 3.0, 99.0].map(|value| cuts.bin(value)), [0, 1, 1, 2, 2]);
        assert_eq!(cuts.threshold(1), 0.0);
        assert!(cuts.threshold(0) < -1.0 && cuts.threshold(3) > 3.0);
    }

    #[test]
    fn a_frequent_value_takes_no_bins_of_others() {
        let mut values: Vec<f32> = (0..1000_u16).map(f32::from).collect();
        values.extend(vec![500.0; 100_000]);
        let cuts = cuts(&values, 64);
        assert!(cuts.count() >= 60, "{}", cuts.count());
        assert_eq!(cuts.bin(500.0), cuts.bin(499.0) + 1);
        assert_eq!(cuts.bin(501.0), cuts.bin(500.0) + 1);
    }

    #[test]
    fn nothing_has_one_bin() {
        assert_eq!(cuts(&[f32::NAN], 4).count(), 1);
    }

    proptest! {
        #[test]
        fn bins_are_full_alike_and_in_order(values in prop::collection::vec(-1e6f32..1e6, 1..2000), bins in 2usize..40) {
            let cuts = cuts(&values, bins);
            prop_assert!(cuts.count() <= bins);
            let mut full = vec![0; cuts.count()];
            for value in &values {
                let bin = cuts.bin(*value);
                full[bin] += 1;
                prop_assert!(*value < cuts.threshold(bin + 1) && (bin == 0 || *value >= cuts.threshold(bin)));
            }
            let most = *full.iter().max().unwrap();
            // Values are almost all different here: no bin is fuller than its share, rounded up, and one value more.
            prop_assert!(most <= values.len() / bins + 3, "{full:?}");
        }
    }
}
