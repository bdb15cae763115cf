//! Lines of one step in one piece, as it lies in a file.
//!
//! For each line: by how much its number, its place among the events of the step and its time are further than those of the
//! line before, its stream, its length, and its bytes as they were written. Numbers are LEB128, times ZigZag before. Nothing in
//! a line is ever looked at: where it ends is said in front of it.

use std::collections::VecDeque;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number over the whole store.
    pub(crate) id: u64,
    /// Its number among the events of its step.
    pub(crate) seq: u64,
    /// When, in milliseconds.
    pub(crate) at: u64,
    pub(crate) stream: Stream,
    pub(crate) bytes: Vec<u8>,
}

/// The stream of a line, and which part of a line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream(u8);

/// Their places are what is written.
const STREAMS: [&str; 12] = [
    "stdout", "stderr", "agent", "stdout>", "stderr>", "agent>", "stdout<", "stderr<", "agent<", "stdout.",
    "stderr.", "agent.",
];

impl Stream {
    pub(crate) fn of(name: &str) -> Option<Self> {
        let at = STREAMS.iter().position(|known| *known == name)?;
        u8::try_from(at).ok().map(Self)
    }

    pub(crate) fn name(self) -> &'static str {
        STREAMS[usize::from(self.0)]
    }
}

/// Lines that are being put together.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) written: Vec<u8>,
    /// Numbers of the first line and of the last.
    pub(crate) ids: (u64, u64),
    /// Their numbers among the events of the step.
    pub(crate) seqs: (u64, u64),
    pub(crate) lines: u64,
    /// In the lines alone.
    pub(crate) bytes: u64,
    at: u64,
}

impl Frame {
    pub(crate) fn push(&mut self, line: &Line) {
        if self.lines == 0 {
            (self.ids.0, self.seqs.0) = (line.id, line.seq);
        }
        number(&mut self.written, line.id.wrapping_sub(self.ids.1));
        number(&mut self.written, line.seq.wrapping_sub(self.seqs.1));
        number(&mut self.written, zigzag(line.at.wrapping_sub(self.at)));
        self.written.push(line.stream.0);
        number(&mut self.written, line.bytes.len() as u64);
        self.written.extend_from_slice(&line.bytes);
        (self.ids.1, self.seqs.1, self.at) = (line.id, line.seq, line.at);
        self.lines += 1;
        self.bytes += line.bytes.len() as u64;
    }

    /// By which it is known again.
    pub(crate) fn sum(written: &[u8]) -> i64 {
        let digest = blake3::hash(written);
        i64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("a digest has 32 bytes"))
    }
}

/// The lines of a frame that `wanted` says yes to by their number and place, at most `most` of them. None when it is no frame.
pub(crate) fn read(
    mut written: &[u8],
    most: usize,
    wanted: impl Fn(u64, u64) -> bool,
) -> Option<VecDeque<Line>> {
    let mut lines = VecDeque::new();
    let (mut id, mut seq, mut at) = (0_u64, 0_u64, 0_u64);
    while !written.is_empty() && lines.len() < most {
        id = id.wrapping_add(take(&mut written)?);
        seq = seq.wrapping_add(take(&mut written)?);
        at = at.wrapping_add(unzigzag(take(&mut written)?));
        let (stream, rest) = written.split_first()?;
        let stream = Some(Stream(*stream)).filter(|stream| usize::from(stream.0) < STREAMS.len())?;
        written = rest;
        let length = usize::try_from(take(&mut written)?).ok()?;
        let (bytes, rest) = written.split_at_checked(length)?;
        written = rest;
        if wanted(id, seq) {
            lines.push_back(Line { id, seq, at, stream, bytes: bytes.to_vec() });
        }
    }
    Some(lines)
}

fn number(written: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        written.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    written.push(number.to_le_bytes()[0]);
}

fn take(written: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = written.split_first()?;
        *written = rest;
        let bits = u64::from(byte & 0x7F);
        // Of the tenth byte one bit is left.
        if bits.checked_shl(shift).is_none_or(|moved| moved >> shift != bits) {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

const fn zigzag(difference: u64) -> u64 {
    let difference = difference.cast_signed();
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

const fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let line = |id, seq, at, stream, bytes: &[u8]| {
            let stream = Stream::of(stream).expect("it is known");
            Line { id, seq, at, stream, bytes: bytes.to_vec() }
        };
        vec![
            line(7, 2, 1_790_000_000_000, "stdout", b"one"),
            line(8, 3, 1_789_999_999_999, "stderr>", b""),
            line(1 << 40, 900, u64::MAX, "agent<", b"\0\n\xff stdout 7 2"),
            line(u64::MAX, u64::MAX, 0, "stdout", &[b'x'; 300]),
        ]
    }

    #[test]
    fn lines_come_back_as_they_were_whatever_is_in_them() {
        let mut frame = Frame::default();
        lines().iter().for_each(|line| frame.push(line));
        assert_eq!((frame.ids, frame.seqs, frame.lines), ((7, u64::MAX), (2, u64::MAX), 4));
        let back = read(&frame.written, usize::MAX, |_, _| true).expect("it is a frame");
        assert_eq!(Vec::from(back), lines());
        let some = read(&frame.written, 1, |id, seq| id > 7 && seq > 3).expect("it is a frame");
        assert_eq!(Vec::from(some), lines()[2..3]);
    }

    #[test]
    fn what_is_torn_or_spoilt_is_no_frame_or_another_and_never_a_panic() {
        let mut frame = Frame::default();
        lines().iter().for_each(|line| frame.push(line));
        let whole = frame.written;
        let read = |bytes: &[u8]| read(bytes, usize::MAX, |_, _| true);
        let ends: Vec<usize> = (0..whole.len()).filter(|end| read(&whole[..*end]).is_some()).collect();
        assert_eq!(ends.len(), 4, "only where a line ends: {ends:?}");
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut spoilt = whole.clone();
                spoilt[at] ^= 1 << bit;
                drop(read(&spoilt));
                assert_ne!(Frame::sum(&spoilt), Frame::sum(&whole));
            }
        }
        assert_eq!(read(&[0xFF; 11]), None);
    }
}
