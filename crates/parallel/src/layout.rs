//! How a tensor lies on a mesh: along each axis it is the same everywhere, a part of one dimension, or a part of a sum.

use crate::cluster::{AXES, MOST_AXES};
use crate::model::Value;
use std::fmt;

/// What one axis of a mesh does to a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Along {
    /// Every device has the same.
    Same,
    /// The tensor is the sum of what devices have.
    Partial,
    /// Each device has a block of this dimension.
    Split(u8),
}

/// What each axis of a mesh does to a tensor. Where several split one dimension, the outer one is the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Layout(pub(crate) [Along; MOST_AXES]);

impl Layout {
    /// The same everywhere.
    pub(crate) const WHOLE: Self = Self([Along::Same; MOST_AXES]);

    /// On a mesh of fewer axes than there can be.
    #[cfg(test)]
    pub(crate) fn of<const AXES: usize>(along: [Along; AXES]) -> Self {
        along.into_iter().enumerate().fold(Self::WHOLE, |layout, (axis, along)| layout.with(axis, along))
    }

    pub(crate) fn with(mut self, axis: usize, along: Along) -> Self {
        self.0[axis] = along;
        self
    }

    /// Axes that split a dimension, as bits.
    pub(crate) fn axes_of(self, dim: usize) -> usize {
        self.axes_where(|along| matches!(along, Along::Split(of) if usize::from(of) == dim))
    }

    pub(crate) fn axes_where(self, which: impl Fn(Along) -> bool) -> usize {
        self.0.iter().enumerate().filter(|(_, along)| which(**along)).map(|(axis, _)| 1 << axis).sum()
    }

    pub(crate) fn is_partial(self) -> bool {
        self.0.contains(&Along::Partial)
    }

    /// Into how many blocks it is split.
    pub(crate) fn blocks(self, sizes: &[u64]) -> u64 {
        let split = self.0.iter().zip(sizes).filter(|(along, _)| matches!(along, Along::Split(_)));
        split.map(|(_, size)| *size).product()
    }

    /// Bytes that one device holds.
    pub(crate) fn local_bytes(self, value: &Value, sizes: &[u64]) -> f64 {
        value.bytes as f64 / self.blocks(sizes) as f64
    }

    /// Whether all blocks are equal.
    pub(crate) fn divides(self, shape: &[u64], sizes: &[u64]) -> bool {
        shape.iter().enumerate().all(|(dim, size)| {
            let axes = self
                .0
                .iter()
                .zip(sizes)
                .filter(|(along, _)| matches!(along, Along::Split(of) if usize::from(*of) == dim));
            let blocks: u64 = axes.map(|(_, size)| *size).product();
            size.is_multiple_of(blocks) && (blocks == 1 || *size > 0)
        })
    }

    /// For each dimension the axes that split it, the outer one first; then the axes along which it is a partial sum.
    pub(crate) fn spec(self, dims: usize) -> (Vec<Vec<&'static str>>, Vec<&'static str>) {
        let named = |axes: usize| {
            (0..MOST_AXES).filter(|axis| axes & (1 << axis) != 0).map(|axis| AXES[axis]).collect()
        };
        let partial = self.axes_where(|along| along == Along::Partial);
        ((0..dims).map(|dim| named(self.axes_of(dim))).collect(), named(partial))
    }
}

impl fmt::Display for Along {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => out.write_str("same"),
            Self::Partial => out.write_str("partial"),
            Self::Split(dim) => write!(out, "split {dim}"),
        }
    }
}

/// All layouts of a tensor on a mesh, the whole one first.
pub(crate) fn layouts(shape: &[u64], sizes: &[u64]) -> Vec<Layout> {
    let mut all = vec![Layout::WHOLE];
    for axis in 0..sizes.len() {
        let before = std::mem::take(&mut all);
        for layout in before {
            all.push(layout);
            all.push(layout.with(axis, Along::Partial));
            let dims = (0..).zip(shape).map(|(dim, _)| layout.with(axis, Along::Split(dim)));
            all.extend(dims.filter(|layout| layout.divides(shape, sizes)));
        }
    }
    all
}
