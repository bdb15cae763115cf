//! Masks.
//!
//! Two parties that share a secret draw the same numbers from it, for each question others; one adds them to its answer and
//! the other subtracts them, so that they are gone from the sum and from nothing else. An answer of one party alone is,
//! to whoever lacks one of its secrets, numbers that are equally likely to be any.

use super::numbers::{self, combine};
use super::peaks;

/// Numbers that are drawn from secrets. They must look random to whoever has not the secret, and be the same whenever they
/// are drawn again for the same question.
pub trait Pads {
    /// How many other parties there are.
    fn others(&self) -> usize;

    /// Whether this party adds what it shares with another one, which then subtracts it.
    fn adds(&self, other: usize) -> bool;

    /// Draws what this party shares with another: piece number `piece` of the numbers for a question.
    fn shared(&self, other: usize, question: u64, piece: u32, into: &mut [u8]);

    /// Draws from a secret of this party alone.
    fn own(&self, question: u64, into: &mut [u8]);
}

/// No masks: for parties that trust whoever adds up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

impl Pads for Bare {
    fn others(&self) -> usize {
        0
    }

    fn adds(&self, _other: usize) -> bool {
        true
    }

    fn shared(&self, _other: usize, _question: u64, _piece: u32, _into: &mut [u8]) {}

    fn own(&self, _question: u64, into: &mut [u8]) {
        // Anything that is not 0 does: see `peaks`.
        into.fill(1);
    }
}

/// Bytes that are drawn at once.
const PIECE: usize = 1 << 16;

/// Masks an answer of numbers of that width.
pub(crate) fn mask(pads: &dyn Pads, question: u64, width: usize, answer: &mut [u8]) {
    let size = PIECE / width * width;
    let mut drawn = vec![0; size.min(answer.len())];
    for other in 0..pads.others() {
        for (piece, answer) in (0..).zip(answer.chunks_mut(size)) {
            let drawn = &mut drawn[..answer.len()];
            pads.shared(other, question, piece, drawn);
            combine(width, answer, drawn, pads.adds(other));
        }
    }
}

/// The same for numbers that are still words, which are several times faster to add to: they get the same masks.
pub(crate) fn mask_words(pads: &dyn Pads, question: u64, width: usize, answer: &mut [u64]) {
    let size = PIECE / width;
    let mut drawn = vec![0; width * size.min(answer.len())];
    for (piece, answer) in (0..).zip(answer.chunks_mut(size)) {
        let drawn = &mut drawn[..width * answer.len()];
        for other in 0..pads.others() {
            pads.shared(other, question, piece, drawn);
            numbers::gather(width, drawn, answer, pads.adds(other));
        }
    }
}

/// Random numbers for as many peaks, for [`peaks::pack`].
pub(crate) fn noise(pads: &dyn Pads, question: u64, peaks: usize) -> Vec<u8> {
    let mut noise = vec![0; peaks * peaks::BYTES];
    pads.own(question, &mut noise);
    noise
}
