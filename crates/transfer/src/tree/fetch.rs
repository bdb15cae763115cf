//! From a store onto a disk.
//!
//! The tree is built beside its destination and moved there in one rename once every byte has been
//! compared; a fetch that fails or is killed leaves the destination as it was. What is at the destination
//! gives way, unless it is a user's: then [`deliver_tree`](crate::deliver_tree) is the call.

use crate::tree::deliver::put_beside_others;
use crate::tree::error::TransferError;
use crate::tree::files::{Counter, Fetched, expect_hash};
use crate::tree::manifest::{self, Entry, Links, Manifest, Root, SINGLE_FILE, USUAL, USUAL_EXECUTABLE};
use crate::tree::names::Prefix;
use crate::tree::overlay::lay_over;
use crate::tree::progress::Progress;
use crate::tree::publish::{Published, blocking};
use crate::tree::shelf::{AT_ONCE, Shelf};
use futures::TryStreamExt;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use welkin_store::Endpoint;

/// How the names of folders begin in which trees are built.
const WORKSHOP: &str = ".welkin-fetch-";

/// Puts the tree `digest` under `prefix` at `path`, replacing what is there. Folders above it are
/// made. `progress` counts bytes of content.
///
/// # Errors
/// [`TransferError::NotPublished`], [`TransferError::WrongTree`], [`TransferError::BadManifest`],
/// [`TransferError::Missing`], [`TransferError::WrongSize`], [`TransferError::Corrupt`],
/// [`TransferError::BadDestination`] for a path without a name, and failures of the disk or the
/// store. The destination is untouched then.
pub async fn fetch_tree(
    store: &Arc<dyn Endpoint>,
    prefix: &str,
    digest: &str,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let shelf = Shelf::new(store);
    let (prefix, manifest) = manifest::expect(&shelf, prefix, digest, Links::Inside).await?;
    fetch(&shelf, &prefix, manifest, digest, Target::new(path)?, progress).await
}

/// As [`fetch_tree`], for a tree that the same user made: its links are made as they were, wherever
/// they lead.
///
/// # Errors
/// As [`fetch_tree`].
pub async fn fetch_own_tree(
    store: &Arc<dyn Endpoint>,
    prefix: &str,
    digest: &str,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let shelf = Shelf::new(store);
    let (prefix, manifest) = manifest::expect(&shelf, prefix, digest, Links::Anywhere).await?;
    fetch(&shelf, &prefix, manifest, digest, Target::new(path)?, progress).await
}

/// Builds the tree of a manifest and moves it to its target.
pub(crate) async fn fetch(
    shelf: &Shelf,
    prefix: &Prefix,
    manifest: Manifest,
    digest: &str,
    target: Target,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let work = Workshop::new(&target).await?;
    let counter = Counter::new(progress);
    let (entries, counter) = (&manifest.entries, &counter);
    let fetched = futures::stream::iter((0..entries.len()).map(Ok))
        .try_for_each_concurrent(AT_ONCE, |at| fetch_file(shelf, prefix, &entries[at], &work, counter))
        .await;
    if let Err(error) = fetched {
        work.settled().await;
        return Err(error);
    }
    let published = Published::of(&manifest, digest.to_owned());
    let place = target.path.clone();
    blocking(&place, move || work.deliver(&manifest, &target)).await?;
    Ok(published)
}

/// Puts a file of a tree where it belongs in the workshop.
async fn fetch_file(
    shelf: &Shelf,
    prefix: &Prefix,
    entry: &Entry,
    work: &Workshop,
    counter: &Counter<'_>,
) -> Result<(), TransferError> {
    let Entry::File { path, size, blake3, executable, mode } = entry else { return Ok(()) };
    let (object, place) = (prefix.data(path), work.tree.join(path));
    let usual = if *executable { USUAL_EXECUTABLE } else { USUAL };
    let mode = mode.unwrap_or(usual);
    let presence = work.presence().await;
    let file = blocking(&place, {
        let place = place.clone();
        move || {
            let made = create(&place, mode);
            drop(presence);
            made
        }
    })
    .await?;
    let fetched = Fetched { file: Arc::new(file), path: place, counter };
    let found = shelf.read(&object, *size, &fetched).await?;
    expect_hash(&object, blake3, found)
}

/// Where a tree goes.
pub(crate) struct Target {
    path: PathBuf,
    parent: PathBuf,
    way: Way,
}

/// What becomes of what is at the target.
enum Way {
    /// It gives way.
    Replaced,
    /// It may be a user's and stays; the name says for which delivery.
    Kept(String),
    /// It stays where the tree has nothing.
    Overlaid,
}

impl Target {
    /// Where whatever is there gives way.
    pub(crate) fn new(path: &Path) -> Result<Self, TransferError> {
        let refused = |reason| TransferError::BadDestination { path: path.to_owned(), reason };
        path.file_name().ok_or_else(|| refused("it names no entry of a folder"))?;
        let parent = path.parent().ok_or_else(|| refused("it is the root"))?;
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        Ok(Self { path: path.to_owned(), parent: parent.to_owned(), way: Way::Replaced })
    }

    /// Where only nothing, an empty folder, and a file for a file give way. `delivery` names this one
    /// among all, so that what an earlier try of it left behind is known for its own.
    pub(crate) fn kept(path: &Path, delivery: &str) -> Result<Self, TransferError> {
        Ok(Self { way: Way::Kept(delivery.to_owned()), ..Self::new(path)? })
    }

    /// Where the tree is laid over what is there.
    pub(crate) fn overlaid(path: &Path) -> Result<Self, TransferError> {
        Ok(Self { way: Way::Overlaid, ..Self::new(path)? })
    }
}

/// The folder beside the destination in which the tree is built; removed when the last who is in it has left. Work on a
/// thread that waits for the disk goes on when nobody waits for it any more, and would make the folder again.
struct Workshop {
    folder: Arc<TempDir>,
    tree: PathBuf,
    /// Held for reading by whoever makes names in it.
    making: Arc<RwLock<()>>,
}

/// Somebody who makes names in a workshop. The folder is let go before the lock.
struct Presence {
    _folder: Arc<TempDir>,
    _making: OwnedRwLockReadGuard<()>,
}

impl Workshop {
    async fn new(target: &Target) -> Result<Self, TransferError> {
        let parent = target.parent.clone();
        let delivery = match &target.way {
            Way::Kept(delivery) => Some(delivery.clone()),
            Way::Replaced | Way::Overlaid => None,
        };
        blocking(&target.path, move || {
            std::fs::create_dir_all(&parent)
                .map_err(|error| TransferError::local("create", &parent, error))?;
            let folder = match &delivery {
                Some(delivery) => own_folder(&parent, delivery),
                None => tempfile::Builder::new().prefix(WORKSHOP).tempdir_in(&parent),
            };
            let folder =
                folder.map_err(|error| TransferError::local("create a folder in", &parent, error))?;
            let tree = folder.path().join("new");
            std::fs::create_dir(&tree).map_err(|error| TransferError::local("create", &tree, error))?;
            Ok(Self { folder: Arc::new(folder), tree, making: Arc::default() })
        })
        .await
    }

    async fn presence(&self) -> Presence {
        let _making = Arc::clone(&self.making).read_owned().await;
        Presence { _folder: Arc::clone(&self.folder), _making }
    }

    /// Waits until nobody makes names in it, so that nothing is left of it once it is dropped.
    async fn settled(&self) {
        drop(self.making.write().await);
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
        match target.way {
            Way::Kept(_) => put_beside_others(&new, &target.path)?,
            Way::Replaced => self.replace(&new, &target.path)?,
            Way::Overlaid => lay_over(&new, &target.path)?,
        }
        close(manifest, &target.path)
    }

    /// Puts what is new in the place of whatever is there.
    fn replace(&self, new: &Path, target: &Path) -> Result<(), TransferError> {
        let failed = |error| TransferError::local("replace", target, error);
        // A folder cannot be renamed over another, so the old one steps aside into the workshop,
        // and comes back should the new one not get into its place.
        let old = self.folder.path().join("old");
        let stepped_aside = match std::fs::rename(target, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        if let Err(error) = std::fs::rename(new, target) {
            if stepped_aside {
                std::fs::rename(&old, target).map_err(failed)?;
            }
            return Err(failed(error));
        }
        Ok(())
    }
}

/// A workshop that a delivery finds again: what a try that was killed left in it is cleared away.
fn own_folder(parent: &Path, delivery: &str) -> io::Result<TempDir> {
    let name = format!("{WORKSHOP}{}", &blake3::hash(delivery.as_bytes()).to_hex()[..32]);
    match std::fs::remove_dir_all(parent.join(&name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir_in(parent)
}

/// Gives folders their own permissions, the innermost first: what is in one is there already, and one
/// that cannot be written any more can no longer be moved either.
pub(crate) fn close(manifest: &Manifest, root: &Path) -> Result<(), TransferError> {
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
