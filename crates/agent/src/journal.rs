//! The events of one step: appended to a file before anybody hears of them.
//!
//! One JSON document a line. What was written survives the death of the agent; it is not forced to
//! the disk, since a machine that loses its power is a lost lease. A torn last line is cut off when
//! the file is opened again. A journal whose file could not be made holds one event, in memory: the
//! end of a step that the node's disk did not let begin.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use welkin_provider::{Event, EventKind, UnixMillis};

/// Events of one answer stop after this many bytes: far below a frame even with one huge line more.
const MAX_READ_BYTES: u64 = 1 << 20;

/// The event file of one step.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Option<File>,
    /// Where each event ends in the file; memory for every event is these eight bytes.
    ends: Vec<u64>,
    over: bool,
    /// The last event, when not even that could be written; see [`Journal::finish_in_memory`].
    unwritten: Option<Event>,
}

impl Journal {
    /// Opens the file and finds its whole events; makes it when it is not there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        let mut journal = Self { file: None, ends: Vec::new(), over: false, unwritten: None };
        let mut reader = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let whole = line.ends_with(b"\n");
            let event = serde_json::from_slice::<Event>(&line).ok();
            let Some(event) = event.filter(|event| whole && event.seq == journal.len()) else { break };
            journal.ends.push(journal.end() + line.len() as u64);
            journal.over = matches!(event.kind, EventKind::Finished { .. });
            line.clear();
        }
        file.set_len(journal.end())?;
        journal.file = Some(file);
        Ok(journal)
    }

    /// A journal without a file: nothing can be appended, only its end be told.
    pub(crate) const fn without_file() -> Self {
        Self { file: None, ends: Vec::new(), over: false, unwritten: None }
    }

    /// Number of events.
    pub(crate) fn len(&self) -> u64 {
        self.ends.len() as u64 + u64::from(self.unwritten.is_some())
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
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(kinds.len());
        let mut over = false;
        for (seq, kind) in (self.len()..).zip(kinds) {
            over |= matches!(kind, EventKind::Finished { .. });
            serde_json::to_writer(&mut bytes, &Event { seq, at, kind })?;
            bytes.push(b'\n');
            ends.push(self.end() + bytes.len() as u64);
        }
        let end = self.end();
        let file = self.file.as_mut().ok_or_else(no_file)?;
        if let Err(error) = file.write_all(&bytes) {
            // Half a line must not be followed by a whole one.
            file.set_len(end)?;
            return Err(error);
        }
        self.ends.append(&mut ends);
        self.over = over;
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
        let first = usize::try_from(from).unwrap_or(usize::MAX);
        if first >= self.ends.len() {
            return Ok(self.unwritten.iter().filter(|event| event.seq >= from).cloned().collect());
        }
        let start = if first == 0 { 0 } else { self.ends[first - 1] };
        let count = self.ends[first..].partition_point(|end| end - start <= MAX_READ_BYTES).max(1);
        let end = self.ends[first + count - 1];
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(usize::MAX)];
        self.file.as_ref().ok_or_else(no_file)?.read_exact_at(&mut bytes, start)?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(io::Error::from)).collect()
    }

    fn end(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }
}

fn no_file() -> io::Error {
    io::Error::other("the step has no event file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::{Exit, Stream};

    fn log(line: &str) -> EventKind {
        EventKind::Log { stream: Stream::Stdout, line: line.to_owned() }
    }

    fn journal(folder: &Path) -> Journal {
        Journal::open(&folder.join("events.jsonl")).unwrap()
    }

    #[test]
    fn events_survive_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        journal(folder.path()).append(UnixMillis(1), vec![EventKind::Started, log("a\nb")]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &whole[..9]].concat()).unwrap();
        let mut again = journal(folder.path());
        assert_eq!(again.len(), 2);
        again.append(UnixMillis(2), vec![log("c")]).unwrap();
        let lines = journal(folder.path()).read(1).unwrap();
        assert_eq!(lines.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(), [log("a\nb"), log("c")]);
        assert_eq!(lines.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn nothing_follows_the_last_event() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal(folder.path());
        journal.append(UnixMillis(1), vec![EventKind::Finished { exit: Exit::Success }]).unwrap();
        journal.append(UnixMillis(2), vec![log("late")]).unwrap();
        journal.finish_in_memory(UnixMillis(2), log("later"));
        assert_eq!((journal.len(), journal.is_over()), (1, true));
    }

    #[test]
    fn a_full_disk_still_ends_the_step() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal(folder.path());
        journal.append(UnixMillis(1), vec![EventKind::Started]).unwrap();
        journal.finish_in_memory(UnixMillis(2), EventKind::Finished { exit: Exit::Stopped });
        assert_eq!(journal.read(0).unwrap().len(), 1);
        assert_eq!(journal.read(1).unwrap()[0].seq, 1);
        assert!(journal.read(2).unwrap().is_empty());
    }

    #[test]
    fn an_answer_is_bounded_and_never_empty() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = journal(folder.path());
        let big = "x".repeat(600 << 10);
        journal.append(UnixMillis(1), vec![log(&big), log(&big), log(&big.repeat(3))]).unwrap();
        assert_eq!(journal.read(0).unwrap().len(), 1);
        assert_eq!(journal.read(2).unwrap().len(), 1);
        assert!(journal.read(3).unwrap().is_empty());
    }
}
