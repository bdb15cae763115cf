//! How long planning may take: work is bounded by counts, so that the same effort gives the same plan on any machine.

use crate::cluster::MOST_AXES;
use crate::solve::Care;

/// How much is looked at before an answer is given.
///
/// An effort tries all that half of it does, and then twice as much: its answer is the best of both, so that more effort never
/// makes a plan worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    doublings: u32,
    axes: usize,
}

/// The most: 2^10 times as long as the least.
const MOST_DOUBLINGS: u32 = 10;

/// Axes of meshes, at most, where nobody asks for more: a third one splits a machine or the machines once more, and takes tens of times as
/// long to look at.
const USUAL_AXES: usize = 2;

impl Default for Effort {
    fn default() -> Self {
        Self::times(1)
    }
}

impl Effort {
    /// So many times the least, rounded down to a power of two.
    #[must_use]
    pub fn times(times: u32) -> Self {
        Self { doublings: times.max(1).ilog2().min(MOST_DOUBLINGS), axes: USUAL_AXES }
    }

    /// Over meshes of up to so many axes: one, two or three.
    #[must_use]
    pub fn over(self, axes: usize) -> Self {
        Self { axes: axes.clamp(1, MOST_AXES), ..self }
    }

    /// Axes of meshes, at most.
    pub(crate) fn axes(self) -> usize {
        self.axes
    }

    /// From the least on, each twice the one before.
    pub(crate) fn steps(self) -> impl Iterator<Item = Self> {
        (0..=self.doublings).map(move |doublings| Self { doublings, ..self })
    }

    /// For plans.
    pub(crate) fn plan(self) -> Care {
        Care {
            pricings: 16 << self.doublings.min(4),
            listed: 400_000 << self.doublings,
            known: f64::INFINITY,
        }
    }

    /// For the costs that stages are chosen by.
    pub(crate) fn sketch(self) -> Care {
        Care {
            pricings: 8 << self.doublings.min(4),
            listed: if self.doublings == 0 { 0 } else { 20_000 << self.doublings },
            known: f64::INFINITY,
        }
    }

    /// Layers that a model is cut into, at most: stages are made of whole ones.
    pub(crate) fn layers(self) -> usize {
        16 + 8 * self.doublings.min(4) as usize
    }

    /// Numbers of microbatches that are tried: powers of two from 4 on.
    pub(crate) fn microbatches(self) -> impl Iterator<Item = u64> {
        (2..9 + self.doublings.min(4)).map(|power| 1 << power)
    }
}
