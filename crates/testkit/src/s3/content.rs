//! What an object holds: pieces as they came from the socket, bytes made from a seed, or nothing.
//!
//! A body is kept as a *rope* of the buffers it arrived in, and a range of it is handed out as slices
//! of them. Putting, completing a multipart upload, copying and reading therefore copy no byte, with
//! one exception: pieces below [`SMALL_BYTES`] are joined, so that neither bookkeeping nor half-empty
//! buffers outweigh the data.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::synthetic::Generated;

/// Below this a copy is cheaper than a piece of its own (32 bytes, and the rest of its buffer).
const SMALL_BYTES: usize = 16 << 10;

/// The bytes of an object or part.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// In memory.
    Held(Rope),
    /// Made on the fly.
    Generated(Generated),
    /// Counted and thrown away.
    Dropped(u64),
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Held(rope) => rope.len(),
            Self::Generated(generated) => generated.len(),
            Self::Dropped(len) => *len,
        }
    }

    /// The pieces of a range, without copying; `None` where the bytes were thrown away.
    pub(super) fn pieces(&self, range: Range<u64>) -> Option<Pieces> {
        match self {
            Self::Dropped(_) => None,
            content => Some(Pieces { content: content.clone(), at: range.start, end: range.end }),
        }
    }

    /// The same bytes with one bit turned over; `None` where there are none to turn.
    pub(super) fn flipped(&self, bit: u64) -> Option<Self> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        let victim = (bit / 8) % len;
        let mut rope = RopeBuilder::default();
        let mut at = 0;
        for piece in self.pieces(0..len)? {
            let end = at + piece.len() as u64;
            if (at..end).contains(&victim) {
                let mut own = BytesMut::from(&piece[..]);
                own[(victim - at) as usize] ^= 1 << (bit % 8);
                rope.push(own.freeze());
            } else {
                rope.push(piece);
            }
            at = end;
        }
        Some(Self::Held(rope.finish()))
    }

    /// Other bytes of the same length: every one differs.
    pub(super) fn replaced(&self) -> Option<Self> {
        let mut rope = RopeBuilder::default();
        for piece in self.pieces(0..self.len())? {
            rope.push(piece.iter().map(|byte| byte.wrapping_add(1)).collect::<Vec<_>>().into());
        }
        Some(Self::Held(rope.finish()))
    }

    /// Everything in one buffer.
    pub(super) fn gathered(&self) -> Option<Bytes> {
        let mut whole = BytesMut::with_capacity(self.len() as usize);
        let mut pieces = self.pieces(0..self.len())?;
        let first = pieces.next().unwrap_or_default();
        if first.len() as u64 == self.len() {
            return Some(first);
        }
        whole.extend_from_slice(&first);
        pieces.for_each(|piece| whole.extend_from_slice(&piece));
        Some(whole.freeze())
    }
}

/// Slices of a content, in order.
pub(super) struct Pieces {
    content: Content,
    at: u64,
    end: u64,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.at >= self.end {
            return None;
        }
        let mut piece = match &self.content {
            Content::Held(rope) => rope.from(self.at),
            Content::Generated(generated) => generated.from(self.at),
            Content::Dropped(_) => return None,
        };
        piece.truncate((self.end - self.at).min(piece.len() as u64) as usize);
        self.at += piece.len() as u64;
        (!piece.is_empty()).then_some(piece)
    }
}

/// Buffers one after the other, shared between whoever reads them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rope {
    /// Each with the offset where it ends.
    pieces: Arc<[(u64, Bytes)]>,
}

impl Rope {
    fn len(&self) -> u64 {
        self.pieces.last().map_or(0, |(end, _)| *end)
    }

    /// The rest of the piece that holds `offset`.
    fn from(&self, offset: u64) -> Bytes {
        let index = self.pieces.partition_point(|(end, _)| *end <= offset);
        let Some((end, bytes)) = self.pieces.get(index) else { return Bytes::new() };
        bytes.slice(bytes.len() - (end - offset) as usize..)
    }
}

/// Collects pieces as they come.
#[derive(Default)]
pub(super) struct RopeBuilder {
    pieces: Vec<(u64, Bytes)>,
    /// Small pieces, not yet one of their own.
    small: BytesMut,
    len: u64,
}

impl RopeBuilder {
    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.len() < SMALL_BYTES {
            self.small.extend_from_slice(&bytes);
            if self.small.len() >= SMALL_BYTES {
                self.close_small();
            }
        } else {
            self.close_small();
            self.append(bytes);
        }
    }

    /// The pieces of a part, kept as they are.
    pub(super) fn push_rope(&mut self, rope: &Rope) {
        self.close_small();
        rope.pieces.iter().for_each(|(_, bytes)| self.append(bytes.clone()));
    }

    pub(super) fn finish(mut self) -> Rope {
        self.close_small();
        Rope { pieces: self.pieces.into() }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            let bytes = self.small.split().freeze();
            self.append(bytes);
        }
    }

    fn append(&mut self, bytes: Bytes) {
        self.len += bytes.len() as u64;
        self.pieces.push((self.len, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(sizes: &[usize]) -> (Content, Vec<u8>) {
        let mut rope = RopeBuilder::default();
        let mut plain = Vec::new();
        for (index, size) in sizes.iter().enumerate() {
            let piece: Vec<u8> = (0..*size).map(|at| (at * 7 + index) as u8).collect();
            plain.extend_from_slice(&piece);
            rope.push(piece.into());
        }
        (Content::Held(rope.finish()), plain)
    }

    #[test]
    fn any_range_of_a_rope_is_the_same_range_of_its_bytes() {
        let (content, plain) = content(&[3, 20_000, 0, 5, 9_000, 9_000, 40_000, 1]);
        assert_eq!(content.len(), plain.len() as u64);
        for (start, end) in [(0, 0), (0, 1), (2, 4), (0, plain.len()), (19_999, 20_010), (50_000, 78_009)] {
            let read: Vec<u8> =
                content.pieces(start as u64..end as u64).unwrap().flat_map(|piece| piece.to_vec()).collect();
            assert_eq!(read, plain[start..end], "{start}..{end}");
        }
        assert_eq!(content.gathered().unwrap(), plain);
    }

    #[test]
    fn one_flipped_bit_differs_in_one_bit() {
        let (content, plain) = content(&[20_000, 30_000]);
        let flipped = content.flipped(25_000 * 8 + 3).unwrap().gathered().unwrap();
        let ones: u32 = plain.iter().zip(&flipped).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!((ones, flipped[25_000] ^ plain[25_000]), (1, 8));
    }
}
