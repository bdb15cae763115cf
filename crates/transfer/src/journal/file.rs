//! The file of a journal.

use crate::journal::lines::{self, Extent, Lines, MAX_LINE_BYTES, encode};
use crate::journal::past::{Past, Pick, Recent, Sections};
use crate::journal::private;
use crate::journal::record::{OLDEST, Record, SCHEMA};
use crate::journal::state::Resumed;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How often the file is synced at most.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Times a file is opened that another process replaces meanwhile.
const OPEN_TRIES: u32 = 10;

/// Why a journal cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("cannot use the journal {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process goes on with this transfer.
    #[error("another process is moving the data of {path}")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version, or it is none.
    #[error("{path} is not a journal that this build continues: {reason}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A line before its end is not what was written.
    #[error("the journal {path} is damaged in line {line}: what it recorded there is not known")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
    },
    /// A record that could not be read again.
    #[error("the journal {path} cannot hold a record of {bytes} bytes; the longest has {MAX_LINE_BYTES}")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
}

/// A journal being written. The lock on its file goes when the process does.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Where this process began to write.
    start: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    /// Lines that are not written yet.
    lines: Vec<u8>,
    /// Length of the file, while all of its lines are whole.
    length: u64,
    synced: Instant,
    dirty: bool,
    /// Whether a line may be there in part: then nothing may follow it.
    torn: bool,
}

impl Inner {
    fn new(file: File, length: u64) -> Self {
        Self { file, lines: Vec::new(), length, synced: Instant::now(), dirty: false, torn: false }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        if self.torn {
            return Err(io::Error::other("an earlier record could not be written whole"));
        }
        self.dirty = true;
        let written = self.file.write_all(&self.lines);
        if written.is_ok() {
            self.length += self.lines.len() as u64;
            self.lines.clear();
        } else {
            // A full disk takes a part. It is cut off again; if even that fails, nothing may come behind it.
            let cut = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::End(0)));
            self.torn = cut.is_err();
        }
        written
    }
}

impl Journal {
    /// Begins a journal, or goes on with the one that is there: what it says comes back with it, its records of what
    /// arrived in the order of their keys.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, id: &str, what: &str, now_ms: i64) -> Result<(Self, Resumed), JournalError> {
        let (file, mut resumed, extent) = locked(path)?;
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        sound(path, &resumed)?;
        if resumed.schema.is_some_and(|schema| schema != SCHEMA) {
            let reason = "an older version wrote it, which did not record between which stores".to_owned();
            return Err(JournalError::Foreign { path: path.to_owned(), reason });
        }
        if resumed.id.is_none() {
            let journal = Self::of(path, file, extent.good)?;
            let (id, what) = (id.to_owned(), what.to_owned());
            journal.write(&Record::Open { schema: SCHEMA, id, what, at_ms: now_ms, boot: boot() })?;
            return Ok((journal, resumed));
        }
        resumed.restarted = resumed.boot.is_some() && resumed.boot != boot();
        let beside = path.with_extension("part");
        let again = rewrite(path, &beside, &resumed, now_ms);
        let (file, length) = again.inspect_err(|_| drop(fs::remove_file(&beside)))?;
        // Until the new file has the name, whoever opens the old one finds it locked.
        fs::rename(&beside, path).map_err(failed)?;
        resumed.sections = Sections { recent: length, end: length, mark: None };
        resumed.past = Some(Past::open(path, &resumed.sections)?).filter(|past| !past.is_empty());
        let inner = Mutex::new(Inner::new(file, length));
        Ok((Self { path: path.to_owned(), start: length, inner }, resumed))
    }

    /// Takes a journal to write to it what becomes of the uploads it tells of, without going on with the transfer.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn take(path: &Path) -> Result<(Self, Resumed), JournalError> {
        let (file, resumed, extent) = locked(path)?;
        sound(path, &resumed)?;
        Ok((Self::of(path, file, extent.good)?, resumed))
    }

    fn of(path: &Path, mut file: File, good: u64) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        // A line that a killed process was writing.
        file.set_len(good).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), start: good, inner: Mutex::new(Inner::new(file, good)) })
    }

    /// Reads a journal without taking it, a damaged one too: [`Resumed::damaged`] says so.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn peek(path: &Path) -> Result<Resumed, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        read(&mut File::open(path).map_err(failed)?, path).map(|(resumed, _)| resumed)
    }

    /// What a journal says that arrived, in the order of the source's keys, without taking it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn past(path: &Path) -> Result<Past, JournalError> {
        let resumed = Self::peek(path)?;
        sound(path, &resumed)?;
        Past::open(path, &resumed.sections)
    }

    /// Calls `each` with every record that the last process wrote, in order.
    ///
    /// # Errors
    /// [`JournalError`]; of a damaged journal when the damage is met, which may be after some calls.
    pub fn replay(path: &Path, mut each: impl FnMut(Record)) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let damaged = |line| JournalError::Damaged { path: path.to_owned(), line };
        let mut file = File::open(path).map_err(failed)?;
        let (extent, start) = lines::scan(&mut file).map_err(failed)?;
        if let Some(line) = extent.damaged {
            return Err(damaged(line));
        }
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut lines = Lines::new(file.take(extent.good.saturating_sub(start)), start);
        let mut number = 0;
        while let Some(line) = lines.next_line().map_err(failed)? {
            number += 1;
            each(line.ok_or_else(|| damaged(number))?);
        }
        Ok(())
    }

    /// Puts something on record. When this returns, the death of this process loses nothing of it.
    ///
    /// # Errors
    /// [`JournalError::Io`], and [`JournalError::TooLong`] for what could not be read again.
    pub fn write(&self, record: &Record) -> Result<(), JournalError> {
        self.append(record, 0)
    }

    /// Puts something on record soon: with the next [`Self::write`] or [`Self::sync`]. For what can be found out again.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn note(&self, record: &Record) -> Result<(), JournalError> {
        self.append(record, MAX_LINE_BYTES)
    }

    /// Adds a line; writes when there are more than `keep` bytes of them.
    fn append(&self, record: &Record, keep: usize) -> Result<(), JournalError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = inner.lines.len();
        let bytes = encode(record, &mut inner.lines);
        if bytes > MAX_LINE_BYTES {
            inner.lines.truncate(before);
            return Err(JournalError::TooLong { path: self.path.clone(), bytes });
        }
        if inner.lines.len() <= keep {
            return Ok(());
        }
        inner.flush().map_err(|source| self.failed(source))
    }

    /// Brings what was written to the disk, if that is due. Blocks; call it where that does no harm.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn sync(&self, now: bool) -> Result<(), JournalError> {
        let file = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.flush().map_err(|source| self.failed(source))?;
            if !inner.dirty || !now && inner.synced.elapsed() < SYNC_EVERY {
                return Ok(());
            }
            inner.dirty = false;
            inner.synced = Instant::now();
            inner.file.try_clone().map_err(|source| self.failed(source))?
        };
        file.sync_data().map_err(|source| self.failed(source))
    }

    /// What this process recorded so far, in the order of the source's keys.
    pub(super) fn recent<T>(&self, pick: Pick<T>) -> Result<Recent<T>, JournalError> {
        let end = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.flush().map_err(|source| self.failed(source))?;
            inner.length
        };
        Recent::open(&self.path, self.start, end, pick).map_err(|source| self.failed(source))
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), source }
    }
}

/// The file, made if it is not there, with its lock and what it says.
fn locked(path: &Path) -> Result<(File, Resumed, Extent), JournalError> {
    let failed = |source| JournalError::Io { path: path.to_owned(), source };
    for _ in 0..OPEN_TRIES {
        let mut file = private::open(path).map_err(failed)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(JournalError::InUse { path: path.to_owned() });
        }
        // Whoever went on with it may have put another file in its place before the lock was ours.
        if !is_at(&file, path) {
            continue;
        }
        let (resumed, extent) = read(&mut file, path)?;
        return Ok((file, resumed, extent));
    }
    Err(JournalError::InUse { path: path.to_owned() })
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |meta: &fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => place(&open) == place(&named),
        _ => false,
    }
}

fn sound(path: &Path, resumed: &Resumed) -> Result<(), JournalError> {
    match resumed.damaged {
        Some(line) => Err(JournalError::Damaged { path: path.to_owned(), line }),
        None => Ok(()),
    }
}

fn read(file: &mut File, path: &Path) -> Result<(Resumed, Extent), JournalError> {
    let failed = |source| JournalError::Io { path: path.to_owned(), source };
    let mut resumed = Resumed::default();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let extent = lines::records(&mut *file, &mut |end, record| resumed.apply(end, record)).map_err(failed)?;
    resumed.damaged = extent.damaged;
    resumed.sections.end = extent.good;
    let foreign = |reason| Err(JournalError::Foreign { path: path.to_owned(), reason });
    match resumed.schema {
        Some(schema) if !(OLDEST..=SCHEMA).contains(&schema) => {
            foreign(format!("its version is {schema}, this build reads {OLDEST} to {SCHEMA}"))
        }
        None if file.metadata().map_err(failed)?.len() > MAX_LINE_BYTES as u64 => {
            foreign("its first line is not a record".to_owned())
        }
        _ => Ok((resumed, extent)),
    }
}

/// The same journal with what is known in order, and nothing after it: what the process that goes on begins with.
fn rewrite(path: &Path, beside: &Path, resumed: &Resumed, now_ms: i64) -> Result<(File, u64), JournalError> {
    let failed = |source| JournalError::Io { path: beside.to_owned(), source };
    let file = private::open(beside).map_err(failed)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(error.into()))?;
    file.set_len(0).map_err(failed)?;
    let journal = Journal::of(beside, file, 0)?;
    for record in resumed.records() {
        journal.note(&record)?;
    }
    let mut past = Past::open(path, &resumed.sections)?;
    while let Some(mut done) = past.next_done()? {
        // With the record, so that the next process doubts it too where this one is killed before it has looked.
        done.doubted |= resumed.restarted;
        journal.note(&Record::Done(done))?;
    }
    journal.write(&Record::Going { at_ms: now_ms, boot: boot() })?;
    journal.sync(true)?;
    let inner = journal.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((inner.file, inner.length))
}

/// Which start of the machine this is, where that is told.
fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}
