//! One file of a journal: events in a row.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use welkin_provider::{Event, EventKind, UnixMillis};

/// Events of one answer stop after this many bytes: far below a frame even with one huge line more.
const MAX_READ_BYTES: u64 = 1 << 20;

/// Beginning and end of the names of later files; the number of the first event stands in between.
const NAME: (&str, &str) = ("events-", ".jsonl");

/// Events from one number on.
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    file: File,
    first: u64,
    /// Where each event ends in the file; memory for every event is these eight bytes.
    ends: Vec<u64>,
    over: bool,
}

/// Numbers of the first events of the later files in `folder`, in order.
pub(crate) fn later(folder: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(NAME.0)?.strip_suffix(NAME.1));
        firsts.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

impl Segment {
    /// Opens the file that begins with event `first` and finds its whole events, or makes it.
    pub(crate) fn open(folder: &Path, first: u64) -> io::Result<Self> {
        let name =
            if first == 0 { "events.jsonl".to_owned() } else { format!("{}{first}{}", NAME.0, NAME.1) };
        let path = folder.join(name);
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path)?;
        let mut segment = Self { path, file, first, ends: Vec::new(), over: false };
        segment.find_events()?;
        segment.file.set_len(segment.bytes())?;
        Ok(segment)
    }

    fn find_events(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(&self.path)?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let whole = line.ends_with(b"\n");
            let event = serde_json::from_slice::<Event>(&line).ok();
            let Some(event) = event.filter(|event| whole && event.seq == self.next()) else { break };
            self.ends.push(self.bytes() + line.len() as u64);
            self.over = matches!(event.kind, EventKind::Finished { .. });
            line.clear();
        }
        Ok(())
    }

    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Number of the event that follows the last one.
    pub(crate) const fn next(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Length of its whole events.
    pub(crate) fn bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Appends events, all or none.
    pub(crate) fn append(&mut self, at: UnixMillis, kinds: Vec<EventKind>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(kinds.len());
        let mut over = false;
        for (seq, kind) in (self.next()..).zip(kinds) {
            over |= matches!(kind, EventKind::Finished { .. });
            serde_json::to_writer(&mut bytes, &Event { seq, at, kind })?;
            bytes.push(b'\n');
            ends.push(self.bytes() + bytes.len() as u64);
        }
        if let Err(error) = self.file.write_all(&bytes) {
            // Half a line must not be followed by a whole one.
            self.file.set_len(self.bytes())?;
            return Err(error);
        }
        self.ends.append(&mut ends);
        self.over = over;
        Ok(())
    }

    /// Its events from number `from` on, as many as fit one answer.
    pub(crate) fn read(&self, from: u64) -> io::Result<Vec<Event>> {
        let skipped = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let start = if skipped == 0 { 0 } else { self.ends[skipped - 1] };
        let count = self.ends[skipped..].partition_point(|end| end - start <= MAX_READ_BYTES).max(1);
        let end = self.ends[skipped + count - 1];
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, start)?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).map_err(io::Error::from)).collect()
    }

    /// Removes the file.
    pub(crate) fn remove(self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            // A script may have been there first; it is its own log.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}
