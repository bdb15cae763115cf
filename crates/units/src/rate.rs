//! Rates of data.

use crate::parse::{QuantityError, split};
use crate::{Bytes, Span};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A rate of data in bits per second.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BitsPerSecond(u64);

impl BitsPerSecond {
    /// From bits per second.
    #[must_use]
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// From decimal gigabits per second.
    #[must_use]
    pub const fn from_gbit(gbit: u64) -> Self {
        Self(gbit.saturating_mul(1_000_000_000))
    }

    /// Bits per second.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The time `bytes` take at this rate, rounded up to a millisecond; [`Span::MAX`] at rate zero.
    #[must_use]
    pub fn time_for(self, bytes: Bytes) -> Span {
        if bytes == Bytes::ZERO {
            return Span::ZERO;
        }
        if self.0 == 0 {
            return Span::MAX;
        }
        let millis = (u128::from(bytes.get()) * 8_000).div_ceil(u128::from(self.0));
        Span::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for BitsPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let bits = self.0 as f64;
        let text = if bits >= 1e9 {
            format!("{:.2} Gbit/s", bits / 1e9)
        } else if bits >= 1e6 {
            format!("{:.1} Mbit/s", bits / 1e6)
        } else if bits >= 1e3 {
            format!("{:.1} kbit/s", bits / 1e3)
        } else {
            format!("{bits} bit/s")
        };
        f.pad(&text)
    }
}

impl FromStr for BitsPerSecond {
    type Err = QuantityError;

    /// Reads `10 Gbit/s`, `100Mbps`, `12.5 MB/s`; a bare number counts bits per second.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        const WHAT: &str = "data rate";
        let (number, unit) = split(text, WHAT, "`10 Gbit/s` or `100 MB/s`")?;
        let per_unit: i128 = match unit {
            "" | "bit/s" | "bps" => 1,
            "kbit/s" | "kbps" | "Kbit/s" | "Kbps" => 1_000,
            "Mbit/s" | "Mbps" | "mbit/s" | "mbps" => 1_000_000,
            "Gbit/s" | "Gbps" | "gbit/s" | "gbps" => 1_000_000_000,
            "KB/s" | "kB/s" => 8_000,
            "MB/s" => 8_000_000,
            "GB/s" => 8_000_000_000,
            _ => {
                return Err(QuantityError::UnknownUnit {
                    what: WHAT,
                    unit: unit.to_owned(),
                    expected: "bit/s, kbit/s, Mbit/s, Gbit/s, KB/s, MB/s, GB/s",
                });
            }
        };
        let too_large = || QuantityError::TooLarge { what: WHAT, text: text.trim().to_owned() };
        let bits = number.times(per_unit).ok_or_else(too_large)?;
        if bits < 0 {
            return Err(QuantityError::Negative { what: WHAT, text: text.trim().to_owned() });
        }
        u64::try_from(bits).map(Self).map_err(|_| too_large())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        // The largest are shown rounded up to what is no rate any more.
        fn what_is_shown_reads_back(shift in 0_u32..64, low in 0..u64::MAX - 10_000_000) {
            let bits = low >> shift;
            let shown: BitsPerSecond = BitsPerSecond::new(bits).to_string().parse().unwrap();
            prop_assert!(shown.get().abs_diff(bits) <= bits / 20, "{bits} reads back as {}", shown.get());
        }
    }

    #[test]
    fn reads_and_times() {
        let rate: BitsPerSecond = "10 Gbit/s".parse().unwrap();
        assert_eq!(rate.time_for(Bytes::from_gb(100)), Span::from_secs(80));
        assert_eq!("12.5 MB/s".parse::<BitsPerSecond>().unwrap().get(), 100_000_000);
        assert_eq!(BitsPerSecond::new(0).time_for(Bytes::from_gb(1)), Span::MAX);
        assert_eq!(rate.time_for(Bytes::ZERO), Span::ZERO);
        assert!("fast".parse::<BitsPerSecond>().is_err());
    }
}
