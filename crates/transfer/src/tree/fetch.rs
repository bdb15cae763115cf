//! From a store onto a disk.
//!
//! The tree is built beside its destination and moved there in one rename once every byte has been
//! compared; a fetch that fails or is killed leaves the destination as it was.

use crate::tree::chunks::{Chunks, expect_hash};
use crate::tree::error::TransferError;
use crate::tree::manifest::{self, Entry, Links, Manifest, Root, SINGLE_FILE, USUAL, USUAL_EXECUTABLE};
use crate::tree::names::data_object;
use crate::tree::progress::Progress;
use crate::tree::publish::{Published, blocking};
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Puts the tree `digest` under `prefix` at `path`, replacing what is there. Folders above it are
/// made. `progress` counts bytes of content.
///
/// # Errors
/// [`TransferError::NotPublished`], [`TransferError::WrongTree`], [`TransferError::BadManifest`],
/// [`TransferError::Missing`], [`TransferError::WrongSize`], [`TransferError::Corrupt`],
/// [`TransferError::BadDestination`] for a path without a name, and failures of the disk or the
/// store. The destination is untouched then.
pub async fn fetch_tree(
    store: &dyn ObjectStore,
    prefix: &str,
    digest: &str,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    fetch(store, prefix, digest, path, Links::Inside, progress).await
}

/// As [`fetch_tree`], for a tree that the same user made: its links are made as they were, wherever
/// they lead.
///
/// # Errors
/// As [`fetch_tree`].
pub async fn fetch_own_tree(
    store: &dyn ObjectStore,
    prefix: &str,
    digest: &str,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    fetch(store, prefix, digest, path, Links::Anywhere, progress).await
}

async fn fetch(
    store: &dyn ObjectStore,
    prefix: &str,
    digest: &str,
    path: &Path,
    links: Links,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let (prefix, manifest) = manifest::expect(store, prefix, digest, links).await?;
    let target = Target::new(path)?;
    let work = Workshop::new(&target).await?;
    let mut done = 0;
    for entry in &manifest.entries {
        if let Entry::File { path, size, blake3, executable, mode } = entry {
            let object = data_object(&prefix, path)?;
            let place = work.tree.join(path);
            let file = blocking(&place, {
                let place = place.clone();
                let usual = if *executable { USUAL_EXECUTABLE } else { USUAL };
                let mode = mode.unwrap_or(usual);
                move || create(&place, mode)
            })
            .await?;
            let found = write_file(store, &object, *size, file, &place, &mut done, progress).await?;
            expect_hash(&object, blake3, found)?;
        }
    }
    let published = Published::of(&manifest, digest.to_owned());
    let place = target.path.clone();
    blocking(&place, move || work.deliver(&manifest, &target)).await?;
    Ok(published)
}

/// Where a tree goes.
struct Target {
    path: PathBuf,
    parent: PathBuf,
}

impl Target {
    fn new(path: &Path) -> Result<Self, TransferError> {
        let refused = |reason| TransferError::BadDestination { path: path.to_owned(), reason };
        path.file_name().ok_or_else(|| refused("it names no entry of a folder"))?;
        let parent = path.parent().ok_or_else(|| refused("it is the root"))?;
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        Ok(Self { path: path.to_owned(), parent: parent.to_owned() })
    }
}

/// The folder beside the destination in which the tree is built; removed when dropped.
struct Workshop {
    folder: TempDir,
    tree: PathBuf,
}

impl Workshop {
    async fn new(target: &Target) -> Result<Self, TransferError> {
        let parent = target.parent.clone();
        blocking(&target.path, move || {
            std::fs::create_dir_all(&parent)
                .map_err(|error| TransferError::local("create", &parent, error))?;
            let folder = tempfile::Builder::new().prefix(".welkin-fetch-").tempdir_in(&parent);
            let folder =
                folder.map_err(|error| TransferError::local("create a folder in", &parent, error))?;
            let tree = folder.path().join("new");
            std::fs::create_dir(&tree).map_err(|error| TransferError::local("create", &tree, error))?;
            Ok(Self { folder, tree })
        })
        .await
    }

    /// Adds what is not a file, then puts the tree in its place.
    fn deliver(self, manifest: &Manifest, target: &Target) -> Result<(), TransferError> {
        for entry in &manifest.entries {
            let place = self.tree.join(entry.path());
            let made = match entry {
                Entry::File { .. } => Ok(()),
                Entry::Dir { .. } => make_dir(&place),
                Entry::Link { target, .. } => {
                    make_parent(&place).and_then(|()| std::os::unix::fs::symlink(target, &place))
                }
            };
            made.map_err(|error| TransferError::local("create", &place, error))?;
        }
        let new = match manifest.root {
            Root::File => self.tree.join(SINGLE_FILE),
            Root::Dir => self.tree.clone(),
        };
        let failed = |error| TransferError::local("replace", &target.path, error);
        // A folder cannot be renamed over another, so the old one steps aside into the workshop,
        // and comes back should the new one not get into its place.
        let old = self.folder.path().join("old");
        let stepped_aside = match std::fs::rename(&target.path, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        if let Err(error) = std::fs::rename(&new, &target.path) {
            if stepped_aside {
                std::fs::rename(&old, &target.path).map_err(failed)?;
            }
            return Err(failed(error));
        }
        close(manifest, &target.path)
    }
}

/// Gives folders their own permissions, the innermost first: what is in one is there already, and one
/// that cannot be written any more can no longer be moved either.
fn close(manifest: &Manifest, root: &Path) -> Result<(), TransferError> {
    let inner = manifest.entries.iter().rev().filter_map(|entry| match entry {
        Entry::Dir { path, mode: Some(mode) } => Some((root.join(path), *mode)),
        _ => None,
    });
    for (place, mode) in inner.chain(manifest.mode.map(|mode| (root.to_owned(), mode))) {
        let set = std::fs::set_permissions(&place, Permissions::from_mode(mode));
        set.map_err(|error| TransferError::local("set the permissions of", &place, error))?;
    }
    Ok(())
}

fn make_parent(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), make_dir)
}

/// Makes the folders that are missing.
fn make_dir(place: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(USUAL_EXECUTABLE).create(place)
}

/// Makes a file that was not there: what is already there is never written through.
fn create(place: &Path, mode: u32) -> Result<File, TransferError> {
    let made = make_parent(place).and_then(|()| {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok(file)
    });
    made.map_err(|error| TransferError::local("create", place, error))
}

async fn write_file(
    store: &dyn ObjectStore,
    object: &ObjectPath,
    size: u64,
    mut file: File,
    place: &Path,
    done: &mut u64,
    progress: Progress<'_>,
) -> Result<String, TransferError> {
    let mut chunks = Chunks::object(store, object, size).await?;
    while let Some(chunk) = chunks.next().await? {
        *done += chunk.len() as u64;
        let name = place.to_owned();
        file = blocking(place, move || match file.write_all(&chunk) {
            Ok(()) => Ok(file),
            Err(error) => Err(TransferError::local("write", name, error)),
        })
        .await?;
        progress(*done);
    }
    chunks.finish()
}
