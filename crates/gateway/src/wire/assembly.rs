//! A message that arrives in pieces, in any order, some of them twice.
//!
//! *Guarantee:* it is complete when every byte of its body and its head have come, and not before; bytes that came
//! once are not written again, so a late repetition cannot change what somebody already read. *Bound:*
//! [`MAX_RANGES`] separate ranges, so a peer that sends every second byte is refused rather than remembered.

use crate::wire::frame::{FrameError, HEADED, Header};
use std::ops::DerefMut;

/// Most separate ranges of a body: one for each lane that there can be, and then some.
const MAX_RANGES: usize = 1024;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Assembly<M> {
    memory: M,
    total: usize,
    head: Option<Vec<u8>>,
    /// What has come: ranges that do not touch, in order.
    have: Vec<(usize, usize)>,
}

impl<M: DerefMut<Target = [u8]>> Assembly<M> {
    /// For a body of `total` bytes in `memory`.
    ///
    /// # Panics
    /// When it does not fit.
    pub(crate) fn new(memory: M, total: usize) -> Self {
        assert!(total <= memory.len(), "{total} bytes do not fit {}", memory.len());
        Self { memory, total, head: None, have: Vec::new() }
    }

    /// Adds a piece, and says whether that was the last that was missing.
    pub(crate) fn add(&mut self, header: &Header, head: &[u8], piece: &[u8]) -> Result<bool, FrameError> {
        if header.total as usize != self.total {
            return Err(FrameError::Malformed("two pieces disagree on the length of their message"));
        }
        if header.has(HEADED) && self.head.is_none() {
            self.head = Some(head.to_vec());
        }
        let (start, end) = (header.offset as usize, header.offset as usize + piece.len());
        for (from, to) in self.gaps(start, end) {
            self.memory[from..to].copy_from_slice(&piece[from - start..to - start]);
        }
        self.note(start, end)?;
        Ok(self.is_complete())
    }

    pub(crate) fn is_complete(&self) -> bool {
        let covered = self.total == 0 || self.have == [(0, self.total)];
        covered && self.head.is_some()
    }

    /// Head, memory and length of the body.
    pub(crate) fn into_parts(self) -> (Vec<u8>, M, usize) {
        (self.head.unwrap_or_default(), self.memory, self.total)
    }

    /// Parts of `start..end` that have not come.
    fn gaps(&self, start: usize, end: usize) -> Vec<(usize, usize)> {
        let mut gaps = Vec::new();
        let mut at = start;
        for &(from, to) in self.have.iter().filter(|(from, to)| *from < end && *to > start) {
            if from > at {
                gaps.push((at, from));
            }
            at = at.max(to);
        }
        if at < end {
            gaps.push((at, end));
        }
        gaps
    }

    fn note(&mut self, start: usize, end: usize) -> Result<(), FrameError> {
        if start == end {
            return Ok(());
        }
        let first = self.have.partition_point(|(_, to)| *to < start);
        let last = self.have.partition_point(|(from, _)| *from <= end);
        let merged = self.have[first..last]
            .iter()
            .fold((start, end), |(from, to), range| (from.min(range.0), to.max(range.1)));
        self.have.splice(first..last, [merged]);
        if self.have.len() > MAX_RANGES {
            return Err(FrameError::Malformed("its message comes in too many crumbs"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::Kind;
    use proptest::prelude::*;

    fn header(total: usize, offset: usize, headed: bool) -> Header {
        Header {
            total: total as u32,
            offset: offset as u32,
            flags: if headed { HEADED } else { 0 },
            ..Header::bare(Kind::Call, 1)
        }
    }

    proptest! {
        #[test]
        fn any_order_with_repetitions_makes_the_whole(
            total in 0_usize..3000,
            pieces in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..700), 0..60),
        ) {
            let content: Vec<u8> = (0..total).map(|at| (at * 7 % 251) as u8).collect();
            let mut assembly = Assembly::new(vec![0; total], total);
            let mut seen = vec![false; total];
            let cuts = pieces.iter().filter(|_| total > 0).map(|(at, length)| {
                let start = at.index(total);
                (start, total.min(start + length))
            });
            for (start, end) in cuts.collect::<Vec<_>>() {
                let done = assembly.add(&header(total, start, false), &[], &content[start..end]).unwrap();
                seen[start..end].fill(true);
                prop_assert!(!done);
            }
            let complete = assembly.add(&header(total, 0, true), b"head", &[]).unwrap();
            prop_assert_eq!(complete, seen.iter().all(|seen| *seen));
            assembly.add(&header(total, 0, false), &[], &content).unwrap();
            prop_assert!(assembly.is_complete());
            let (head, memory, _) = assembly.into_parts();
            prop_assert_eq!((head.as_slice(), memory), (&b"head"[..], content));
        }
    }

    #[test]
    fn what_came_first_stays() {
        let mut assembly = Assembly::new(vec![0; 4], 4);
        assembly.add(&header(4, 1, false), &[], b"bc").unwrap();
        assembly.add(&header(4, 0, true), b"", b"XXXX").unwrap();
        assert_eq!(assembly.into_parts().1, b"XbcX");
    }

    #[test]
    fn liars_are_refused() {
        let mut assembly = Assembly::new(vec![0; 4096], 4096);
        assert!(assembly.add(&header(9, 0, false), &[], b"x").is_err());
        let crumbs = (0..2048).map(|at| assembly.add(&header(4096, at * 2, false), &[], b"x"));
        assert!(crumbs.last().unwrap().is_err());
    }
}
