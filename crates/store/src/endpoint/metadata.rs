//! What is kept beside an object's content.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Headers and values that travel with an object. Empty where the source has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// Values of the user's own, by lower-case name. `mtime` is when the content was written at its
    /// origin, in seconds since 1970 with a fraction, and `mode` its permission bits in octal, as rclone
    /// keeps them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// Key of [`Metadata::user`] for the time of the content at its origin.
pub const MTIME: &str = "mtime";

/// Key of [`Metadata::user`] for permission bits.
pub const MODE: &str = "mode";

impl Metadata {
    /// When the content was written at its origin, in nanoseconds since 1970.
    #[must_use]
    pub fn mtime_ns(&self) -> Option<i128> {
        let text = self.user.get(MTIME)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = whole.parse().ok()?;
        let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
        let nanos: i128 = digits.parse().ok().filter(|nanos| *nanos >= 0)?;
        let negative = whole.starts_with('-');
        Some(i128::from(seconds) * 1_000_000_000 + if negative { -nanos } else { nanos })
    }

    /// Sets [`Metadata::mtime_ns`].
    pub fn set_mtime_ns(&mut self, nanos: i128) {
        let sign = if nanos < 0 { "-" } else { "" };
        let (seconds, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
        let text = format!("{sign}{seconds}.{rest:09}");
        self.user.insert(MTIME.to_owned(), text.trim_end_matches('0').trim_end_matches('.').to_owned());
    }

    /// Permission bits, if known.
    #[must_use]
    pub fn mode(&self) -> Option<u32> {
        u32::from_str_radix(self.user.get(MODE)?, 8).ok().map(|mode| mode & 0o7777)
    }

    /// Sets [`Metadata::mode`].
    pub fn set_mode(&mut self, mode: u32) {
        self.user.insert(MODE.to_owned(), format!("{:o}", mode & 0o7777));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive() {
        for nanos in [0, 1, 1_500_000_000, 1_700_000_000_123_456_789, -1, -1_500_000_001] {
            let mut metadata = Metadata::default();
            metadata.set_mtime_ns(nanos);
            assert_eq!(metadata.mtime_ns(), Some(nanos), "{:?}", metadata.user);
        }
        let mut metadata = Metadata::default();
        for (text, nanos) in [
            ("1700000000.5", Some(1_700_000_000_500_000_000)),
            ("12", Some(12_000_000_000)),
            ("x", None),
            ("1.-5", None),
        ] {
            metadata.user.insert(MTIME.to_owned(), text.to_owned());
            assert_eq!(metadata.mtime_ns(), nanos, "{text}");
        }
    }

    #[test]
    fn modes_are_octal() {
        let mut metadata = Metadata::default();
        metadata.set_mode(0o100_755);
        assert_eq!((metadata.user["mode"].as_str(), metadata.mode()), ("755", Some(0o755)));
    }
}
