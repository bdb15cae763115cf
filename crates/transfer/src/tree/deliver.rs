//! From a store to a place of a user's.
//!
//! What is there is judged by the rename itself, not before it: the kernel lets a folder take the place of
//! an empty one only, and a file that of a file. So what arrived while the tree was on its way stays, however
//! late it came. Stepping aside and looking afterwards was rejected: a kill in between hides what is
//! a user's in a folder that the next try clears away.

use crate::tree::error::TransferError;
use crate::tree::fetch::{Target, close, fetch};
use crate::tree::manifest::{self, Entry, Links, Manifest, Root};
use crate::tree::progress::Progress;
use crate::tree::publish::{Published, blocking};
use crate::tree::shelf::Shelf;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{File, symlink_metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_store::Endpoint;

/// Puts the tree `digest` under `prefix` at `path` if nothing is there, or an empty folder, or, for a tree
/// that is one file, a file. A link is followed. A tree that is there already, as an earlier try
/// left it, stays with all that was put beside its files. `delivery` names this delivery among all.
///
/// # Errors
/// As [`fetch_tree`](crate::fetch_tree), and [`TransferError::Occupied`] when something else is there. The
/// destination is untouched then.
pub async fn deliver_tree(
    store: &Arc<dyn Endpoint>,
    prefix: &str,
    digest: &str,
    path: &Path,
    delivery: &str,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let shelf = Shelf::new(store);
    let (prefix, manifest) = manifest::expect(&shelf, prefix, digest, Links::Inside).await?;
    let (path, manifest, there) = blocking(path, {
        let path = path.to_owned();
        move || look(&path, manifest)
    })
    .await?;
    if there {
        return Ok(Published::of(&manifest, digest.to_owned()));
    }
    fetch(&shelf, &prefix, manifest, digest, Target::kept(&path, delivery)?, progress).await
}

/// Where a path leads, and whether the tree is there. What stands in its way is told of before bytes move.
fn look(path: &Path, manifest: Manifest) -> Result<(PathBuf, Manifest, bool), TransferError> {
    let occupied = |path: &Path| TransferError::Occupied { path: path.to_owned() };
    let path = match symlink_metadata(path) {
        Ok(found) if found.is_symlink() => path.canonicalize().map_err(|_| occupied(path))?,
        _ => path.to_owned(),
    };
    let Ok(found) = symlink_metadata(&path) else { return Ok((path, manifest, false)) };
    let gives_way = match manifest.root {
        Root::File if found.is_file() => true,
        _ => found.is_dir() && std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none()),
    };
    if gives_way {
        return Ok((path, manifest, false));
    }
    if manifest.root == Root::Dir && holds(&path, &manifest) {
        close(&manifest, &path)?;
        return Ok((path, manifest, true));
    }
    Err(occupied(&path))
}

/// Whether everything of a tree is in a folder.
fn holds(folder: &Path, manifest: &Manifest) -> bool {
    !manifest.entries.is_empty()
        && manifest.entries.iter().all(|entry| is_there(&folder.join(entry.path()), entry).unwrap_or(false))
}

fn is_there(place: &Path, entry: &Entry) -> io::Result<bool> {
    let found = symlink_metadata(place)?;
    Ok(match entry {
        Entry::Dir { .. } => found.is_dir(),
        Entry::Link { target, .. } => found.is_symlink() && std::fs::read_link(place)? == Path::new(target),
        Entry::File { size, blake3, .. } => {
            found.is_file() && found.len() == *size && {
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(File::open(place)?)?;
                hasher.finalize().to_hex().as_str() == blake3
            }
        }
    })
}

/// Moves what is new to a place where nothing of others gives way but a file to a file.
pub(crate) fn put_beside_others(new: &Path, target: &Path) -> Result<(), TransferError> {
    match renameat_with(CWD, new, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        // Something is there, or the file system has no such renames.
        Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS | Errno::NOTEMPTY) => {}
        Err(error) => return Err(TransferError::local("replace", target, error.into())),
    }
    let occupied = || TransferError::Occupied { path: target.to_owned() };
    if new.is_file() {
        match symlink_metadata(target) {
            // Goes only if it is empty.
            Ok(found) if found.is_dir() => std::fs::remove_dir(target).map_err(|_| occupied())?,
            Ok(found) if !found.is_file() => return Err(occupied()),
            _ => {}
        }
    }
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, IsADirectory, NotADirectory, ResourceBusy};
    std::fs::rename(new, target).map_err(|error| match error.kind() {
        AlreadyExists | DirectoryNotEmpty | IsADirectory | NotADirectory | ResourceBusy => occupied(),
        _ => TransferError::local("replace", target, error),
    })
}
