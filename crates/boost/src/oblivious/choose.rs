//! Decisions without branches, for numbers of several kinds.

use welkin_oblivious::{mask, select};

/// All ones for yes, and zero for no. The optimiser does not see that there are only two values.
#[inline]
pub(super) fn flag(yes: bool) -> u64 {
    mask(u64::from(yes))
}

/// One of two numbers, as the mask says.
#[inline]
pub(super) fn choose(yes: u64, a: f64, b: f64) -> f64 {
    f64::from_bits(select(yes, a.to_bits(), b.to_bits()))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "of single precision, as it came")]
pub(super) fn choose_single(yes: u64, a: f32, b: f32) -> f32 {
    f32::from_bits(select(yes, a.to_bits().into(), b.to_bits().into()) as u32)
}
