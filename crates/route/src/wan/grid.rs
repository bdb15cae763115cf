//! What was measured between pairs of sites, and its file format.
//!
//! ```text
//! # welkin grid v1
//! from,to,bits_per_s,bits_per_s_one_connection,rtt_ms,connections,taken_at
//! azure:canadacentral,gcp:asia-northeast1,6625300000,,158.2,64,2026-11-20T08:00:00Z
//! ```
//!
//! `bits_per_s` is the rate between one machine at each end over `connections` connections. Any other
//! field may be empty. `taken_at` is a time in UTC after RFC 3339 and compares as text. Lines that begin
//! with `#` are comments; columns may stand in any order and unknown ones are passed over, so that a later
//! version can add some.
//!
//! [`Grid::merge`] lets the younger of two measurements of a pair stand, so a file that a probe wrote last
//! night replaces what it covers and nothing else. [`Grid::print`] sorts, so equal grids print equal bytes.

use super::import::Quarantined;
use super::lines::{Lines, number};
use super::site::SiteName;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use welkin_units::BitsPerSecond;

const HEADER: &str = "from,to,bits_per_s,bits_per_s_one_connection,rtt_ms,connections,taken_at";
/// Connections of a measurement that does not say.
const CONNECTIONS: u32 = 64;
/// Rates between two machines beyond this are no measurements.
pub(super) const MOST_BITS: f64 = 1e12;
/// Half a minute around the earth is no round trip.
pub(super) const MOST_RTT_MS: f64 = 30_000.0;

/// One pair's measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Rate between one machine at each end over all connections.
    pub rate: BitsPerSecond,
    /// Rate of a single connection.
    pub one_connection: Option<BitsPerSecond>,
    /// Round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// How many connections.
    pub connections: u32,
    /// When, in UTC after RFC 3339; empty when unknown, which is older than any time.
    pub taken_at: String,
}

/// Measurements by pair.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// By source and destination.
    pub pairs: BTreeMap<(SiteName, SiteName), Measured>,
}

impl Grid {
    /// Reads the format above. Lines that cannot be true are set aside.
    ///
    /// # Errors
    /// In words, when the text is no grid.
    pub fn parse(text: &str) -> Result<(Self, Vec<Quarantined>), String> {
        let lines = Lines::new(text)?;
        if !Self::is_one(&lines) {
            return Err("no columns from, to and bits_per_s".to_owned());
        }
        let (mut grid, mut quarantined) = (Self::default(), Vec::new());
        let names =
            ["from", "to", "bits_per_s", "bits_per_s_one_connection", "rtt_ms", "connections", "taken_at"];
        lines.each(names, &mut quarantined, |[from, to, rate, one, rtt, connections, taken_at]| {
            let pair = (from.parse()?, to.parse()?);
            let optional = |text: &str, what, most| match text {
                "" => Ok(None),
                text => number(text, what, f64::MIN_POSITIVE, most).map(Some),
            };
            let connections = match connections {
                "" => CONNECTIONS,
                text => {
                    let count = text.parse().ok().filter(|count| (1..=65_535).contains(count));
                    count.ok_or_else(|| {
                        format!("connections `{}` is not within 1 to 65535", text.escape_debug())
                    })?
                }
            };
            if taken_at.len() > 40 || !taken_at.chars().all(|c| c.is_ascii_digit() || "-:.TZ".contains(c)) {
                return Err(format!("taken_at `{}` is not a time in UTC", taken_at.escape_debug()));
            }
            let measured = Measured {
                rate: bits(number(rate, "bits_per_s", 1.0, MOST_BITS)?),
                one_connection: optional(one, "bits_per_s_one_connection", MOST_BITS)?.map(bits),
                rtt_ms: optional(rtt, "rtt_ms", MOST_RTT_MS)?,
                connections,
                taken_at: taken_at.to_owned(),
            };
            grid.insert(pair, measured);
            Ok(())
        });
        Ok((grid, quarantined))
    }

    pub(super) fn is_one(lines: &Lines<'_>) -> bool {
        lines.has(&["from", "to", "bits_per_s"])
    }

    /// Takes over what `other` measured later, or alone.
    pub fn merge(&mut self, other: Self) {
        for (pair, measured) in other.pairs {
            self.insert(pair, measured);
        }
    }

    /// The grid as text that [`parse`](Self::parse) reads back, pairs in order.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = format!("# welkin grid v1\n{HEADER}\n");
        for ((from, to), measured) in &self.pairs {
            let one = measured.one_connection.map(|rate| rate.get().to_string()).unwrap_or_default();
            let rtt = measured.rtt_ms.map(|rtt| rtt.to_string()).unwrap_or_default();
            let Measured { rate, connections, taken_at, .. } = measured;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{from},{to},{},{one},{rtt},{connections},{taken_at}", rate.get());
        }
        text
    }

    /// Of two measurements of a pair the younger stands, of two of one age the later read.
    fn insert(&mut self, pair: (SiteName, SiteName), measured: Measured) {
        if self.pairs.get(&pair).is_none_or(|known| known.taken_at <= measured.taken_at) {
            self.pairs.insert(pair, measured);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0..1e12")]
pub(super) fn bits(rate: f64) -> BitsPerSecond {
    BitsPerSecond::new(rate.round().max(1.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(text: &str) -> Grid {
        let (grid, quarantined) = Grid::parse(text).unwrap();
        assert!(quarantined.is_empty(), "{quarantined:?}");
        grid
    }

    #[test]
    fn printing_and_reading_are_inverse() {
        let text = "to,from,bits_per_s,rtt_ms,taken_at,colour\n\
                    b:y,a:x,5e9,12.5,2026-11-20T08:00:00Z,red\na:x,b:y,100,,,\n";
        let read = grid(text);
        assert_eq!(grid(&read.print()), read);
        assert_eq!(read.print(), grid(&read.print()).print());
    }

    #[test]
    fn the_younger_measurement_stands() {
        let row = |rate: u64, at: &str| format!("from,to,bits_per_s,taken_at\na:x,b:y,{rate},{at}\n");
        let (old, new) = (grid(&row(1, "2026-01-01T00:00:00Z")), grid(&row(2, "2026-02-01T00:00:00Z")));
        for (first, second) in [(&old, &new), (&new, &old)] {
            let mut merged = first.clone();
            merged.merge(second.clone());
            assert_eq!(merged, new);
        }
    }

    #[test]
    fn what_cannot_be_true_is_set_aside_with_its_line() {
        let text = "from,to,bits_per_s,rtt_ms,connections\na:x,b:y,NaN,,\na:x,b:y,-1,,\na:x,b:y,1e300,,\n\
                    a:x,b:y,inf,,\nax,b:y,1,,\na:x,b:y,1,-3,\na:x,b:y,1,,0\na:x,b:y,1,,\na:x,b:y\n";
        let (grid, quarantined) = Grid::parse(text).unwrap();
        let lines: Vec<usize> = quarantined.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 8, 10]);
        assert_eq!(grid.pairs.len(), 1);
        assert!(Grid::parse("").is_err());
        assert!(Grid::parse("a,b\n1,2\n").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(from,to,bits_per_s,rtt_ms\n)?[a-z:0-9,.\n#-]{0,200}") {
            if let Ok((grid, _)) = Grid::parse(&text) {
                prop_assert_eq!(Grid::parse(&grid.print()).unwrap().0, grid);
            }
        }
    }
}
