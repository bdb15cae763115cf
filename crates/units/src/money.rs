//! Money: integer nano-dollars.

use crate::parse::{QuantityError, split};
use crate::{Bytes, Span};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

const NANO: i64 = 1_000_000_000;
const MS_PER_HOUR: i128 = 3_600_000;

/// An amount of United States dollars as integer nano-dollars, from −9.2 to +9.2 billion dollars.
///
/// A nano-dollar is fine enough for a per-second share of the cheapest machine and for a byte of
/// egress times a few hundred; prices per hour and per gigabyte are exact in it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usd(i64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount; stands for "more than any budget".
    pub const MAX: Self = Self(i64::MAX);

    /// From integer nano-dollars.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From integer cents.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents.saturating_mul(NANO / 100))
    }

    /// From a floating point number of dollars, rounded to the nearest nano-dollar; `None` when it
    /// is not finite or does not fit.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked just before")]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nanos = (dollars * 1e9).round();
        (nanos.is_finite() && nanos.abs() < 9.2e18).then_some(Self(nanos as i64))
    }

    /// Integer nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Dollars as a float, for ratios and display only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display; 15 digits are enough")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The cost of `span` at this price per hour, rounded half up to a nano-dollar.
    #[must_use]
    pub fn per_hour_over(self, span: Span) -> Self {
        Self::clamp((i128::from(self.0) * i128::from(span.millis()) + MS_PER_HOUR / 2) / MS_PER_HOUR)
    }

    /// The cost of `bytes` at this price per decimal gigabyte, rounded half up to a nano-dollar.
    #[must_use]
    pub fn per_gb_over(self, bytes: Bytes) -> Self {
        Self::clamp(self.nanos_over(bytes))
    }

    /// The same in nano-dollars, whether or not an amount can be that large.
    #[must_use]
    pub fn nanos_over(self, bytes: Bytes) -> i128 {
        // At most 2^63 · 2^64 and a half of 10^9, which 127 bits hold.
        let giga = i128::from(NANO);
        (i128::from(self.0) * i128::from(bytes.get()) + giga / 2) / giga
    }

    /// What `count` times this price per hour come to over `span`; `None` when no amount is that large.
    #[must_use]
    pub fn checked_per_hour_over(self, count: u32, span: Span) -> Option<Self> {
        let hourly = i128::from(self.0) * i128::from(count);
        let nanos =
            hourly.checked_mul(i128::from(span.millis()))?.checked_add(MS_PER_HOUR / 2)? / MS_PER_HOUR;
        Self::checked_from_nanos(nanos)
    }

    /// From nano-dollars; `None` when no amount is that large.
    #[must_use]
    pub fn checked_from_nanos(nanos: i128) -> Option<Self> {
        i64::try_from(nanos).ok().map(Self)
    }

    /// The same at this price per GiB.
    #[must_use]
    pub fn nanos_over_gib(self, bytes: Bytes) -> i128 {
        const GIB: i128 = 1 << 30;
        (i128::from(self.0) * i128::from(bytes.get()) + GIB / 2) / GIB
    }

    /// This amount `count` times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self::clamp(i128::from(self.0) * i128::from(count))
    }

    fn clamp(nanos: i128) -> Self {
        Self(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Usd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Two decimals from a cent upwards, more below so that a small price never prints as `$0.00`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        // Smallest number of decimals that shows at least two significant digits.
        let decimals: u32 = match nanos {
            0 | 100_000_000.. => 2,
            10_000_000.. => 3,
            1_000_000.. => 4,
            100_000.. => 5,
            10_000.. => 6,
            _ => 9,
        };
        let unit = 10_u64.pow(9 - decimals);
        let rounded = (nanos + unit / 2) / unit;
        let per_dollar = 10_u64.pow(decimals);
        let (whole, fraction) = (rounded / per_dollar, rounded % per_dollar);
        let text = format!("{sign}${whole}.{fraction:0width$}", width = decimals as usize);
        f.pad(&text)
    }
}

impl FromStr for Usd {
    type Err = QuantityError;

    /// Reads `400`, `400 USD`, `$0.25`, `25 cents`.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        const WHAT: &str = "amount of money";
        let trimmed = text.trim();
        // The sign of a debt stands before the dollar's.
        let (sign, bare) = match trimmed.strip_prefix("-$") {
            Some(bare) if !bare.trim_start().starts_with('-') => (-1, bare),
            _ => (1, trimmed.strip_prefix('$').unwrap_or(trimmed)),
        };
        let (number, unit) = split(bare, WHAT, "`400 USD` or `$0.25`")?;
        let nanos_per_unit = match unit.to_ascii_lowercase().as_str() {
            "" | "usd" | "$" | "dollar" | "dollars" => NANO,
            "cent" | "cents" | "ct" => NANO / 100,
            _ => {
                return Err(QuantityError::UnknownUnit {
                    what: WHAT,
                    unit: unit.to_owned(),
                    expected: "USD, $, cents",
                });
            }
        };
        let nanos = number.times(i128::from(sign * nanos_per_unit));
        nanos
            .and_then(|nanos| i64::try_from(nanos).ok())
            .map(Self)
            .ok_or_else(|| QuantityError::TooLarge { what: WHAT, text: trimmed.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, nanos) in [
            ("400 USD", 400 * NANO),
            ("$0.25", 250_000_000),
            ("25 cents", 250_000_000),
            ("1_000", 1000 * NANO),
            ("0.000000001", 1),
            ("-3", -3 * NANO),
            ("-$4.00", -4 * NANO),
            ("-$0.25", -250_000_000),
        ] {
            assert_eq!(text.parse::<Usd>().unwrap().nanos(), nanos, "{text}");
        }
        for text in ["", "free", "4 EUR", "1.2.3", "99999999999 USD", "$", "-$", "-$-4", "--4", "- $4"] {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
    }

    #[test]
    fn shows_small_prices() {
        for (nanos, shown) in [
            (0, "$0.00"),
            (15_920_000_000, "$15.92"),
            (100_000_000, "$0.10"),
            (35_900_000, "$0.036"),
            (3_590_000, "$0.0036"),
            (1_234, "$0.000001234"),
            (-2_500_000_000, "-$2.50"),
        ] {
            assert_eq!(Usd::from_nanos(nanos).to_string(), shown);
        }
    }

    #[test]
    fn hours_and_gigabytes_are_exact() {
        let price: Usd = "3.06".parse().unwrap();
        assert_eq!(price.per_hour_over("2h30m".parse().unwrap()), "7.65".parse().unwrap());
        let egress: Usd = "0.09".parse().unwrap();
        assert_eq!(egress.per_gb_over("100 GB".parse().unwrap()), "9".parse().unwrap());
    }

    #[test]
    fn a_mistake_is_told_in_a_sentence() {
        assert_eq!(
            "free".parse::<Usd>().unwrap_err().to_string(),
            "`free` is not an amount of money: expected a number such as `400 USD` or `$0.25`"
        );
    }

    proptest! {
        #[test]
        fn display_is_within_half_a_unit_of_the_last_digit(nanos in -1_000_000_000_000_i64..1_000_000_000_000) {
            let shown: Usd = Usd::from_nanos(nanos).to_string().parse().unwrap();
            let tolerance = 5_000_000_i64.min(nanos.abs() / 10 + 1);
            prop_assert!((shown.nanos() - nanos).abs() <= tolerance);
        }
    }
}
