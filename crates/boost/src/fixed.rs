//! Gradients as integers.
//!
//! Sums of floats depend on their order; sums of integers do not. So each round the first and second derivatives of all
//! rows are scaled by a power of two of their own, such that the largest fills 30 bits, and rounded once. Whoever adds
//! them up, in whatever order and partition, gets the same sum, also modulo 2^64, which is what lets parties mask theirs.
//!
//! The scale needs nothing of the rows but their largest magnitude, which is the same for every order too. 30 bits are
//! finer than the 24 of the single precision that gradients are computed in, relative to the largest; 2^31 rows of them
//! fit 64 bits.

use crate::exact::Peak;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Bits that the largest magnitude takes.
const BITS: i32 = 30;

/// First and second derivative of a row, in steps of a [`Scale`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) g: i32,
    pub(crate) h: i32,
}

/// Sums of [`Pair`]s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) g: i64,
    pub(crate) h: i64,
}

impl AddAssign<Pair> for Sums {
    #[inline]
    fn add_assign(&mut self, pair: Pair) {
        self.g += i64::from(pair.g);
        self.h += i64::from(pair.h);
    }
}

impl Add for Sums {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self { g: self.g + other.g, h: self.h + other.h }
    }
}

impl Sub for Sums {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self { g: self.g - other.g, h: self.h - other.h }
    }
}

impl AddAssign for Sums {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Sums {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// How many steps one is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    steps: f64,
    step: f64,
}

impl Scale {
    /// The finest at which `largest`, finite and not negative, fits.
    pub(crate) fn of(largest: f64) -> Self {
        // 2^exponent > largest; 0 has no exponent, and needs no bits. Single precision ends at 2^-149.
        let exponent = if largest > 0.0 { libm::frexp(largest).1 } else { 0 };
        let power = |exponent: i32| libm::scalbn(1.0, exponent);
        Self { steps: power(BITS - exponent), step: power(exponent - BITS) }
    }

    /// That of a largest number below 2^exponent, by whoever knows powers of two.
    pub(crate) fn by(power: impl Fn(i64) -> f64, exponent: i64) -> Self {
        Self { steps: power(i64::from(BITS) - exponent), step: power(exponent - i64::from(BITS)) }
    }

    /// The same, of what is known of the largest; nothing where it is not finite.
    pub(crate) fn of_peak(peak: Peak) -> Option<Self> {
        let half = peak.exponent().map_or(0.0, |exponent| libm::scalbn(0.5, exponent));
        peak.is_finite().then(|| Self::of(half))
    }

    /// The nearest number of steps, the even one of two. The largest that was named rounds to at most 2^30.
    #[inline]
    pub(crate) fn fixed(self, value: f32) -> i32 {
        /// 1.5 · 2^52: added to a number below 2^31, it leaves the nearest integer in the low bits.
        const ROUND: f64 = 6_755_399_441_055_744.0;
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
        let fixed = (f64::from(value) * self.steps + ROUND).to_bits() as i32;
        fixed
    }

    /// What a sum of steps is worth.
    #[inline]
    pub(crate) fn real(self, sum: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "rounded once, the same everywhere")]
        let real = sum as f64;
        real * self.step
    }
}

/// The scales of both derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scales {
    pub(crate) g: Scale,
    pub(crate) h: Scale,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_fills_thirty_bits_and_what_fits_comes_back() {
        for largest in [1.0_f32, 0.25, 3.7e10, f32::MAX, f32::MIN_POSITIVE, 1e-45, 0.999_999_94] {
            let scale = Scale::of(f64::from(largest));
            let fixed = scale.fixed(largest);
            assert!((1 << 29..=1 << 30).contains(&fixed), "{largest:e}: {fixed}");
            assert_eq!(scale.real(i64::from(fixed)), f64::from(largest));
            assert_eq!(scale.fixed(-largest), -fixed);
        }
        assert_eq!(Scale::of(0.0).fixed(0.0), 0);
    }
}
