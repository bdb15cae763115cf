//! The lines of a journal: a check sum and a record each.
//!
//! A bad line at the end is what a killed process, or a power cut, left of a record: it is cut off. A bad line that good
//! ones follow is damage, and whoever reads is told so: what it said is not known, so nothing may be
//! concluded from the rest alone. *Bounded:* a line has at most [`MAX_LINE_BYTES`]; a longer one is refused when
//! it is written, and is a bad one when it is read.

use crate::journal::record::Record;
use std::io::{self, BufRead, BufReader, Read};

/// Longest line: two keys of 4 KiB, each byte of them escaped to six, a reason of `WHY_BYTES`, and versions.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// Longest reason of a failure that is kept: escaped to six bytes each, it fits beside two keys.
pub(super) const WHY_BYTES: usize = 2 << 10;

/// Digits of the sum and a space.
const SUM_BYTES: usize = 17;

/// Appends a record: sixteen hex digits, a space, JSON, a line's end. Returns how long the line is.
pub(super) fn encode(record: &Record, lines: &mut Vec<u8>) -> usize {
    let start = lines.len();
    lines.extend_from_slice(&[b'0'; SUM_BYTES]);
    serde_json::to_writer(&mut *lines, record).expect("records have only string keys");
    let sum = format!("{:016x} ", crc(&lines[start + SUM_BYTES..]));
    lines[start..start + SUM_BYTES].copy_from_slice(sum.as_bytes());
    lines.push(b'\n');
    lines.len() - start
}

/// A line with that text and its sum.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz_line(text: &[u8]) -> Vec<u8> {
    [format!("{:016x} ", crc(text)).as_bytes(), text, b"\n"].concat()
}

/// The JSON of a line whose sum is right.
fn text(line: &[u8]) -> Option<&[u8]> {
    let (sum, text) = line.strip_suffix(b"\n")?.split_at_checked(SUM_BYTES)?;
    let sum = std::str::from_utf8(sum).ok()?.strip_suffix(' ')?;
    (u64::from_str_radix(sum, 16).ok()? == crc(text)).then_some(text)
}

fn crc(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

/// Lines being read.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// Where the next line begins.
    pub(super) offset: u64,
}

impl<R: Read> Lines<R> {
    /// Lines from here on.
    pub(super) fn new(input: R, offset: u64) -> Self {
        Self { input: BufReader::with_capacity(MAX_LINE_BYTES, input), line: Vec::new(), offset }
    }

    /// The next line; `None` at the end. A bad one is `Some(None)`.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Option<Record>>> {
        Ok(self.next_text()?.map(|text| serde_json::from_slice(text?).ok()))
    }

    /// The same, not read yet.
    fn next_text(&mut self) -> io::Result<Option<Option<&[u8]>>> {
        self.line.clear();
        let most = MAX_LINE_BYTES as u64;
        let mut count = self.input.by_ref().take(most).read_until(b'\n', &mut self.line)? as u64;
        if count == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            count += self.pass_line()?;
        }
        self.offset += count;
        Ok(Some(text(&self.line)))
    }

    /// Passes what is left of a line that is too long, without keeping it.
    fn pass_line(&mut self) -> io::Result<u64> {
        let mut passed = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            let (length, over) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(length);
            passed += length as u64;
            if over {
                return Ok(passed);
            }
        }
    }
}

/// Where the good lines of a journal end, and the first bad one that good ones follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes up to the first bad line.
    pub(super) good: u64,
    /// Its number, from 1, if it is not what a killed process left.
    pub(super) damaged: Option<u64>,
}

impl Extent {
    /// Of lines, one after the other: whether each is good, and where it ends.
    fn take(&mut self, number: u64, good: bool, end: u64, bad: &mut Option<u64>) {
        if !good {
            bad.get_or_insert(number);
        } else if bad.is_some() {
            self.damaged = self.damaged.or(*bad);
        } else {
            self.good = end;
        }
    }
}

/// Calls `each` with every good record and where it ends, also behind a bad one.
pub(super) fn records(input: impl Read, each: &mut dyn FnMut(u64, Record)) -> io::Result<Extent> {
    let mut lines = Lines::new(input, 0);
    let mut extent = Extent { good: 0, damaged: None };
    let (mut number, mut bad) = (0, None);
    while let Some(line) = lines.next_line()? {
        number += 1;
        extent.take(number, line.is_some(), lines.offset, &mut bad);
        if let Some(record) = line {
            each(lines.offset, record);
        }
    }
    Ok(extent)
}

/// How the JSON of [`Record::Going`] begins.
const GOING: &[u8] = b"{\"record\":\"going\"";

/// Where good lines end, and where those of the last process begin, by their sums alone: several times as fast.
pub(super) fn scan(input: impl Read) -> io::Result<(Extent, u64)> {
    let mut lines = Lines::new(input, 0);
    let (mut extent, mut recent) = (Extent { good: 0, damaged: None }, 0);
    let (mut number, mut bad) = (0, None);
    while let Some(text) = lines.next_text()? {
        let (good, going) = (text.is_some(), text.is_some_and(|text| text.starts_with(GOING)));
        number += 1;
        extent.take(number, good, lines.offset, &mut bad);
        if going {
            recent = lines.offset;
        }
    }
    Ok((extent, recent))
}
