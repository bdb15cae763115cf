//! Files that survive a kill: whole or absent, never torn.
//!
//! *Guarantee.* A reader sees the old content or the new one, also after a power cut; a folder made
//! by [`publish_dir`] appears with all its content, once, whoever else tries. [`settle_names`] puts
//! the last change on the disk before it returns; without it a power cut may bring the old content
//! back, which is no harm to what describes processes, since they end with the power. A sync costs
//! some milliseconds and is most of the cost of a lease. Locks are advisory and belong to an open folder, so a killed process lets go of them
//! and renaming a locked folder keeps it locked.

use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Marks unfinished files and folders; whatever carries it is invisible to every reader.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// Replaces `path` by `content`.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let draft = unfinished(parent);
    let written = (|| {
        let mut file = private_file().truncate(true).open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        // The draft is invisible; a failure to remove it must not hide the first failure.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Puts the names in `folder` on the disk, with what they stand for.
pub(crate) fn settle_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the folder `path` appear with the file `name` in it, already locked by the caller; `None`
/// when it is already there.
///
/// Renaming a folder onto one that is not empty fails, which makes this create-exclusive and atomic
/// at once.
pub(crate) fn publish_dir(path: &Path, name: &str, content: &[u8]) -> io::Result<Option<Lock>> {
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let draft = unfinished(parent);
    make_private(&draft)?;
    let lock = (|| {
        let lock = Lock::take(&draft)?;
        replace(&draft.join(name), content)?;
        settle_names(&draft)?;
        fs::rename(&draft, path)?;
        settle_names(parent)?;
        Ok(lock)
    })();
    match lock {
        Ok(lock) => Ok(Some(lock)),
        Err(error) => {
            // As above: only what is invisible is removed, and the first failure is the one to tell.
            let _ = fs::remove_dir_all(&draft);
            let taken = io::Error::kind(&error) == io::ErrorKind::DirectoryNotEmpty || path.exists();
            if taken { Ok(None) } else { Err(error) }
        }
    }
}

/// How to make a file that only its owner may read.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600);
    options
}

/// Makes the folders of `path` that are missing, for their owner alone: leases, homes and buckets hold
/// the data of tasks.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The visible entries of a folder; none when it does not exist.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(numbered(folder)?.into_iter().map(|(path, _)| path).collect())
}

/// As [`entries`], each with its number on the disk.
pub(crate) fn numbered(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in found {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            paths.push((entry.path(), entry.ino()));
        }
    }
    paths.sort();
    Ok(paths)
}

/// An exclusive hold on a folder, let go when dropped or when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: File,
}

impl Lock {
    /// Waits for the hold.
    pub(crate) fn take(folder: &Path) -> io::Result<Self> {
        let folder = File::open(folder)?;
        flock(&folder, FlockOperation::LockExclusive)?;
        Ok(Self { _folder: folder })
    }
}

fn unfinished(parent: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    parent.join(format!("{UNFINISHED}{}-{count}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_once_and_whole() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lease");
        let first = publish_dir(&path, "record", b"one").unwrap();
        assert!(first.is_some());
        assert!(publish_dir(&path, "record", b"two").unwrap().is_none());
        assert_eq!(fs::read(path.join("record")).unwrap(), b"one");
        assert_eq!(entries(root.path()).unwrap(), [path]);
    }

    #[test]
    fn a_published_folder_is_locked_until_let_go() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lease");
        let lock = publish_dir(&path, "record", b"one").unwrap().unwrap();
        let other = File::open(&path).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(lock);
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    }

    #[test]
    fn replacing_leaves_no_draft() {
        let root = tempfile::tempdir().unwrap();
        replace(&root.path().join("file"), b"one").unwrap();
        replace(&root.path().join("file"), b"two").unwrap();
        assert_eq!(fs::read(root.path().join("file")).unwrap(), b"two");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_has_no_entries() {
        assert!(entries(Path::new("/nonexistent/welkin")).unwrap().is_empty());
    }
}
