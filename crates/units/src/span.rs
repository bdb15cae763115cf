//! Lengths of time.

use crate::parse::{QuantityError, split};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;
use std::time::Duration;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of time in milliseconds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// The longest span; stands for "never".
    pub const MAX: Self = Self(u64::MAX);

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    /// From hours.
    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self(hours.saturating_mul(HOUR))
    }

    /// Milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Hours as a float, for ratios and display only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display; 15 digits are enough")]
    pub fn hours(self) -> f64 {
        self.0 as f64 / HOUR as f64
    }

    /// As a standard duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// This span times `factor`, rounded up to a millisecond; `None` when the factor is negative or
    /// not finite.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the sign is checked and a cast from a large float saturates"
    )]
    pub fn scaled(self, factor: f64) -> Option<Self> {
        (factor.is_finite() && factor >= 0.0).then(|| Self((self.0 as f64 * factor).ceil() as u64))
    }

    /// The part above `other`, or none.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

/// The two largest units: `2h 30m`, `45s`, `1.2s`, `3d 4h`, `850ms`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = |large: u64, large_name: &str, small: u64, small_name: &str| {
            let (whole, rest) = (self.0 / large, self.0 % large / small);
            if rest == 0 {
                format!("{whole}{large_name}")
            } else {
                format!("{whole}{large_name} {rest}{small_name}")
            }
        };
        let text = match self.0 {
            DAY.. => pair(DAY, "d", HOUR, "h"),
            HOUR.. => pair(HOUR, "h", MINUTE, "m"),
            MINUTE.. => pair(MINUTE, "m", SECOND, "s"),
            SECOND.. if self.0.is_multiple_of(SECOND) => format!("{}s", self.0 / SECOND),
            SECOND.. => format!("{}.{}s", self.0 / SECOND, self.0 % SECOND / 100),
            _ => format!("{}ms", self.0),
        };
        f.pad(&text)
    }
}

impl FromStr for Span {
    type Err = QuantityError;

    /// Reads `30min`, `3h`, `1h30m`, `90s`, `2 days`, `250ms`; a bare number counts minutes, as in
    /// SkyPilot's `autostop`.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        const WHAT: &str = "length of time";
        let mut rest = text.trim();
        let too_large = || QuantityError::TooLarge { what: WHAT, text: text.trim().to_owned() };
        let mut total: u64 = 0;
        loop {
            let (number, tail) = split(rest, WHAT, "`30min`, `3h` or `1h30m`")?;
            let end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            let (unit, next) = tail.split_at(end);
            let per_unit = match unit.to_ascii_lowercase().as_str() {
                "ms" => 1,
                "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
                "" | "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
                "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
                "d" | "day" | "days" => DAY,
                "w" | "week" | "weeks" => 7 * DAY,
                _ => {
                    return Err(QuantityError::UnknownUnit {
                        what: WHAT,
                        unit: unit.to_owned(),
                        expected: "ms, s, min, h, d, w",
                    });
                }
            };
            let millis = number.times(i128::from(per_unit)).ok_or_else(too_large)?;
            if millis < 0 {
                return Err(QuantityError::Negative { what: WHAT, text: text.trim().to_owned() });
            }
            let millis = u64::try_from(millis).map_err(|_| too_large())?;
            total = total.checked_add(millis).ok_or_else(too_large)?;
            rest = next.trim_start();
            if rest.is_empty() {
                return Ok(Self(total));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("30min", 30 * MINUTE),
            ("1h30m", 90 * MINUTE),
            ("1h 30 min", 90 * MINUTE),
            ("90s", 90 * SECOND),
            ("2 days", 2 * DAY),
            ("1.5h", 90 * MINUTE),
            ("10", 10 * MINUTE),
            ("250ms", 250),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().millis(), millis, "{text}");
        }
        for text in ["", "soon", "-3h", "3 parsecs", "3h-2m"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(shift in 0_u32..64, low in any::<u64>()) {
            let millis = low >> shift;
            let shown: Span = Span::from_millis(millis).to_string().parse().unwrap();
            // Of two units less than one of the smaller is left out.
            prop_assert!(shown.millis() <= millis && millis - shown.millis() <= millis / 10, "{millis}: {shown}");
        }
    }

    #[test]
    fn shows_two_units() {
        for (millis, shown) in [
            (850, "850ms"),
            (1_250, "1.2s"),
            (45_000, "45s"),
            (150 * MINUTE, "2h 30m"),
            (76 * HOUR, "3d 4h"),
            (DAY, "1d"),
        ] {
            assert_eq!(Span::from_millis(millis).to_string(), shown);
        }
    }
}
