//! From time used to time billed.

use serde::{Deserialize, Serialize};
use welkin_units::Span;

/// How a provider rounds the time of a lease before it multiplies by the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Shortest time billed for a lease that existed at all.
    pub minimum: Span,
    /// Time beyond it is rounded up to a multiple of this; zero bills by the millisecond.
    pub increment: Span,
}

impl Terms {
    /// One second increments after the first minute: Linux machines on AWS, Azure and GCP (their
    /// price pages, 2026).
    pub const PER_SECOND: Self = Self { minimum: Span::from_secs(60), increment: Span::from_secs(1) };

    /// Exactly what was used.
    pub const EXACT: Self = Self { minimum: Span::ZERO, increment: Span::ZERO };

    /// The time billed for `used`: nothing for nothing.
    #[must_use]
    pub fn billed(&self, used: Span) -> Span {
        if used == Span::ZERO {
            return Span::ZERO;
        }
        let rounded = match self.increment.millis() {
            0 => used.millis(),
            step => used.millis().div_ceil(step).saturating_mul(step),
        };
        Span::from_millis(rounded.max(self.minimum.millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_then_increments() {
        for (used_ms, billed_ms) in
            [(0, 0), (1, 60_000), (60_000, 60_000), (60_001, 61_000), (90_500, 91_000)]
        {
            assert_eq!(
                Terms::PER_SECOND.billed(Span::from_millis(used_ms)),
                Span::from_millis(billed_ms),
                "{used_ms}"
            );
        }
        assert_eq!(Terms::EXACT.billed(Span::from_millis(7)), Span::from_millis(7));
    }
}
