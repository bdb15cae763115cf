//! Functions whose bits are the same on every machine.
//!
//! The standard library's `exp` and `ln` are the platform's, and platforms differ in the last bit; a model trained on two
//! of them would differ from then on. Here only operations that IEEE 754 defines to the bit are used.
//!
//! [`exp`] is written out since it runs once a row and round: `exp(x) = 2^n · exp(r)` with `|r| <= ln 2 / 2`, and a
//! polynomial for `exp(r)`. Its relative error is below 1e-13. It has neither branches nor calls, so that the compiler
//! makes vectors of it. [`ln`] has none either, so that nobody sees what it is taken of: `ln(x) = n · ln 2 + ln(1 + f)` with
//! `1 + f` from `√½` to `√2`, and the series of `2 · artanh(f / (2 + f))`. The rest is `libm`, which is arithmetic in Rust.

/// Below this `exp` gives 0, above the negative of it a number so large that losses call it infinite.
const FAR: f64 = 700.0;

/// 1.5 · 2^52: adding it rounds to an integer, which is then in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// ln 2 in two parts, of which the first has zeros at its end: its product with a small integer is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1/k! for k from 11 down to 0: the remainder, 0.3466^12/12!, is 6e-15.
const TAYLOR: [f64; 12] = [
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// e to the power of `x`; what is out of range counts as ±700.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    let x = x.clamp(-FAR, FAR);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut value = TAYLOR[0];
    for term in &TAYLOR[1..] {
        value = value * r + term;
    }
    // The low bits of `shifted` are n; the exponent of 1.0 is 1023.
    let power = shifted.to_bits().wrapping_add(1023) << 52;
    value * f64::from_bits(power)
}

/// 1 / (1 + e^-x).
#[inline]
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// 2/(2k + 1) for k from 11 down to 1. As f / (2 + f) is at most 0.1716, the remainder is 0.1716^24/12.5, 4e-20.
const ARTANH: [f64; 11] = [
    2.0 / 23.0,
    2.0 / 21.0,
    2.0 / 19.0,
    2.0 / 17.0,
    2.0 / 15.0,
    2.0 / 13.0,
    2.0 / 11.0,
    2.0 / 9.0,
    2.0 / 7.0,
    2.0 / 5.0,
    2.0 / 3.0,
];

/// The natural logarithm.
pub(crate) fn ln(x: f64) -> f64 {
    /// Bits of a double before its exponent.
    const FRACTION: u32 = 52;
    if !(f64::MIN_POSITIVE..f64::INFINITY).contains(&x) {
        // What has no logarithm, and what is too small for the way below.
        return libm::log(x);
    }
    let bits = x.to_bits();
    let n = bits.wrapping_sub(std::f64::consts::FRAC_1_SQRT_2.to_bits()).cast_signed() >> FRACTION;
    let f = f64::from_bits(bits.wrapping_sub(n.cast_unsigned() << FRACTION)) - 1.0;
    #[expect(clippy::cast_precision_loss, reason = "an exponent")]
    let n = n as f64;
    let s = f / (2.0 + f);
    let square = s * s;
    let mut rest = ARTANH[0];
    for term in &ARTANH[1..] {
        rest = rest * square + term;
    }
    // 2·s is f - s·f, and f has no error.
    n * LN_2_HIGH + ((f - s * (f - rest * square)) + n * LN_2_LOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exp() {
        for step in -70_000..70_000 {
            let x = f64::from(step) / 100.0 + 1.0 / 3.0;
            if x.abs() < FAR {
                let error = (exp(x) / libm::exp(x) - 1.0).abs();
                assert!(error < 1e-13, "{x}: {error:e}");
            }
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::INFINITY), exp(FAR));
        assert!(exp(-f64::INFINITY) < 1e-300);
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(sigmoid(0.0), 0.5);
    }

    #[test]
    fn ln_is_ln() {
        let near = (1..20_000).map(|step| f64::from(step) / 10_000.0);
        let far = (-1000..1000).map(|power| libm::scalbn(1.2345, power));
        for x in near.chain(far).filter(|x| *x != 1.0) {
            let error = (ln(x) / libm::log(x) - 1.0).abs();
            assert!(error < 1e-15, "{x}: {error:e}");
        }
        assert_eq!(ln(1.0).to_bits(), 0);
        assert_eq!((ln(0.0), ln(f64::INFINITY)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
        assert_eq!(ln(1e-310), libm::log(1e-310));
    }
}
