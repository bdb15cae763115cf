//! The events of one step: appended to a file before anybody hears of them.
//!
//! One JSON document a line. What was written survives the death of the agent; it is not forced to
//! the disk, since a machine that loses its power is a lost lease. A torn last line is cut off when
//! the files are opened again. A journal whose file could not be made holds one event, in memory: the
//! end of a step that the node's disk did not let begin.
//!
//! *Bounded.* Half of the limit goes to the beginning of the step, which is kept for ever, and half to
//! its end, in some files of which the oldest is removed for each new one. Whoever reads as fast as
//! the step writes therefore hears everything, however much that is; whoever comes later finds
//! [`EventKind::LeftOut`] where something is missing. *Rejected:* to stop at the limit, which loses the
//! only lines that everybody wants, those before the failure.

mod segment;

use segment::Segment;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use welkin_provider::{Event, EventKind, UnixMillis};

/// Files that the end of a step is spread over: one eighth of its share is lost at a time.
const TAIL_SEGMENTS: u64 = 8;

/// The events of one step.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// Most bytes of the beginning; the end gets as many again.
    half: u64,
    /// The beginning, then the files of the end. Empty when no file could be made.
    segments: VecDeque<Segment>,
    over: bool,
    /// The last event, when not even that could be written; see [`Journal::finish_in_memory`].
    unwritten: Option<Event>,
}

impl Journal {
    /// Opens the files in `folder` and finds their whole events; makes the first when it is not there.
    pub(crate) fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        let mut journal = Self::without_file(folder, limit);
        journal.segments.push_back(Segment::open(folder, 0)?);
        for first in segment::later(folder)? {
            // What lies before a torn line was cut off, so a file behind it begins too late or too soon.
            if first >= journal.len() {
                journal.segments.push_back(Segment::open(folder, first)?);
            }
        }
        journal.over = journal.segments.iter().any(Segment::is_over);
        Ok(journal)
    }

    /// A journal without a file: nothing can be appended, only its end be told.
    pub(crate) fn without_file(folder: &Path, limit: u64) -> Self {
        let (folder, half) = (folder.to_owned(), (limit / 2).max(1));
        Self { folder, half, segments: VecDeque::new(), over: false, unwritten: None }
    }

    /// Number of the next event.
    pub(crate) fn len(&self) -> u64 {
        self.segments.back().map_or(0, Segment::next) + u64::from(self.unwritten.is_some())
    }

    /// Whether the last event is there.
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Appends events, all or none; nothing follows the last one.
    pub(crate) fn append(&mut self, at: UnixMillis, kinds: Vec<EventKind>) -> io::Result<()> {
        if self.over {
            return Ok(());
        }
        self.make_room()?;
        let over = kinds.iter().any(|kind| matches!(kind, EventKind::Finished { .. }));
        let segment =
            self.segments.back_mut().ok_or_else(|| io::Error::other("the step has no event file"))?;
        segment.append(at, kinds)?;
        self.over = over;
        Ok(())
    }

    /// The number after the last event that the next append removes, if it removes any.
    pub(crate) fn next_lost(&self) -> Option<u64> {
        let full = self.segments.back()?.bytes() >= self.half / TAIL_SEGMENTS;
        let most = self.segments.len() as u64 > TAIL_SEGMENTS;
        self.segments.get(1).filter(|_| full && most).map(Segment::next)
    }

    /// Begins a new file when the present one is full, and removes the oldest of the end when there
    /// would be too many.
    fn make_room(&mut self) -> io::Result<()> {
        let Some(last) = self.segments.back() else { return Ok(()) };
        let share = if self.segments.len() == 1 { self.half } else { self.half / TAIL_SEGMENTS };
        if last.bytes() < share {
            return Ok(());
        }
        let next = Segment::open(&self.folder, last.next())?;
        self.segments.push_back(next);
        while self.segments.len() as u64 > 1 + TAIL_SEGMENTS {
            if let Some(oldest) = self.segments.remove(1) {
                oldest.remove()?;
            }
        }
        Ok(())
    }

    /// Ends the step although the disk takes no more: its broker must not wait for ever. The next
    /// agent on this home will find the step unfinished and end it with a fault as well.
    pub(crate) fn finish_in_memory(&mut self, at: UnixMillis, kind: EventKind) {
        if !self.over {
            self.unwritten = Some(Event { seq: self.len(), at, kind });
            self.over = true;
        }
    }

    /// Events from number `from` on, as many as fit one answer, at least one if there is any.
    pub(crate) fn read(&self, from: u64) -> io::Result<Vec<Event>> {
        // A file that was begun and not written to, behind a damaged one, has a number and no event.
        let holder = self.segments.iter().find(|segment| from < segment.next() && segment.bytes() > 0);
        let Some(segment) = holder else {
            return Ok(self.unwritten.iter().filter(|event| event.seq >= from).cloned().collect());
        };
        let mut events = segment.read(from.max(segment.first()))?;
        if let Some(first) = events.first().filter(|first| first.seq > from) {
            let kind = EventKind::LeftOut { events: first.seq - from };
            let note = Event { seq: first.seq - 1, at: first.at, kind };
            events.insert(0, note);
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests;
