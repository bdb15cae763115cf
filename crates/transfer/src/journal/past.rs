//! What earlier processes of a transfer brought to the target, in the order of the source's keys.
//!
//! A journal that was gone on with has two sections: what was known when its last process began, in order, and what
//! that process wrote, which is in order but for what was in flight. Both are read side by side. Up to its
//! last mark the process looked at every object again, so there only its own records count; beyond
//! it, those from before do where it has none.
//!
//! *Memory:* one record of the first section, and of the second those between two marks.
//!
//! *Rejected:* a map of what is done: it grows with the number of objects.

use crate::journal::file::JournalError;
use crate::journal::lines::Lines;
use crate::journal::record::{Done, Record};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

/// Records of objects that arrived, by source key, each to be held against what is at both ends now.
#[derive(Debug)]
pub struct Past {
    path: PathBuf,
    before: Lines<Take<File>>,
    recent: Recent<Done>,
    /// Up to where `recent` alone counts.
    mark: Option<String>,
    next_before: Option<Done>,
    next_recent: Option<Done>,
    next: Option<Done>,
}

/// Where the sections of a journal are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sections {
    /// Where the last process began to write.
    pub(super) recent: u64,
    /// Where good lines end.
    pub(super) end: u64,
    /// The last mark of the last process.
    pub(super) mark: Option<String>,
}

impl Past {
    pub(super) fn open(path: &Path, sections: &Sections) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let recent = Recent::open(path, sections.recent, sections.end, arrived).map_err(failed)?;
        let mut past = Self {
            path: path.to_owned(),
            before: section(path, 0, sections.recent).map_err(failed)?,
            recent,
            mark: sections.mark.clone(),
            next_before: None,
            next_recent: None,
            next: None,
        };
        past.next_before = past.read_before().map_err(failed)?;
        past.next_recent = past.read_recent().map_err(failed)?;
        past.next = past.merge().map_err(failed)?;
        Ok(past)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next.is_none()
    }

    /// The next record.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn next_done(&mut self) -> Result<Option<Done>, JournalError> {
        let Some(done) = self.next.take() else { return Ok(None) };
        self.next = self.merge().map_err(|source| JournalError::Io { path: self.path.clone(), source })?;
        Ok(Some(done))
    }

    /// The record of a source key. Keys must be asked for in their order; what is passed over is gone.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn find(&mut self, source: &str) -> Result<Option<Done>, JournalError> {
        while let Some(next) = &self.next {
            match next.source.as_str().cmp(source) {
                std::cmp::Ordering::Less => drop(self.next_done()?),
                std::cmp::Ordering::Equal => return self.next_done(),
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
        Ok(None)
    }

    fn merge(&mut self) -> io::Result<Option<Done>> {
        loop {
            let order = match (&self.next_before, &self.next_recent) {
                (None, None) => return Ok(None),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(before), Some(recent)) => before.source.cmp(&recent.source),
            };
            let before = if order.is_le() { self.take_before()? } else { None };
            if order.is_ge() {
                let next = self.read_recent()?;
                return Ok(std::mem::replace(&mut self.next_recent, next));
            }
            if let Some(before) = before
                && self.mark.as_ref().is_none_or(|mark| before.source > *mark)
            {
                return Ok(Some(before));
            }
        }
    }

    fn take_before(&mut self) -> io::Result<Option<Done>> {
        let next = self.read_before()?;
        Ok(std::mem::replace(&mut self.next_before, next))
    }

    fn read_recent(&mut self) -> io::Result<Option<Done>> {
        Ok(self.recent.read()?.map(|(_, done)| done))
    }

    fn read_before(&mut self) -> io::Result<Option<Done>> {
        while let Some(line) = self.before.next_line()? {
            if let Some(Record::Done(done)) = line {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }
}

/// What a record is of, by source key.
pub(super) type Pick<T> = fn(Record) -> Option<(String, T)>;

/// Records nearly in order, put in order by the marks between them.
#[derive(Debug)]
pub(super) struct Recent<T> {
    lines: Lines<Take<File>>,
    pick: Pick<T>,
    pending: BTreeMap<String, T>,
    mark: Option<String>,
    over: bool,
}

impl<T> Recent<T> {
    /// Those of a journal between two offsets.
    pub(super) fn open(path: &Path, from: u64, to: u64, pick: Pick<T>) -> io::Result<Self> {
        Ok(Self { lines: section(path, from, to)?, pick, pending: BTreeMap::new(), mark: None, over: false })
    }

    /// The next in order.
    pub(super) fn read(&mut self) -> io::Result<Option<(String, T)>> {
        loop {
            let first = self.pending.first_key_value().map(|(key, _)| key);
            if first.is_some_and(|key| self.over || self.mark.as_ref().is_some_and(|mark| key <= mark)) {
                return Ok(self.pending.pop_first());
            }
            if self.over {
                return Ok(None);
            }
            match self.lines.next_line()? {
                Some(Some(Record::Mark { source })) => self.mark = Some(source),
                Some(Some(record)) => self.pending.extend((self.pick)(record)),
                Some(None) => {}
                None => self.over = true,
            }
        }
    }
}

fn section(path: &Path, from: u64, to: u64) -> io::Result<Lines<Take<File>>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    Ok(Lines::new(file.take(to.saturating_sub(from)), from))
}

fn arrived(record: Record) -> Option<(String, Done)> {
    match record {
        Record::Done(done) => Some((done.source.clone(), done)),
        _ => None,
    }
}
