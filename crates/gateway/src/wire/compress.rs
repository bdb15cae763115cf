//! Compression where it pays: a sample decides, and the link has to be slower than the compressor.
//!
//! 1. The first [`SAMPLE_BYTES`] of a piece are compressed with zstd at level 1. Unless that saves a tenth, the piece
//!    goes as it is; data that does not compress costs 64 KiB of work for a megabyte.
//! 2. No piece is tried on a lane that moves more than [`SLOW_LINK`]: there the compressor would be what is waited for.
//! 3. What arrives compressed says how long it is. Decompression stops at that length, so a bomb fills no more memory
//!    than a piece has.
//!
//! *Rejected:* LZ4. It compresses at the same speed to twice the length on text (2.9 times smaller against 1.5), and
//! the links that are worth compressing for are slow. The price of zstd is 8 seconds of processor time for a build.

use crate::error::LaneError;
use crate::wire::frame::{FrameError, MAX_PIECE_BYTES};
use std::cell::RefCell;
use zstd::bulk::{Compressor, Decompressor};

/// What is tried before the whole piece is.
const SAMPLE_BYTES: usize = 64 << 10;

/// Pieces below this are not worth a try: their headers weigh as much as what is saved.
const SHORTEST: usize = 4 << 10;

/// Bytes a second above which a lane does not compress: about what a core compresses text to at level 1 (0.3 GB/s of
/// input to 0.1 GB/s), with all lanes of a path in mind.
const SLOW_LINK: f64 = 40e6;

const LEVEL: i32 = 1;

/// Whether a lane compresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Never.
    Off,
    /// Where a sample says that it pays and the link is slow.
    #[default]
    Adaptive,
    /// Where a sample says that it saves bytes, however fast the link.
    Always,
}

thread_local! {
    /// One for all lanes of a thread: it has a megabyte of tables, and is never left in the middle of a piece.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// What compresses for a lane.
pub(crate) struct Squeeze {
    when: Compression,
    rate: f64,
    memory: Vec<u8>,
}

impl std::fmt::Debug for Squeeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Squeeze").field("when", &self.when).field("rate", &self.rate).finish_non_exhaustive()
    }
}

impl Squeeze {
    pub(crate) fn new(when: Compression) -> Self {
        Self { when, rate: f64::INFINITY, memory: Vec::new() }
    }

    /// What the lane moves now, in bytes a second.
    pub(crate) fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// The piece, shorter, if that pays.
    pub(crate) fn press(&mut self, piece: &[u8]) -> Option<&[u8]> {
        let pays = match self.when {
            Compression::Off => false,
            Compression::Adaptive => self.rate < SLOW_LINK,
            Compression::Always => true,
        };
        if !pays || piece.len() < SHORTEST {
            return None;
        }
        let sample = &piece[..piece.len().min(SAMPLE_BYTES)];
        let mut length = self.compress(sample)?;
        if sample.len() < piece.len() {
            length = self.compress(piece)?;
        }
        (length < piece.len()).then(|| &self.memory[..length])
    }

    /// Length of `input` compressed, if that saves a tenth.
    fn compress(&mut self, input: &[u8]) -> Option<usize> {
        let most = input.len() - input.len() / 10;
        self.memory.resize(self.memory.len().max(most), 0);
        COMPRESSOR.with_borrow_mut(|compressor| {
            if compressor.is_none() {
                *compressor = Compressor::new(LEVEL).ok();
            }
            // It does not fit into nine tenths: then it does not save one.
            compressor.as_mut()?.compress_to_buffer(input, &mut self.memory[..most]).ok()
        })
    }

    /// Lets go of memory that the next piece may not need.
    pub(crate) fn shrink(&mut self) {
        self.memory = Vec::new();
    }
}

thread_local! {
    /// As the other.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The other end.
#[derive(Debug, Default)]
pub(crate) struct Unsqueeze;

impl Unsqueeze {
    /// Writes what `input` stands for into `place`, which it has to fill exactly.
    pub(crate) fn expand(input: &[u8], place: &mut [u8]) -> Result<(), LaneError> {
        debug_assert!(place.len() <= MAX_PIECE_BYTES, "the header was checked");
        let length = DECOMPRESSOR.with_borrow_mut(|decompressor| {
            if decompressor.is_none() {
                *decompressor = Some(Decompressor::new().map_err(LaneError::Io)?);
            }
            Ok::<_, LaneError>(
                decompressor.as_mut().and_then(|it| it.decompress_to_buffer(input, place).ok()),
            )
        })?;
        match length {
            Some(length) if length == place.len() => Ok(()),
            _ => Err(FrameError::Malformed("its piece does not decompress to what it says").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Vec<u8> {
        b"the quick brown fox jumps over the lazy dog; ".iter().copied().cycle().take(length).collect()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn text_shrinks_and_comes_back() {
        let mut squeeze = Squeeze::new(Compression::Always);
        for length in [SHORTEST, SAMPLE_BYTES, SAMPLE_BYTES + 1, MAX_PIECE_BYTES] {
            let text = text(length);
            let small = squeeze.press(&text).unwrap().to_vec();
            assert!(small.len() < length / 2);
            let mut place = vec![0; length];
            Unsqueeze::expand(&small, &mut place).unwrap();
            assert_eq!(place, text);
        }
    }

    #[test]
    fn noise_and_fast_links_are_left_alone() {
        assert!(Squeeze::new(Compression::Always).press(&noise(MAX_PIECE_BYTES)).is_none());
        let mut mixed = text(SAMPLE_BYTES);
        mixed.extend(noise(MAX_PIECE_BYTES - SAMPLE_BYTES));
        assert!(Squeeze::new(Compression::Always).press(&mixed).is_none());
        let mut adaptive = Squeeze::new(Compression::Adaptive);
        assert!(adaptive.press(&text(SAMPLE_BYTES)).is_none());
        adaptive.set_rate(1e6);
        assert!(adaptive.press(&text(SAMPLE_BYTES)).is_some());
    }

    #[test]
    fn bombs_and_noise_are_refused() {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
        let mut place = vec![1; 1000];
        assert!(Unsqueeze::expand(&bomb, &mut place).is_err());
        assert!(Unsqueeze::expand(&noise(900), &mut place).is_err());
    }
}
