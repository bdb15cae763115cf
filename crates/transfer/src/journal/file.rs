//! The file of a journal.

use crate::journal::record::{Record, SCHEMA};
use crate::journal::state::Resumed;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Longest line: two keys of 4 KiB, each byte of them escaped to six, and versions.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// How often the file is synced at most.
const SYNC_EVERY: Duration = Duration::from_secs(1);

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
    /// It was written by a build that is newer, or it is none.
    #[error("{path} is not a journal that this build reads: {reason}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A journal being written. The lock on its file goes when the process does.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    line: Vec<u8>,
    synced: Instant,
    dirty: bool,
}

impl Journal {
    /// Begins a journal, or opens the one that is there. What it says comes back with it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, id: &str, what: &str, now_ms: i64) -> Result<(Self, Resumed), JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(JournalError::InUse { path: path.to_owned() });
        }
        let (resumed, good) = read(&mut file, path)?;
        // A line that a killed process was writing.
        file.set_len(good).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let inner = Inner { file, line: Vec::new(), synced: Instant::now(), dirty: false };
        let journal = Self { path: path.to_owned(), inner: Mutex::new(inner) };
        if resumed.id.is_none() {
            let (id, what) = (id.to_owned(), what.to_owned());
            journal.write(&Record::Open { schema: SCHEMA, id, what, at_ms: now_ms })?;
        }
        Ok((journal, resumed))
    }

    /// Reads a journal without taking it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn peek(path: &Path) -> Result<Resumed, JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        read(&mut File::open(path).map_err(failed)?, path).map(|(resumed, _)| resumed)
    }

    /// Calls `each` with every record of a journal, in order.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn replay(path: &Path, mut each: impl FnMut(Record)) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        records(&mut file, &mut each).map(drop).map_err(failed)
    }

    /// Puts something on record. When this returns, the death of this process loses nothing of it.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn write(&self, record: &Record) -> Result<(), JournalError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        encode(record, &mut inner.line);
        inner.dirty = true;
        inner.file.write_all(&inner.line).map_err(|source| self.failed(source))
    }

    /// Brings what was written to the disk, if that is due. Blocks; call it where that does no harm.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn sync(&self, now: bool) -> Result<(), JournalError> {
        let file = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            if !inner.dirty || !now && inner.synced.elapsed() < SYNC_EVERY {
                return Ok(());
            }
            inner.dirty = false;
            inner.synced = Instant::now();
            inner.file.try_clone().map_err(|source| self.failed(source))?
        };
        file.sync_data().map_err(|source| self.failed(source))
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

/// Sixteen hex digits, a space, the record, a line's end.
fn encode(record: &Record, line: &mut Vec<u8>) {
    line.clear();
    line.extend_from_slice(&[b'0'; 17]);
    serde_json::to_writer(&mut *line, record).expect("records have only string keys");
    let sum = format!("{:016x} ", crc(&line[17..]));
    line[..17].copy_from_slice(sum.as_bytes());
    line.push(b'\n');
}

fn decode(line: &[u8]) -> Option<Record> {
    let (sum, text) = line.strip_suffix(b"\n")?.split_at_checked(17)?;
    let sum = std::str::from_utf8(sum).ok()?.strip_suffix(' ')?;
    (u64::from_str_radix(sum, 16).ok()? == crc(text)).then(|| serde_json::from_slice(text).ok())?
}

fn crc(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

fn read(file: &mut File, path: &Path) -> Result<(Resumed, u64), JournalError> {
    let mut resumed = Resumed::default();
    let mut foreign = None;
    let good = records(file, &mut |record| {
        if let Record::Open { schema, .. } = &record
            && *schema != SCHEMA
        {
            foreign = Some(format!("its version is {schema}, this build reads {SCHEMA}"));
        }
        resumed.apply(record);
    })
    .map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    let length = file.metadata().map_or(good, |meta| meta.len());
    if resumed.id.is_none() && length > 0 && length > MAX_LINE_BYTES as u64 {
        foreign = Some("its first line is no record".to_owned());
    }
    match foreign {
        Some(reason) => Err(JournalError::Foreign { path: path.to_owned(), reason }),
        None => Ok((resumed, good)),
    }
}

/// Every good record up to the first bad line, and where that begins.
fn records(file: &mut File, each: &mut dyn FnMut(Record)) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut input = BufReader::with_capacity(MAX_LINE_BYTES, file);
    let mut good = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = io::Read::take(&mut input, MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        match decode(&line) {
            Some(record) => each(record),
            None => return Ok(good),
        }
        good += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Done;

    fn done(key: &str) -> Record {
        Record::Done(Done {
            source: key.to_owned(),
            version: Some("\"v\"".to_owned()),
            key: format!("to/{key}"),
            size: 5,
            blake3: blake3::hash(b"x").to_hex().to_string(),
            target_version: None,
        })
    }

    #[test]
    fn a_journal_cut_anywhere_reads_as_what_was_written_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let mut ends = Vec::new();
        {
            let (journal, resumed) = Journal::open(&path, "t", "w", 7).unwrap();
            assert_eq!(resumed, Resumed::default());
            for key in ["a", "b\nü", "c"] {
                journal.write(&done(key)).unwrap();
                ends.push(std::fs::metadata(&path).unwrap().len());
            }
            assert!(matches!(Journal::open(&path, "t", "w", 7), Err(JournalError::InUse { .. })));
            journal.sync(true).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (journal, resumed) = Journal::open(&path, "t", "w", 7).unwrap();
            let expected = ends.iter().filter(|end| **end <= cut as u64).count();
            assert_eq!(resumed.done.len(), expected, "{cut}");
            journal.write(&done("more")).unwrap();
            drop(journal);
            assert_eq!(Journal::peek(&path).unwrap().done.len(), expected + 1);
        }
    }

    #[test]
    fn a_flipped_bit_ends_what_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let (journal, _) = Journal::open(&path, "t", "w", 7).unwrap();
        let first = std::fs::metadata(&path).unwrap().len() as usize;
        journal.write(&done("a")).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for at in first..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(Journal::peek(&path).unwrap().done.is_empty(), "{at}");
        }
    }
}
