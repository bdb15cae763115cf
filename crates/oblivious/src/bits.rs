//! Decisions without branches: a mask is all ones for yes, and zero for no.

use std::hint::black_box;

pub(crate) const YES: u64 = u64::MAX;

/// A mask of the lowest bit. The optimiser does not see that it has two values only, and makes no branch of it.
#[must_use]
pub fn mask(bit: u64) -> u64 {
    black_box(0_u64.wrapping_sub(bit & 1))
}

/// `a` where the mask is yes, else `b`.
#[must_use]
pub fn select(mask: u64, a: u64, b: u64) -> u64 {
    b ^ (mask & (a ^ b))
}

pub(crate) fn is_zero(a: u64) -> u64 {
    mask(((a | a.wrapping_neg()) >> 63) ^ 1)
}

/// Are these numbers of several words equal?
pub(crate) fn equal(a: &[u64], b: &[u64]) -> u64 {
    is_zero(a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)))
}

/// Is the first of two numbers of several words, highest first, the less? What is left of a subtraction says so.
pub(crate) fn less(a: &[u64], b: &[u64]) -> u64 {
    let borrow = a.iter().zip(b).rev().fold(0, |borrow, (a, b)| {
        let (rest, first) = a.overflowing_sub(*b);
        let (_, second) = rest.overflowing_sub(borrow);
        u64::from(first | second)
    });
    mask(borrow)
}

/// Exchanges two rows where the mask is yes.
pub(crate) fn exchange(mask: u64, a: &mut [u64], b: &mut [u64]) {
    for (a, b) in a.iter_mut().zip(b) {
        let change = (*a ^ *b) & mask;
        *a ^= change;
        *b ^= change;
    }
}

/// Puts `from` over `to` where the mask is yes.
pub(crate) fn assign(mask: u64, to: &mut [u64], from: &[u64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = select(mask, *from, *to);
    }
}

/// As [`is_zero`], for masks that go into memory before they are used: there the optimiser does not know how they were made.
pub(crate) fn zero(a: u64) -> u64 {
    ((a | a.wrapping_neg()) >> 63).wrapping_sub(1)
}
