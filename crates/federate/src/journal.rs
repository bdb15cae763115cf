//! What a coordinator keeps of a training, so that it can go on when it was killed; and a party, for a coordinator that was lost.
//!
//! A file of records, each behind its length and a hash of all before it. A record that was not written to its end is cut
//! off when the file is opened again; anything else that is wrong with the file is said, and nothing is made of it.
//!
//! The file holds what the coordinator knows anyway and tells all parties: the plan, the cuts, the trees. It can be read by its owner
//! only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use welkin_boost::federated::Unreadable;

const MARK: &[u8] = b"welkin-federated-1\n";

/// Length and hash.
const HEAD_BYTES: usize = 4 + 32;

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    #[error("cannot use {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// Another coordinator has it.
    #[error("another process trains with {}", .0.display())]
    Busy(PathBuf),
    /// It is another file, or was changed.
    #[error("{} is not what is kept of a training, or was changed", .0.display())]
    Damaged(PathBuf),
    /// What it is about cannot be read, as that of another version.
    #[error("{} cannot be gone on with; end that training with the version that began it, or remove the file", .path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Unreadable,
    },
    /// It is of a training that was asked for in other words.
    #[error(
        "{} is of a training with other parameters, parties or data ({what}): finish that one, or remove the file",
        .path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// What is trained: the plan.
    Plan(Vec<u8>),
    /// What a party's rows are, without a word about what is in them.
    Rows(Vec<u8>),
    /// What the trainer said.
    Step(Vec<u8>),
    /// A party has the model.
    Kept(usize),
}

impl Record {
    fn write(&self) -> Vec<u8> {
        match self {
            Self::Plan(bytes) => [&[0], &bytes[..]].concat(),
            Self::Rows(bytes) => [&[1], &bytes[..]].concat(),
            Self::Step(bytes) => [&[2], &bytes[..]].concat(),
            Self::Kept(party) => [&[3], &(*party as u64).to_le_bytes()[..]].concat(),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        match tag {
            0 => Some(Self::Plan(rest.to_vec())),
            1 => Some(Self::Rows(rest.to_vec())),
            2 => Some(Self::Step(rest.to_vec())),
            3 => Some(Self::Kept(usize::try_from(u64::from_le_bytes(rest.try_into().ok()?)).ok()?)),
            _ => None,
        }
    }
}

/// See the head of the module.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    chain: blake3::Hash,
}

impl Journal {
    /// Opens or makes the file, and reads what is in it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Record>), JournalError> {
        let failed = |error| JournalError::Io(path.to_owned(), error);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let mut journal = Self { path: path.to_owned(), file, chain: blake3::hash(MARK) };
        if MARK.starts_with(&bytes) {
            // New, or killed before its first words were written.
            journal.write(0, MARK).map_err(failed)?;
            return Ok((journal, Vec::new()));
        }
        let damaged = || JournalError::Damaged(path.to_owned());
        let mut rest = bytes.strip_prefix(MARK).ok_or_else(damaged)?;
        let mut records = Vec::new();
        while let Some((record, chain, after)) = next(rest, journal.chain) {
            records.push(record.ok_or_else(damaged)?);
            (journal.chain, rest) = (chain, after);
        }
        if !is_torn(rest) {
            return Err(damaged());
        }
        let end = (bytes.len() - rest.len()) as u64;
        journal.file.set_len(end).map_err(failed)?;
        journal.file.seek(SeekFrom::Start(end)).map_err(failed)?;
        Ok((journal, records))
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    /// Adds a record, safely.
    pub(crate) fn add(&mut self, record: &Record) -> Result<(), JournalError> {
        self.add_all(std::iter::once(record))
    }

    /// Adds records, safely, and all of them at the cost of one.
    pub(crate) fn add_all<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), JournalError> {
        let (mut bytes, mut chain) = (Vec::new(), self.chain);
        for payload in records.map(Record::write) {
            chain = chained(chain, &payload);
            bytes.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(chain.as_bytes());
            bytes.extend(payload);
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| JournalError::Io(self.path.clone(), error))?;
        self.chain = chain;
        Ok(())
    }

    /// Puts other records in place of those that are there. If it is killed meanwhile, some of them may not be there.
    pub(crate) fn replace<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<(), JournalError> {
        let emptied = self.file.set_len(0).and_then(|()| self.write(0, MARK));
        emptied.map_err(|error| JournalError::Io(self.path.clone(), error))?;
        self.chain = blake3::hash(MARK);
        self.add_all(records)
    }

    /// Removes the file: the training is over.
    pub(crate) fn remove(self) -> Result<(), JournalError> {
        std::fs::remove_file(&self.path).map_err(|error| JournalError::Io(self.path, error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn chained(before: blake3::Hash, payload: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(before.as_bytes()).update(payload).finalize()
}

/// The first record of bytes, if it is complete and follows what was before it.
fn next(bytes: &[u8], before: blake3::Hash) -> Option<(Option<Record>, blake3::Hash, &[u8])> {
    let (length, payload, rest) = parts(bytes)?;
    let chain = chained(before, payload);
    let same = chain.as_bytes()[..] == bytes[4..HEAD_BYTES];
    (same && payload.len() == length).then(|| (Record::read(payload), chain, rest))
}

fn parts(bytes: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (_, rest) = rest.split_at_checked(HEAD_BYTES - 4)?;
    let (payload, rest) = rest.split_at_checked(length)?;
    Some((length, payload, rest))
}

/// Whether what is left is a record that was not written to its end, or whose bytes did not reach the disk.
fn is_torn(rest: &[u8]) -> bool {
    parts(rest).is_none_or(|(_, _, behind)| behind.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        vec![
            Record::Plan(b"plan".to_vec()),
            Record::Rows(vec![1; 40]),
            Record::Step(vec![2; 300]),
            Record::Kept(3),
        ]
    }

    fn written(path: &Path) {
        let (mut journal, before) = Journal::open(path).unwrap();
        assert_eq!(before, []);
        records().iter().for_each(|record| journal.add(record).unwrap());
    }

    #[test]
    fn what_was_added_is_there_again_and_a_torn_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        written(&path);
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let (mut journal, read) = Journal::open(&path).unwrap();
            assert_eq!(read, records()[..read.len()], "up to {end}");
            assert!(end < bytes.len() || read.len() == 4);
            journal.add(&Record::Kept(9)).unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path).unwrap().1.last(), Some(&Record::Kept(9)), "up to {end}");
        }
    }

    #[test]
    fn other_records_take_the_place_of_those_that_were_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        written(&path);
        let (mut journal, _) = Journal::open(&path).unwrap();
        let others = [Record::Plan(b"other".to_vec()), Record::Step(vec![3; 9])];
        journal.replace(others.iter()).unwrap();
        journal.add(&Record::Kept(1)).unwrap();
        drop(journal);
        let [one, other] = others;
        assert_eq!(Journal::open(&path).unwrap().1, [one, other, Record::Kept(1)]);
    }

    #[test]
    fn a_file_that_is_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "a letter to somebody").unwrap();
        assert!(matches!(Journal::open(&path).unwrap_err(), JournalError::Damaged(_)));
        assert_eq!(std::fs::read(&path).unwrap(), b"a letter to somebody");
        std::fs::remove_file(&path).unwrap();
        written(&path);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[MARK.len() + HEAD_BYTES + 2] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(Journal::open(&path).unwrap_err(), JournalError::Damaged(_)));
    }

    #[test]
    fn two_at_once_are_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let one = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path).unwrap_err(), JournalError::Busy(_)));
        drop(one);
        Journal::open(&path).unwrap();
    }
}
