//! Room on the disk of this machine for what a host says that it has.
//!
//! *Guarantee:* however large an output is said to be, and however much is sent, some room stays on the disk: the records of all
//! runs may lie on it, and so may those of others.

use std::io;
use std::path::Path;
use welkin_units::Bytes;

/// What stays free: the records of some hundred runs, and so much that other programs can still end in good order.
const STAYS_BYTES: u64 = 256 << 20;

/// Of a small disk no more than this part stays free.
const STAYS_PART: u64 = 20;

/// What a file takes besides its bytes, at most: the rest of its last block, and its entry.
const FILE_BYTES: u64 = 4 << 10;

/// Most files of an output: a tree has a manifest and some thousand packs at the most. No host has more to tell of.
const MOST_FILES: usize = 100_000;

/// Whether files of these sizes have room in a folder, which need not be there yet.
///
/// # Errors
/// When they have not, or when nobody knows.
pub(super) fn check(folder: &Path, sizes: impl IntoIterator<Item = u64>) -> io::Result<()> {
    let about = rustix::fs::statvfs(there(folder))?;
    let size = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    fits(size(about.f_blocks), size(about.f_bavail), sizes)
}

/// The same for a disk of so many bytes, so many of which are free.
fn fits(all: u64, free: u64, sizes: impl IntoIterator<Item = u64>) -> io::Result<()> {
    let free = free.saturating_sub(STAYS_BYTES.min(all / STAYS_PART));
    let (mut files, mut bytes) = (0, 0_u64);
    for size in sizes {
        files += 1;
        bytes = bytes.saturating_add(size).saturating_add(FILE_BYTES);
        if files > MOST_FILES {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("there are more than {MOST_FILES} files"),
            ));
        }
    }
    if bytes <= free {
        return Ok(());
    }
    let words =
        format!("{} are to be written, and there is room for {}", Bytes::new(bytes), Bytes::new(free));
    Err(io::Error::new(io::ErrorKind::StorageFull, words))
}

/// The nearest folder above that is there.
fn there(folder: &Path) -> &Path {
    let found = folder.ancestors().find(|folder| folder.exists());
    found.unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_be_larger_than_the_room_is_refused() {
        let (all, free) = (100 << 30, 10 << 30);
        let most = free - STAYS_BYTES;
        for (sizes, fit) in [
            (vec![], true),
            (vec![most - FILE_BYTES], true),
            (vec![most - FILE_BYTES + 1], false),
            (vec![most - 2 * FILE_BYTES, 0], true),
            (vec![most - 2 * FILE_BYTES, 1], false),
            (vec![u64::MAX, u64::MAX], false),
            (vec![0; MOST_FILES], true),
            (vec![0; MOST_FILES + 1], false),
        ] {
            let refused = fits(all, free, sizes.iter().copied()).err().map(|error| error.kind());
            assert_eq!(
                refused,
                (!fit).then_some(io::ErrorKind::StorageFull),
                "{} {:?}",
                sizes.len(),
                sizes.first()
            );
        }
        // A disk of 100 MiB is used but for 5.
        assert!(fits(100 << 20, 50 << 20, [44 << 20]).is_ok());
        assert!(fits(100 << 20, 50 << 20, [46 << 20]).is_err());
        assert!(fits(100 << 20, 0, [0]).is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_lies_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(there(&folder.path().join("a/b")), folder.path());
        assert!(check(&folder.path().join("a/b"), [u64::MAX]).is_err());
    }
}
