//! How much of a step's output stays on record: its beginning and its end.
//!
//! Every line is told to whoever watches, however many there are; the store would grow without bound.
//! So the first [`HEAD_BYTES`] of a step stay, and of what follows the last [`TAIL_BYTES`]. The first
//! line that was left out says how many there are. *Rejected:* to stop at a limit, since the end of a log
//! is what says why a step failed.

use std::collections::VecDeque;
use welkin_provider::{Event, EventKind};
use welkin_records::{Gone, Lines};

/// Of the beginning of a step's output: some 200,000 lines.
pub(crate) const HEAD_BYTES: u64 = 16 << 20;

/// Of the end of it, likewise.
pub(crate) const TAIL_BYTES: u64 = 16 << 20;

/// What a line costs besides its text: a row and two entries of indexes.
const ROW_BYTES: u64 = 64;

/// Lines that go together: bookkeeping for each would cost as much as the lines.
const BATCH_BYTES: u64 = 256 << 10;

/// The lines of one step that are in the store.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    head: u64,
    tail: VecDeque<Batch>,
    tail_bytes: u64,
    mark: Option<u64>,
    lines_gone: u64,
}

#[derive(Debug)]
struct Batch {
    first: u64,
    last: u64,
    lines: u64,
    bytes: u64,
}

impl Kept {
    /// What a broker that was killed has left.
    pub(crate) fn of(left: Lines) -> Self {
        let mut kept = Self::default();
        left.kept.into_iter().for_each(|(seq, bytes)| kept.add(seq, bytes));
        if let Some((mark, lines)) = left.gone {
            (kept.mark, kept.lines_gone) = (Some(mark), lines);
        }
        kept
    }

    /// Takes notice of new lines; gives those that leave for them.
    pub(crate) fn take(&mut self, events: &[Event]) -> Option<Gone> {
        for event in events {
            if let EventKind::Log { line: text, .. } | EventKind::Piece { text, .. } = &event.kind {
                self.add(event.seq, text.len() as u64);
            }
        }
        self.give()
    }

    fn add(&mut self, seq: u64, bytes: u64) {
        let bytes = bytes + ROW_BYTES;
        if self.tail.is_empty() && self.mark.is_none() && self.head + bytes <= HEAD_BYTES {
            self.head += bytes;
            return;
        }
        self.tail_bytes += bytes;
        match self.tail.back_mut() {
            Some(batch) if batch.bytes < BATCH_BYTES => {
                (batch.last, batch.lines, batch.bytes) = (seq, batch.lines + 1, batch.bytes + bytes);
            }
            _ => self.tail.push_back(Batch { first: seq, last: seq, lines: 1, bytes }),
        }
    }

    fn give(&mut self) -> Option<Gone> {
        let mut gone: Option<Gone> = None;
        while self.tail_bytes > TAIL_BYTES {
            let batch = self.tail.pop_front()?;
            self.tail_bytes -= batch.bytes;
            self.lines_gone += batch.lines;
            let mark = *self.mark.get_or_insert(batch.first);
            let from = gone.map_or(batch.first, |gone| gone.from);
            gone = Some(Gone { mark, from, to: batch.last, lines: self.lines_gone });
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::{Stream, UnixMillis};

    fn lines(from: u64, count: u64, bytes: usize) -> Vec<Event> {
        let kind = EventKind::Log { stream: Stream::Stdout, line: "x".repeat(bytes) };
        (from..from + count).map(|seq| Event { seq, at: UnixMillis(0), kind: kind.clone() }).collect()
    }

    #[test]
    fn nothing_leaves_before_both_shares_are_full() {
        let mut kept = Kept::default();
        for round in 0..32 {
            assert_eq!(kept.take(&lines(round, 1, 1_000_000)), None, "{round}");
        }
    }

    #[test]
    fn the_oldest_of_the_end_leaves_and_the_count_grows() {
        let mut kept = Kept::default();
        let mut gone = Vec::new();
        for round in 0..64 {
            gone.extend(kept.take(&lines(round, 1, 1_000_000)));
        }
        let mark = gone[0].mark;
        assert!(mark == 16 && gone.iter().all(|gone| gone.mark == mark));
        assert!(gone.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
        let last = gone.last().unwrap();
        assert_eq!(last.lines, last.to - mark + 1);
        assert_eq!(64 - last.to - 1, 16, "sixteen lines of the end are left");
    }
}
