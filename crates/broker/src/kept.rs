//! How much of a step's output stays on record: its beginning and its end.
//!
//! Every line is told to whoever watches, however many there are; the store would grow without bound.
//! So the first half of what the user lets it keep stays, and of what follows as much from the end. The first
//! line that was left out says how many there are. *Rejected:* to stop at a limit, since the end of a log
//! is what says why a step failed.

use std::collections::VecDeque;
use welkin_provider::{Event, EventKind};
use welkin_records::{Extent, Gone, Lines};
use welkin_units::Bytes;

/// Of one step unless the user says otherwise, where lines lie in files: a thousandth of a node's disk.
pub(crate) const USUAL: Bytes = Bytes::new(1 << 30);

/// The same in a database of several brokers, where each line is a row.
pub(crate) const USUAL_ROWS: Bytes = Bytes::new(32 << 20);

/// What a line costs besides its text.
const LINE_BYTES: u64 = 16;

/// Lines that go together: bookkeeping for each would cost as much as the lines.
const BATCH_BYTES: u64 = 256 << 10;

/// The lines of one step that are in the store.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Most bytes of the beginning, and most of the end.
    half: u64,
    head: u64,
    tail: VecDeque<Extent>,
    tail_bytes: u64,
    mark: Option<u64>,
    lines_gone: u64,
}

impl Kept {
    /// Nothing yet, and most bytes that may be.
    pub(crate) fn new(most: Bytes) -> Self {
        Self {
            half: most.get() / 2,
            head: 0,
            tail: VecDeque::new(),
            tail_bytes: 0,
            mark: None,
            lines_gone: 0,
        }
    }

    /// What a broker that was killed has left.
    pub(crate) fn of(most: Bytes, left: Lines) -> Self {
        let mut kept = Self::new(most);
        // What was left out lies between the two halves.
        let mark = left.gone.map_or(u64::MAX, |(mark, _)| mark);
        for extent in left.kept {
            if extent.last < mark {
                kept.add(extent);
            } else {
                kept.add_last(extent);
            }
        }
        if let Some((mark, lines)) = left.gone {
            (kept.mark, kept.lines_gone) = (Some(mark), lines);
        }
        kept
    }

    /// Takes notice of new lines; gives those that leave for them.
    pub(crate) fn take(&mut self, events: &[Event]) -> Option<Gone> {
        for event in events {
            match &event.kind {
                EventKind::Log { line: text, .. } | EventKind::Piece { text, .. } => {
                    self.add(Extent::line(event.seq, text.len() as u64));
                }
                // One line says it; when that leaves, what it said is gone as well.
                EventKind::LeftOut { events } => {
                    self.add(Extent { lines: *events, ..Extent::line(event.seq, 0) })
                }
                _ => {}
            }
        }
        self.give()
    }

    fn add(&mut self, extent: Extent) {
        let bytes = cost(&extent);
        if self.tail.is_empty() && self.mark.is_none() && self.head.saturating_add(bytes) <= self.half {
            self.head += bytes;
            return;
        }
        self.add_last(extent);
    }

    fn add_last(&mut self, extent: Extent) {
        let bytes = cost(&extent);
        let Extent { first, last, lines, .. } = extent;
        self.tail_bytes = self.tail_bytes.saturating_add(bytes);
        match self.tail.back_mut() {
            Some(batch) if batch.bytes < BATCH_BYTES => {
                (batch.last, batch.lines) = (last, batch.lines.saturating_add(lines));
                batch.bytes = batch.bytes.saturating_add(bytes);
            }
            _ => self.tail.push_back(Extent { first, last, lines, bytes }),
        }
    }

    fn give(&mut self) -> Option<Gone> {
        let mut gone: Option<Gone> = None;
        // A step that may keep nothing keeps its last batch: its end is what says how it ended.
        while self.tail_bytes > self.half && self.tail.len() > 1 {
            let batch = self.tail.pop_front()?;
            self.tail_bytes = self.tail_bytes.saturating_sub(batch.bytes);
            self.lines_gone = self.lines_gone.saturating_add(batch.lines);
            let mark = *self.mark.get_or_insert(batch.first);
            let from = gone.map_or(batch.first, |gone| gone.from);
            gone = Some(Gone { mark, from, to: batch.last, lines: self.lines_gone });
        }
        gone
    }
}

/// What lines take of what may be kept. How many were left out the node says, so that sums may be beyond all numbers.
const fn cost(extent: &Extent) -> u64 {
    extent.bytes.saturating_add(LINE_BYTES.saturating_mul(extent.lines))
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
        let mut kept = Kept::new(Bytes::new(32 << 20));
        for round in 0..32 {
            assert_eq!(kept.take(&lines(round, 1, 1_000_000)), None, "{round}");
        }
    }

    #[test]
    fn the_oldest_of_the_end_leaves_and_the_count_grows() {
        let mut kept = Kept::new(Bytes::new(32 << 20));
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

    #[test]
    fn a_node_may_say_that_it_left_out_any_number() {
        let left_out = |seq| Event { seq, at: UnixMillis(0), kind: EventKind::LeftOut { events: u64::MAX } };
        let mut kept = Kept::new(Bytes::new(32 << 20));
        for seq in 0..8 {
            kept.take(&[left_out(seq), left_out(seq)]);
        }
        assert_eq!(kept.take(&[left_out(9)]).map(|gone| gone.lines), Some(u64::MAX));
    }
}
