//! [`crate::exact::sum`] without branches, for terms that are products of numbers of single precision: what such terms are
//! scaled by has an exponent of its own, as none of them is below 2^-298 or beyond 2^256.

use super::choose::{choose, flag};
use welkin_oblivious::select;

/// Bits that the largest term takes, as in `exact`.
const BITS: i64 = 62;

/// The exponent of 1.0, and the bits before exponents.
const ONE: i64 = 1023;
const FRACTION: u32 = 52;

/// The sum, to the same bits.
pub(super) fn sum(terms: &[f64]) -> f64 {
    let largest = terms.iter().fold(0_u64, |largest, term| {
        let bits = term.abs().to_bits();
        select(flag(bits > largest), bits, largest)
    });
    // 2^exponent is above the largest, and no more than twice as much.
    let exponent = (largest >> FRACTION).cast_signed() - (ONE - 1);
    let (up, down) = (power(BITS - exponent), power(exponent - BITS));
    #[expect(clippy::cast_possible_truncation, reason = "below 2^63 by the choice of the power")]
    let step = |term: &f64| i128::from(rounded(term * up) as i64);
    let total: i128 = terms.iter().map(step).sum();
    #[expect(clippy::cast_precision_loss, reason = "rounded once, the same everywhere")]
    let worth = total as f64 * down;
    choose(flag(largest == 0), 0.0, worth)
}

/// A power of two; for one that there is none of, any number.
pub(super) fn power(exponent: i64) -> f64 {
    f64::from_bits((ONE + exponent).cast_unsigned() << FRACTION)
}

/// The nearest whole number, the even one of two.
fn rounded(number: f64) -> f64 {
    /// 2^52: from here on all numbers are whole.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    let shift = WHOLE.copysign(number);
    choose(flag(number.abs() < WHOLE), (number + shift) - shift, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_plain_trainer(pairs in prop::collection::vec((any::<f32>(), any::<f32>()), 0..60), scale in 0usize..4) {
            let scale = [1.0, 1e-30, 1e30, 0.0][scale];
            let finite = |(a, b): &(f32, f32)| Some(f64::from(a.clamp(-9e37, 9e37)) * f64::from(b * scale)).filter(|term| term.is_finite());
            let terms: Vec<f64> = pairs.iter().filter_map(finite).collect();
            prop_assert_eq!(sum(&terms).to_bits(), exact::sum(terms.iter().copied()).to_bits());
        }
    }
}
