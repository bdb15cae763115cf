//! What each row knows besides its bins: its margin, its derivatives, and the node it is in as a number. A row goes to its side by
//! looking at all nodes of the level and all features, and takes the value of its leaf by looking at all leaves.

use super::base::power;
use super::column::{Column, Derivatives};
use super::lanes::LANES;
use crate::fixed::{Scale, Scales, Sums};
use crate::loss::Gradient;
use crate::workers::{Workers, each, piece_size};

/// Rows that are looked at together: what is known of them stays in the nearest cache.
const BLOCK: usize = 256;

/// Rows that one job looks at at least.
const LEAST_ROWS: usize = 8192;

/// What a node asks of its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) feature: u16,
    /// So many bins go left.
    pub(super) bins: u16,
    /// All ones where rows without a value go left.
    pub(super) default_left: u16,
}

/// Rows of a tree.
pub(super) struct Rows {
    pub(super) derivatives: Derivatives,
    nodes: Vec<u16>,
    /// The side that each row went to last: a set bit is right.
    pub(super) sides: Vec<u8>,
}

impl Rows {
    /// So many, with those that fill tiles.
    pub(super) fn new(filled: usize) -> Self {
        Self {
            derivatives: Derivatives { g: vec![0; filled], h: vec![0; filled] },
            nodes: vec![0; filled],
            sides: vec![0; filled / LANES],
        }
    }

    /// Begins a tree: turns gradients into integers, and sums them up. Nothing where they are not finite.
    pub(super) fn plant(&mut self, gradients: &[Gradient]) -> Option<(Scales, Sums)> {
        let largest = |of: usize| {
            let largest = |largest: u32, gradient: &Gradient| largest.max(gradient[of].abs().to_bits());
            f32::from_bits(gradients.iter().fold(0, largest))
        };
        let (g, h) = (largest(0), largest(1));
        if !g.is_finite() || !h.is_finite() {
            return None;
        }
        let scales = Scales { g: scale(g), h: scale(h) };
        let mut sums = Sums::default();
        let Derivatives { g, h } = &mut self.derivatives;
        for ((to_g, to_h), [g, h]) in g.iter_mut().zip(h).zip(gradients) {
            (*to_g, *to_h) = (scales.g.fixed(*g), scales.h.fixed(*h));
            sums += Sums { g: (*to_g).into(), h: (*to_h).into() };
        }
        self.nodes.fill(0);
        Some((scales, sums))
    }

    /// Sends each row to a side.
    pub(super) fn part(&mut self, workers: &dyn Workers, asked: &[Asked], columns: &[&Column], missing: u16) {
        let size = piece_size(workers, self.nodes.len(), LEAST_ROWS, 1).next_multiple_of(BLOCK);
        let pieces = self.nodes.chunks_mut(size).zip(self.sides.chunks_mut(size / LANES));
        each(workers, &mut pieces.collect::<Vec<_>>(), |index, (nodes, sides)| {
            let blocks = nodes.chunks_mut(BLOCK).zip(sides.chunks_mut(BLOCK / LANES));
            for (block, (nodes, sides)) in blocks.enumerate() {
                part(nodes, sides, index * size + block * BLOCK, asked, columns, missing);
            }
        });
    }

    /// Adds the value of its leaf to the margin of each row.
    pub(super) fn add(&self, workers: &dyn Workers, values: &[f32], margins: &mut [f32]) {
        let size = piece_size(workers, margins.len(), LEAST_ROWS, 1);
        let pieces = margins.chunks_mut(size).zip(self.nodes.chunks(size));
        each(workers, &mut pieces.collect::<Vec<_>>(), |_, (margins, nodes)| {
            for (margins, nodes) in margins.chunks_mut(BLOCK).zip(nodes.chunks(BLOCK)) {
                let mut found = [0_u32; BLOCK];
                for (number, value) in (0_u16..).zip(values) {
                    let bits = value.to_bits();
                    for (found, node) in found.iter_mut().zip(nodes) {
                        *found |= bits & 0_u32.wrapping_sub(u32::from(*node == number));
                    }
                }
                margins.iter_mut().zip(found).for_each(|(margin, bits)| *margin += f32::from_bits(bits));
            }
        });
    }
}

/// [`Scale::of`].
fn scale(largest: f32) -> Scale {
    let bits = f64::from(largest).to_bits();
    // As single precision has it, it is 0 or at least 2^-149; 0 has the exponent of 1.
    let exponent = (bits >> 52).cast_signed() - 1022;
    let some = -i64::from(bits != 0);
    Scale::by(power, exponent & some)
}

fn part(
    nodes: &mut [u16],
    sides: &mut [u8],
    first: usize,
    asked: &[Asked],
    columns: &[&Column],
    missing: u16,
) {
    let (mut features, mut bins, mut defaults) = ([0_u16; BLOCK], [0_u16; BLOCK], [0_u16; BLOCK]);
    for (number, asked) in (0_u16..).zip(asked) {
        let slots = features.iter_mut().zip(&mut bins).zip(&mut defaults);
        for (((feature, bin), default), node) in slots.zip(nodes.iter()) {
            let own = 0_u16.wrapping_sub(u16::from(*node == number));
            *feature |= asked.feature & own;
            *bin |= asked.bins & own;
            *default |= asked.default_left & own;
        }
    }
    let mut found = [0_u16; BLOCK];
    for (number, column) in (0_u16..).zip(columns) {
        let values = &column.bins[first..][..nodes.len()];
        for ((found, feature), value) in found.iter_mut().zip(&features).zip(values) {
            *found |= value & 0_u16.wrapping_sub(u16::from(*feature == number));
        }
    }
    let mut right = [0_u16; BLOCK];
    for (at, right) in right.iter_mut().enumerate() {
        let below = u16::from(found[at] < bins[at]);
        let gone = u16::from(found[at] == missing) & defaults[at];
        *right = 1 ^ (below | gone & 1);
    }
    nodes.iter_mut().zip(&right).for_each(|(node, right)| *node = 2 * *node + right);
    for (side, right) in sides.iter_mut().zip(right.as_chunks::<LANES>().0) {
        *side =
            right.iter().enumerate().fold(0, |side, (lane, right)| side | (right.to_le_bytes()[0] << lane));
    }
}
