//! Numbers of price lists.

use super::quarantine::Reason;
use welkin_units::Usd;

/// Dearest price that is believed, in dollars per hour: four times the dearest of the five catalogs
/// on hand, a TPU v5p slice of 6,144 chips at about $25,800.
pub(super) const MAX_HOURLY_DOLLARS: f64 = 100_000.0;

/// A price field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Price {
    /// Nothing is written.
    Absent,
    /// Zero is written.
    Zero,
    /// A price per hour.
    Hourly(Usd),
}

/// Reads dollars per hour.
pub(super) fn price(text: &str) -> Result<Price, (Reason, &'static str)> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Price::Absent);
    }
    let dollars = finite(text)?;
    if dollars < 0.0 {
        return Err((Reason::OutOfRange, "a price cannot be negative"));
    }
    if dollars > MAX_HOURLY_DOLLARS {
        return Err((Reason::AbsurdPrice, "no machine costs more than $100,000 an hour"));
    }
    match Usd::from_dollars(dollars) {
        Some(Usd::ZERO) => Ok(Price::Zero),
        Some(price) => Ok(Price::Hourly(price)),
        None => Err((Reason::NotANumber, "expected dollars per hour")),
    }
}

/// Reads a quantity and counts it in units of `1 / per_unit`; an empty field is 0, for "unknown".
pub(super) fn quantity(text: &str, per_unit: f64, most: f64) -> Result<u32, (Reason, &'static str)> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    let value = finite(text)?;
    if !(0.0..=most).contains(&value) {
        return Err((Reason::OutOfRange, "negative or larger than any machine"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the callers' bounds keep the product below 2³²"
    )]
    Ok((value * per_unit).round() as u32)
}

fn finite(text: &str) -> Result<f64, (Reason, &'static str)> {
    let value: f64 = text.parse().map_err(|_| (Reason::NotANumber, "expected a number"))?;
    if value.is_finite() { Ok(value) } else { Err((Reason::NotANumber, "expected a finite number")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_and_doubted() {
        assert_eq!(price("0.48768"), Ok(Price::Hourly(Usd::from_nanos(487_680_000))));
        assert_eq!(price(" "), Ok(Price::Absent));
        assert_eq!(price("0.00"), Ok(Price::Zero));
        // Less than half a nano-dollar is nothing.
        assert_eq!(price("1e-12"), Ok(Price::Zero));
        for (text, reason) in [
            ("-1", Reason::OutOfRange),
            ("NaN", Reason::NotANumber),
            ("inf", Reason::NotANumber),
            ("$3", Reason::NotANumber),
            ("1e300", Reason::AbsurdPrice),
        ] {
            assert_eq!(price(text).unwrap_err().0, reason, "{text}");
        }
    }

    #[test]
    fn quantities_are_bounded() {
        assert_eq!(quantity("0.333", 1000.0, 1e6), Ok(333));
        assert_eq!(quantity("12.0", 1000.0, 1e6), Ok(12_000));
        assert_eq!(quantity("", 1000.0, 1e6), Ok(0));
        for text in ["-1", "NaN", "1e9", "many"] {
            assert!(quantity(text, 1000.0, 1e6).is_err(), "{text}");
        }
    }
}
