//! Files that a broker is sending and that are not whole yet.
//!
//! 1. The first piece begins a draft of its own, in place of what was begun before for the same file.
//! 2. Each piece is written to the draft that is known, and noted once it is written.
//! 3. The last piece makes the file appear, if every byte before it was noted.
//!
//! *Guarantee.* A file that appears has no gap. A piece that finds no beginning is refused with an error that says to
//! try again: the pieces before it went to the server of a connection that broke, or somebody else began anew. A piece
//! that was late lands in the draft that it belongs to or in none.
//!
//! *Rejected:* one name for the draft of each file and server. Another server, or a second sender, then fills up what it
//! finds, and a hole reads as zeros.

use crate::machine::private_file;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Ends the name of a file that is not whole yet.
pub(super) const UNFINISHED: &str = ".unfinished~";

/// Most files that are on their way at once; a broker sends one to a node at a time. The one that was begun first gives
/// way.
const MOST: usize = 128;

/// The files on their way, by where they will be.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    begun: Mutex<VecDeque<(PathBuf, Arc<Draft>)>>,
}

/// A file on its way. What does not appear goes with it.
#[derive(Debug)]
struct Draft {
    path: PathBuf,
    /// Ends of what was written without a gap, by where it begins.
    written: Mutex<BTreeMap<u64, u64>>,
}

impl Drafts {
    /// Writes a piece of `target`, whose folder is there; the last one makes the file appear.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] where what comes before the piece is not here, and that of the disk.
    pub(super) fn write(&self, target: &Path, offset: u64, last: bool, piece: &[u8]) -> io::Result<()> {
        let end = offset.checked_add(piece.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        let (draft, file) = if offset == 0 { self.begin(target)? } else { self.known(target)? };
        file.write_all_at(piece, offset)?;
        draft.note(offset, end);
        if !last {
            return Ok(());
        }
        if !draft.is_whole(end) {
            return Err(cut_off());
        }
        fs::rename(&draft.path, target)?;
        self.forget(target, &draft);
        Ok(())
    }

    fn begin(&self, target: &Path) -> io::Result<(Arc<Draft>, File)> {
        let (draft, file) = Draft::new(target)?;
        let draft = Arc::new(draft);
        let mut begun = self.begun();
        let before = begun.iter().position(|(known, _)| known == target);
        let gone = match before {
            Some(at) => begun.remove(at),
            None if begun.len() == MOST => begun.pop_front(),
            None => None,
        };
        begun.push_back((target.to_owned(), Arc::clone(&draft)));
        drop(begun);
        // Removes its file, which nobody need wait for.
        drop(gone);
        Ok((draft, file))
    }

    fn known(&self, target: &Path) -> io::Result<(Arc<Draft>, File)> {
        let found =
            self.begun().iter().find(|(known, _)| known == target).map(|(_, draft)| Arc::clone(draft));
        let draft = found.ok_or_else(cut_off)?;
        // Open no longer than for a piece: what is on its way to a lease that ends must not keep its room.
        let file = OpenOptions::new().write(true).open(&draft.path)?;
        Ok((draft, file))
    }

    fn forget(&self, target: &Path, draft: &Arc<Draft>) {
        self.begun().retain(|(known, other)| known != target || !Arc::ptr_eq(other, draft));
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, VecDeque<(PathBuf, Arc<Draft>)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draft {
    /// No two have one name: a server of another connection may be writing the same file.
    fn new(target: &Path) -> io::Result<(Self, File)> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut name = target.as_os_str().to_owned();
        name.push(format!(".{}.{count}{UNFINISHED}", std::process::id()));
        let path = PathBuf::from(name);
        // Something may be there from a process that had this number before.
        let file = private_file().truncate(true).open(&path)?;
        Ok((Self { path, written: Mutex::default() }, file))
    }

    fn note(&self, from: u64, to: u64) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut from, mut to) = (from, to);
        // What touches becomes one.
        while let Some((&start, &end)) = written.range(..=to).next_back()
            && end >= from
        {
            written.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        written.insert(from, to);
    }

    fn is_whole(&self, length: u64) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.len() == 1 && written.get(&0) == Some(&length)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed already, as a rule.
        let _ = fs::remove_file(&self.path);
    }
}

fn cut_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::Interrupted,
        "what comes before this piece is not here; send it from its beginning",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_beginning_went_to_another_server_does_not_appear() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("pack");
        let (first, second) = (Drafts::default(), Drafts::default());
        first.write(&target, 0, false, b"one").unwrap();
        let refused = second.write(&target, 3, true, b"two").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Interrupted);
        assert!(!target.exists());
        // The old one may still get what was on its way.
        second.write(&target, 0, false, b"one").unwrap();
        first.write(&target, 3, true, b"two").unwrap();
        second.write(&target, 3, true, b"two").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"onetwo");
        drop((first, second));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_with_a_gap_does_not_appear() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("pack");
        let drafts = Drafts::default();
        drafts.write(&target, 0, false, b"aa").unwrap();
        drafts.write(&target, 4, false, b"cc").unwrap();
        assert_eq!(drafts.write(&target, 6, true, b"d").unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert!(!target.exists());
        // In any order, and again.
        drafts.write(&target, 2, false, b"bb").unwrap();
        drafts.write(&target, 2, false, b"bb").unwrap();
        drafts.write(&target, 6, true, b"d").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"aabbccd");
    }

    #[test]
    fn who_begins_anew_is_not_ended_by_the_last_piece_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("pack");
        let drafts = Drafts::default();
        drafts.write(&target, 0, false, b"aa").unwrap();
        drafts.write(&target, 2, false, b"bb").unwrap();
        drafts.write(&target, 0, false, b"aa").unwrap();
        assert_eq!(drafts.write(&target, 4, true, b"c").unwrap_err().kind(), io::ErrorKind::Interrupted);
        drafts.write(&target, 2, false, b"bb").unwrap();
        drafts.write(&target, 4, true, b"c").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"aabbc");
    }

    #[test]
    fn of_many_files_that_were_begun_the_first_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let target = |number: usize| folder.path().join(number.to_string());
        let drafts = Drafts::default();
        for number in 0..=MOST {
            drafts.write(&target(number), 0, false, b"a").unwrap();
        }
        assert_eq!(drafts.write(&target(0), 1, true, b"b").unwrap_err().kind(), io::ErrorKind::Interrupted);
        drafts.write(&target(1), 1, true, b"b").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MOST);
    }
}
