//! Sums of floats that do not depend on their order.
//!
//! The terms are scaled by a power of two, the same for all, rounded once each, and added as integers.

/// Bits that the largest term takes: 2^62 · 2^31 rows fit 127 bits.
const BITS: i32 = 62;

/// The sum of finite terms. They are made twice: once to find the largest.
pub(crate) fn sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().map(f64::abs).fold(0.0, f64::max);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let power = BITS - libm::frexp(largest).1;
    #[expect(clippy::cast_possible_truncation, reason = "below 2^63 by the choice of the power")]
    let sum: i128 = terms.map(|term| i128::from(libm::scalbn(term, power).round_ties_even() as i64)).sum();
    #[expect(clippy::cast_precision_loss, reason = "rounded once, the same everywhere")]
    let sum = sum as f64;
    libm::scalbn(sum, -power)
}

/// The mean of values that count as much as their weights; 0 where no weight is.
pub(crate) fn mean(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let weight = sum(pairs.clone().map(|(_, weight)| weight));
    if weight > 0.0 { sum(pairs.map(|(value, weight)| value * weight)) / weight } else { 0.0 }
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
}
