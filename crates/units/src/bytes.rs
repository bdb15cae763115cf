//! Amounts of data.

use crate::parse::{QuantityError, split};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

/// An amount of data in bytes.
///
/// `GB` is decimal and `GiB` binary, as the clouds bill egress by one and sell memory by the other.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(u64);

impl Bytes {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From a number of bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// From decimal gigabytes (10⁹ bytes).
    #[must_use]
    pub const fn from_gb(gb: u64) -> Self {
        Self(gb.saturating_mul(1_000_000_000))
    }

    /// From binary gibibytes (2³⁰ bytes).
    #[must_use]
    pub const fn from_gib(gib: u64) -> Self {
        Self(gib.saturating_mul(1 << 30))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Decimal gigabytes as a float, for ratios and display only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display; 15 digits are enough")]
    pub fn gb(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The part above `other`, or nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads a size whose bare number counts `bare_unit` bytes (job files count memory and disk in
    /// gigabytes unless they say otherwise).
    ///
    /// # Errors
    /// [`QuantityError`] when the text is not a number with a unit of data, is negative or too large.
    pub fn parse_with_bare_unit(text: &str, bare_unit: u64) -> Result<Self, QuantityError> {
        const WHAT: &str = "size";
        let (number, unit) = split(text, WHAT, "`40 GB` or `512MiB`")?;
        let per_unit: u64 = match unit.to_ascii_lowercase().as_str() {
            "" => bare_unit,
            "b" | "byte" | "bytes" => 1,
            "k" | "kb" => 1_000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "p" | "pb" => 1_000_000_000_000_000,
            "e" | "eb" => 1_000_000_000_000_000_000,
            "ki" | "kib" => 1 << 10,
            "mi" | "mib" => 1 << 20,
            "gi" | "gib" => 1 << 30,
            "ti" | "tib" => 1 << 40,
            "pi" | "pib" => 1 << 50,
            "ei" | "eib" => 1 << 60,
            _ => {
                return Err(QuantityError::UnknownUnit {
                    what: WHAT,
                    unit: unit.to_owned(),
                    expected: "B, KB, MB, GB, TB, PB, EB, KiB, MiB, GiB, TiB, PiB, EiB",
                });
            }
        };
        let bytes = number
            .times(i128::from(per_unit))
            .ok_or_else(|| QuantityError::TooLarge { what: WHAT, text: text.trim().to_owned() })?;
        if bytes < 0 {
            return Err(QuantityError::Negative { what: WHAT, text: text.trim().to_owned() });
        }
        u64::try_from(bytes)
            .map(Self)
            .map_err(|_| QuantityError::TooLarge { what: WHAT, text: text.trim().to_owned() })
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

/// Decimal units with three significant digits: `1.50 GB`, `40 GB`, `512 B`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
        let mut index = 0;
        let mut unit: u64 = 1;
        while index + 1 < UNITS.len() && self.0 / unit >= 1000 {
            unit *= 1000;
            index += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let value = self.0 as f64 / unit as f64;
        let text = if self.0.is_multiple_of(unit) || value >= 99.95 {
            format!("{value:.0} {}", UNITS[index])
        } else if value >= 9.995 {
            format!("{value:.1} {}", UNITS[index])
        } else {
            format!("{value:.2} {}", UNITS[index])
        };
        f.pad(&text)
    }
}

impl FromStr for Bytes {
    type Err = QuantityError;

    /// Reads `40 GB`, `512MiB`, `1.5TB`; a bare number counts bytes.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse_with_bare_unit(text, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("200 GB", 200_000_000_000),
            ("1.5TB", 1_500_000_000_000),
            ("512MiB", 512 << 20),
            ("64Gi", 64 << 30),
            ("17", 17),
        ] {
            assert_eq!(text.parse::<Bytes>().unwrap().get(), bytes, "{text}");
        }
        for text in ["", "-1 GB", "5 apples", "99999999999999 PB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        assert_eq!(Bytes::parse_with_bare_unit("32", 1 << 30).unwrap(), Bytes::from_gib(32));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bits in 0_u32..64, low in any::<u64>()) {
            let bytes = low >> bits;
            let shown: Bytes = Bytes::new(bytes).to_string().parse().unwrap();
            // Three digits: half a unit of the third.
            prop_assert!(shown.get().abs_diff(bytes) <= bytes / 180 + 1, "{bytes} reads back as {}", shown.get());
        }
    }

    #[test]
    fn shows_three_digits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.50 KB"),
            (40_000_000_000, "40 GB"),
            (12_340_000, "12.3 MB"),
        ] {
            assert_eq!(Bytes::new(bytes).to_string(), shown);
        }
    }
}
