//! How long planning may take: work is bounded by counts, so that the same effort gives the same plan on any machine.

use crate::solve::Care;

/// How much is looked at before an answer is given.
///
/// An effort tries all that half of it does, and then twice as much: its answer is the best of both, so that more effort never
/// makes a plan worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort(u32);

/// The most: 2^10 times as long as the least.
const MOST_DOUBLINGS: u32 = 10;

impl Default for Effort {
    fn default() -> Self {
        Self::times(1)
    }
}

impl Effort {
    /// So many times the least, rounded down to a power of two.
    #[must_use]
    pub fn times(times: u32) -> Self {
        Self(times.max(1).ilog2().min(MOST_DOUBLINGS))
    }

    /// From the least on, each twice the one before.
    pub(crate) fn steps(self) -> impl Iterator<Item = Self> {
        (0..=self.0).map(Self)
    }

    /// For plans.
    pub(crate) fn plan(self) -> Care {
        Care { pricings: 16 << self.0.min(4), listed: 400_000 << self.0, known: f64::INFINITY }
    }

    /// For the costs that stages are chosen by.
    pub(crate) fn sketch(self) -> Care {
        Care {
            pricings: 8 << self.0.min(4),
            listed: if self.0 == 0 { 0 } else { 20_000 << self.0 },
            known: f64::INFINITY,
        }
    }

    /// Layers that a model is cut into, at most: stages are made of whole ones.
    pub(crate) fn layers(self) -> usize {
        16 + 8 * self.0.min(4) as usize
    }

    /// Numbers of microbatches that are tried: powers of two from 4 on.
    pub(crate) fn microbatches(self) -> impl Iterator<Item = u64> {
        (2..9 + self.0.min(4)).map(|power| 1 << power)
    }
}
