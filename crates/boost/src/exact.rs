//! Sums of floats that do not depend on their order.
//!
//! The terms are scaled by a power of two, the same for all, rounded once each, and added as integers.

/// Bits that the largest term takes: 2^62 · 2^31 rows fit 127 bits.
const BITS: i32 = 62;

/// The sum of finite terms. They are made twice: once to find the largest.
pub(crate) fn sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let peak = Peak::of(terms.clone());
    peak.worth(peak.total(terms))
}

/// How large the largest of some magnitudes is, to a power of two: all that a sum needs to know of its terms beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Peak(u16);

/// The exponent of the smallest double above 0, and that of the largest.
const EXPONENTS: (i32, i32) = (-1073, 1024);

impl Peak {
    /// How many there are: 0, one for each exponent, and one for what is not finite.
    pub(crate) const COUNT: usize = 2100;

    const INFINITE: Self = Self(2099);

    /// Of these, but for what is no number.
    pub(crate) fn of(terms: impl Iterator<Item = f64>) -> Self {
        Self::of_one(terms.map(f64::abs).fold(0.0, f64::max))
    }

    /// Of one magnitude. What is no number counts as infinite.
    pub(crate) fn of_one(largest: f64) -> Self {
        if largest == 0.0 {
            return Self::default();
        }
        let above = libm::frexp(largest).1 - EXPONENTS.0 + 1;
        if largest.is_finite() { Self(u16::try_from(above).unwrap_or_default()) } else { Self::INFINITE }
    }

    /// That number of all.
    pub(crate) fn at(number: usize) -> Option<Self> {
        u16::try_from(number).ok().map(Self).filter(|peak| *peak <= Self::INFINITE)
    }

    /// Which number of all it has.
    pub(crate) fn number(self) -> usize {
        self.0.into()
    }

    pub(crate) fn is_finite(self) -> bool {
        self < Self::INFINITE
    }

    /// The exponent that it stands for; nothing for 0 and for what is not finite.
    pub(crate) fn exponent(self) -> Option<i32> {
        let exponent = i32::from(self.0) + EXPONENTS.0 - 1;
        (self.0 > 0 && self.is_finite()).then_some(exponent)
    }

    /// The sum of terms that are no larger, in steps of its own.
    pub(crate) fn total(self, terms: impl Iterator<Item = f64>) -> i128 {
        let Some(exponent) = self.exponent() else { return 0 };
        let power = BITS - exponent;
        #[expect(clippy::cast_possible_truncation, reason = "below 2^63 by the choice of the power")]
        let step = |term: f64| i128::from(libm::scalbn(term, power).round_ties_even() as i64);
        terms.map(step).sum()
    }

    /// What such a sum is worth.
    pub(crate) fn worth(self, total: i128) -> f64 {
        match self.exponent() {
            #[expect(clippy::cast_precision_loss, reason = "rounded once, the same everywhere")]
            Some(exponent) => libm::scalbn(total as f64, exponent - BITS),
            None if self.is_finite() => 0.0,
            None => f64::INFINITY,
        }
    }
}

/// The mean of values that count as much as their weights; 0 where no weight is.
pub(crate) fn mean(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let weight = sum(pairs.clone().map(|(_, weight)| weight));
    if weight > 0.0 { sum(pairs.map(|(value, weight)| value * weight)) / weight } else { 0.0 }
}

/// The lists whose sums [`mean`] divides: values times weights, and weights.
pub(crate) fn weighted(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> [Vec<f64>; 2] {
    [pairs.clone().map(|(value, weight)| value * weight).collect(), pairs.map(|(_, weight)| weight).collect()]
}

/// The quantile of values that count as much as their weights, as XGBoost defines it: between two values, unless they are
/// `weighted`; 0 where there is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
#[expect(clippy::cast_precision_loss, reason = "places below 2^31 are exact")]
pub(crate) fn quantile(pairs: &mut [(f32, f32)], alpha: f64, weighted: bool) -> f32 {
    // By weight too, so that the order of equal values is no matter.
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let Some(last) = pairs.len().checked_sub(1) else { return 0.0 };
    if weighted {
        let threshold = sum(pairs.iter().map(|(_, weight)| f64::from(*weight))) * alpha;
        let mut below = 0.0;
        let reached = pairs.iter().position(|(_, weight)| {
            below += f64::from(*weight);
            below >= threshold
        });
        return pairs[reached.unwrap_or(last)].0;
    }
    let place = alpha * (pairs.len() + 1) as f64 - 1.0;
    let at = (place.max(0.0) as usize).min(last);
    let next = (at + 1).min(last);
    let share = (place - at as f64).clamp(0.0, 1.0);
    let (low, high) = (f64::from(pairs[at].0), f64::from(pairs[next].0));
    (low + share * (high - low)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_nothing_to_a_sum(mut terms in prop::collection::vec(-1e9f64..1e9, 0..50), at in any::<prop::sample::Index>()) {
            let before = sum(terms.iter().copied());
            if !terms.is_empty() {
                let middle = at.index(terms.len());
                terms.rotate_left(middle);
            }
            terms.reverse();
            prop_assert_eq!(sum(terms.iter().copied()), before);
            let plain: f64 = terms.iter().sum();
            prop_assert!((plain - before).abs() < 1e-5);
        }
    }

    #[test]
    fn the_mean_counts_weights() {
        assert_eq!(mean([(1.0, 1.0), (4.0, 2.0)].into_iter()), 3.0);
        assert_eq!(mean([(1.0, 0.0)].into_iter()), 0.0);
        assert!(sum([f64::INFINITY, 1.0].into_iter()).is_infinite());
    }

    #[test]
    fn quantiles_lie_between_values_and_weighted_ones_on_them() {
        let pairs = || [4.0, 1.0, 3.0, 2.0].map(|value| (value, 1.0));
        for (alpha, quantile) in [(0.5, 2.5), (0.2, 1.0), (0.01, 1.0), (0.99, 4.0), (0.6, 3.0), (0.7, 3.5)] {
            assert_eq!(super::quantile(&mut pairs(), alpha, false), quantile, "{alpha}");
        }
        assert_eq!(super::quantile(&mut [(5.0, 1.0), (1.0, 3.0), (9.0, 2.0)], 0.5, true), 1.0);
        assert_eq!(super::quantile(&mut [], 0.5, false), 0.0);
        assert_eq!(super::quantile(&mut [(7.0, 0.0)], 0.5, false), 7.0);
    }
}
