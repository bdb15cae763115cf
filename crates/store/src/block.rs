//! A part of an object in memory, hashed when it was first read and checked when it is last written.
//!
//! Two sums are taken of every byte while it is still in the processor's cache, soon after it arrives:
//!
//! * **BLAKE3**, as the subtree of the object that the part is: the *chaining value*. Parts begin at
//!   multiples of their power-of-two length, so the chaining values of all parts, in whatever order
//!   they were made, merge into the BLAKE3 hash of the whole object ([`crate::hash`]). This is what
//!   goes into manifests and what a verification compares.
//! * **CRC-64/NVME**: the sum that S3 takes in `x-amz-checksum-crc64nvme`. It is checked again
//!   slice by slice while the part is handed to a socket, and the last slice is held back until
//!   the sum is right: what flipped in memory never becomes an object. Any single flipped bit and any burst of up to
//!   64 bits changes it.
//!
//! A socket gives bytes in pieces of any length, and BLAKE3 is fast on long subtrees that begin at multiples of their
//! length alone: what begins or ends elsewhere is hashed chunk by chunk. So sums are taken of 128 KiB at a time, wherever
//! the pieces ended.
//!
//! *Guarantee:* [`Block::slices`] never yields its last slice of a block that is not what was read.
//!
//! *Rejected:* BLAKE3 a second time on the way out: 0.2 CPU-seconds a GB more, to catch nothing that a
//! CRC of 64 bits misses in memory faults. Where the last write can be read back or the far end can
//! hash (files, gateways), BLAKE3 is what is compared.

mod pool;

pub use pool::{BlockPool, Buffer};

use crate::hash::ChainingValue;
use blake3::hazmat::HasherExt;
use crc_fast::{CrcAlgorithm, Digest};
use thiserror::Error;

/// Bytes that are hashed, checked and sent at a time: a quarter of a second-level cache of 2 MiB, and few
/// enough system calls.
pub const SLICE_BYTES: usize = 512 << 10;

/// Bytes that sums are taken of at a time, as a block fills: whole subtrees of BLAKE3, 128 of its chunks, and few enough
/// to be in the second-level cache when it is their turn.
const SUM_BYTES: usize = 128 << 10;

/// A block that does not hold any more what was read into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{length} bytes at offset {offset} changed in memory between reading and writing")]
pub struct Flipped {
    /// Where the block belongs in its object.
    pub offset: u64,
    /// Its length in bytes.
    pub length: usize,
}

/// A part of an object, complete and summed.
#[derive(Debug)]
pub struct Block {
    buffer: Buffer,
    length: usize,
    offset: u64,
    crc64: u64,
    chaining: ChainingValue,
    whole: bool,
}

impl Block {
    /// Its bytes. Whoever writes them somewhere goes through [`Block::slices`] instead.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// Its bytes for tests that damage them.
    #[doc(hidden)]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let length = self.length;
        &mut self.buffer[..length]
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Where it begins in its object.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// CRC-64/NVME of its bytes, as first read.
    #[must_use]
    pub fn crc64(&self) -> u64 {
        self.crc64
    }

    /// BLAKE3 of its bytes, as first read, as a subtree of its object.
    #[must_use]
    pub fn chaining(&self) -> ChainingValue {
        self.chaining
    }

    /// Whether it is all there is of its object, so that its chaining value is the object's hash.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Its bytes in order, checked on the way.
    #[must_use]
    pub fn slices(&self) -> Slices<'_> {
        Slices { block: self, at: 0, crc: Digest::new(CrcAlgorithm::Crc64Nvme) }
    }

    /// Checks all of it at once, as who writes from memory does who cannot take slices.
    ///
    /// # Errors
    /// [`Flipped`].
    pub fn check(&self) -> Result<&[u8], Flipped> {
        let mut slices = self.slices();
        while slices.next_slice()?.is_some() {}
        Ok(self.bytes())
    }
}

/// The checked bytes of a block.
#[derive(Debug)]
pub struct Slices<'a> {
    block: &'a Block,
    at: usize,
    crc: Digest,
}

impl<'a> Slices<'a> {
    /// The next piece of at most [`SLICE_BYTES`]; `None` after the last.
    ///
    /// # Errors
    /// [`Flipped`] in place of the last piece.
    pub fn next_slice(&mut self) -> Result<Option<&'a [u8]>, Flipped> {
        let bytes = self.block.bytes();
        if self.at == bytes.len() {
            return Ok(None);
        }
        let end = bytes.len().min(self.at + SLICE_BYTES);
        let slice = &bytes[self.at..end];
        self.crc.update(slice);
        if end == bytes.len() && self.crc.finalize() != self.block.crc64 {
            return Err(Flipped { offset: self.block.offset, length: bytes.len() });
        }
        self.at = end;
        Ok(Some(slice))
    }
}

/// A block being read: whoever reads fills [`BlockWriter::spare`] and says how much.
#[derive(Debug)]
pub struct BlockWriter {
    buffer: Buffer,
    length: usize,
    /// How much of that the sums are of.
    summed: usize,
    wanted: usize,
    offset: u64,
    whole: bool,
    hasher: blake3::Hasher,
    crc: Digest,
}

impl BlockWriter {
    /// For `wanted` bytes at `offset` of an object; `whole` when they are all there is of it.
    ///
    /// # Panics
    /// When the buffer is shorter, or when a part does not begin at a multiple of a power of two that
    /// is at least its length: its hash could not be merged.
    #[must_use]
    pub fn new(buffer: Buffer, offset: u64, wanted: usize, whole: bool) -> Self {
        assert!(wanted <= buffer.len(), "{wanted} bytes do not fit a buffer of {}", buffer.len());
        let mut hasher = blake3::Hasher::new();
        if !whole && offset > 0 {
            hasher.set_input_offset(offset);
        }
        let crc = Digest::new(CrcAlgorithm::Crc64Nvme);
        Self { buffer, length: 0, summed: 0, wanted, offset, whole, hasher, crc }
    }

    /// Room for what is still wanted, at most [`SLICE_BYTES`], so that it is hashed while it is hot.
    pub fn spare(&mut self) -> &mut [u8] {
        let end = self.wanted.min(self.length + SLICE_BYTES);
        &mut self.buffer[self.length..end]
    }

    /// Takes over the first `count` bytes of [`BlockWriter::spare`].
    ///
    /// # Panics
    /// When that is more than there was room for.
    pub fn advance(&mut self, count: usize) {
        let end = self.length + count;
        assert!(end <= self.wanted, "more bytes than were asked for");
        self.length = end;
        self.sum(if end == self.wanted { end } else { end - end % SUM_BYTES });
    }

    /// Takes the sums up to here.
    fn sum(&mut self, end: usize) {
        let fresh = &self.buffer[self.summed..end];
        self.hasher.update(fresh);
        self.crc.update(fresh);
        self.summed = end;
    }

    /// Copies bytes in that were read elsewhere; how many of them fitted.
    pub fn extend(&mut self, mut bytes: &[u8]) -> usize {
        let mut taken = 0;
        while !bytes.is_empty() && self.missing() > 0 {
            let spare = self.spare();
            let count = spare.len().min(bytes.len());
            spare[..count].copy_from_slice(&bytes[..count]);
            self.advance(count);
            bytes = &bytes[count..];
            taken += count;
        }
        taken
    }

    /// Where the block begins in its object.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are wanted, where they are all that there is of the object.
    #[must_use]
    pub fn whole_length(&self) -> Option<usize> {
        self.whole.then_some(self.wanted)
    }

    /// How many bytes are still to come.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.wanted - self.length
    }

    /// How many have come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether none has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Forgets what came, to read again after a failure.
    #[must_use]
    pub fn restart(self) -> Self {
        Self::new(self.buffer, self.offset, self.wanted, self.whole)
    }

    /// The block, once everything has come; the writer again while something is missing.
    ///
    /// # Errors
    /// The writer, unchanged.
    pub fn finish(self) -> Result<Block, Box<Self>> {
        if self.missing() > 0 {
            return Err(Box::new(self));
        }
        Ok(self.sealed())
    }

    /// The block of what has come, where the object ends here; `whole` when this is all there is of it.
    ///
    /// # Panics
    /// When it is said to be whole and does not begin at the beginning, or is a part without bytes.
    #[must_use]
    pub fn end(mut self, whole: bool) -> Block {
        assert!(if whole { self.offset == 0 } else { self.length > 0 }, "no such part of an object");
        self.wanted = self.length;
        self.whole = whole;
        self.sealed()
    }

    fn sealed(mut self) -> Block {
        self.sum(self.length);
        let chaining = if self.whole {
            ChainingValue::root(self.hasher.finalize())
        } else {
            ChainingValue::subtree(self.hasher.finalize_non_root())
        };
        Block {
            buffer: self.buffer,
            length: self.length,
            offset: self.offset,
            crc64: self.crc.finalize(),
            chaining,
            whole: self.whole,
        }
    }
}

#[cfg(test)]
mod tests;
