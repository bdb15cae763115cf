//! The shape of a tree, drawn without a look at rows.

use super::Range;
use crate::random::{Stream, unit};

/// A tree with all nodes down to its depth, each a cut of a feature somewhere in what the cuts above leave of its bounds.
///
/// Nodes stand level by level: those below node `n` are `2n + 1` and `2n + 2`.
pub(super) struct Shape {
    forks: Vec<Fork>,
}

/// Where rows part.
#[derive(Clone, Copy)]
pub(super) struct Fork {
    pub(super) feature: usize,
    /// Values below go left.
    pub(super) below: f32,
    pub(super) missing_left: bool,
}

impl Shape {
    /// Draws one for a key, of which it is a function.
    pub(super) fn draw(depth: usize, ranges: &[Range], key: &[u64]) -> Self {
        let blank = Fork { feature: 0, below: 0.0, missing_left: true };
        let mut shape = Self { forks: vec![blank; (1 << depth) - 1] };
        shape.draw_below(0, &mut ranges.to_vec(), &mut Stream::new(key));
        shape
    }

    fn draw_below(&mut self, at: usize, ranges: &mut [Range], stream: &mut Stream) {
        if at >= self.forks.len() {
            return;
        }
        let feature = stream.below(ranges.len());
        let Range { low, high } = ranges[feature];
        let cut = low + (high - low) * unit(stream.next());
        #[expect(clippy::cast_possible_truncation, reason = "cuts have single precision")]
        let below = cut as f32;
        self.forks[at] = Fork { feature, below, missing_left: stream.next() & 1 == 1 };
        for (child, range) in [(2 * at + 1, Range { low, high: cut }), (2 * at + 2, Range { low: cut, high })]
        {
            ranges[feature] = range;
            self.draw_below(child, ranges, stream);
        }
        ranges[feature] = Range { low, high };
    }

    pub(super) fn leaves(&self) -> usize {
        self.forks.len() + 1
    }

    pub(super) fn fork(&self, at: usize) -> Fork {
        self.forks[at]
    }

    /// The leaf of a row, from 0, whose values are asked for by the number of the feature.
    pub(super) fn leaf(&self, value: impl Fn(usize) -> f32) -> usize {
        let mut at = 0;
        while let Some(fork) = self.forks.get(at) {
            let value = value(fork.feature);
            let left = if value.is_nan() { fork.missing_left } else { value < fork.below };
            at = 2 * at + if left { 1 } else { 2 };
        }
        at - self.forks.len()
    }
}
