//! From a store onto what is at a place already, as `rsync -a` lays a folder over another.
//!
//! 1. The tree is built beside the place, as for any fetch, so that nothing is touched before every byte was
//!    compared.
//! 2. A folder goes into the folder that is there, entry by entry; a file or a link takes the place of a
//!    file or a link; a folder takes that of a file or a link, and nothing but a folder that of an empty folder.
//! 3. Folders get the permissions they have in the tree. What the tree does not have stays.
//!
//! *Not promised:* one step. Whoever is killed between two entries leaves some of either. So this is for
//! places that nobody looks at before it has returned, such as the home of a node.

use crate::tree::error::TransferError;
use crate::tree::fetch::{Target, fetch};
use crate::tree::manifest::{self, Links};
use crate::tree::progress::Progress;
use crate::tree::publish::Published;
use crate::tree::shelf::Shelf;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use welkin_store::Endpoint;

/// Lays the tree `digest` under `prefix`, which the same user made, over what is at `path`.
///
/// # Errors
/// As [`fetch_tree`](crate::fetch_tree), and [`TransferError::Occupied`] where a file would have to
/// take the place of a folder with content.
pub async fn overlay_own_tree(
    store: &Arc<dyn Endpoint>,
    prefix: &str,
    digest: &str,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let shelf = Shelf::new(store);
    let (prefix, manifest) = manifest::expect(&shelf, prefix, digest, Links::Anywhere).await?;
    fetch(&shelf, &prefix, manifest, digest, Target::overlaid(path)?, progress).await
}

/// Moves what is new over what is there.
pub(crate) fn lay_over(new: &Path, there: &Path) -> Result<(), TransferError> {
    let failed = |error| TransferError::local("lay something over", there, error);
    let Some(old) = found(there).map_err(failed)? else { return fs::rename(new, there).map_err(failed) };
    let is_folder = new.symlink_metadata().map_err(failed)?.is_dir();
    match (is_folder, old.is_dir()) {
        (true, true) => return open_up(there, &old, || lay_inside(new, there)),
        (true, false) => fs::remove_file(there).map_err(failed)?,
        (false, true) => fs::remove_dir(there).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => TransferError::Occupied { path: there.to_owned() },
            _ => failed(error),
        })?,
        (false, false) => {}
    }
    fs::rename(new, there).map_err(failed)
}

fn found(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn lay_inside(new: &Path, there: &Path) -> Result<(), TransferError> {
    let failed = |error| TransferError::local("list", new, error);
    for entry in fs::read_dir(new).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        lay_over(&new.join(&name), &there.join(&name))?;
    }
    Ok(())
}

/// Does `work` in a folder that its owner may not be allowed to write, and leaves it as it was.
fn open_up(
    folder: &Path,
    old: &Metadata,
    work: impl FnOnce() -> Result<(), TransferError>,
) -> Result<(), TransferError> {
    let mode = old.permissions().mode() & 0o7777;
    let set = |mode| {
        fs::set_permissions(folder, Permissions::from_mode(mode))
            .map_err(|error| TransferError::local("set the permissions of", folder, error))
    };
    if mode & 0o700 == 0o700 {
        return work();
    }
    set(mode | 0o700)?;
    work()?;
    set(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_laid_over_another_as_rsync_does() {
        let root = tempfile::tempdir().unwrap();
        let [new, there] = ["new", "there"].map(|name| root.path().join(name));
        let write = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(&new.join("both/file"), "new");
        write(&new.join("both/added"), "new");
        write(&new.join("was-file/inner"), "new");
        write(&new.join("was-link"), "new");
        write(&new.join("was-empty"), "new");
        write(&there.join("both/file"), "old");
        write(&there.join("both/stays"), "old");
        write(&there.join("was-file"), "old");
        fs::create_dir(there.join("was-empty")).unwrap();
        write(&root.path().join("elsewhere"), "untouched");
        std::os::unix::fs::symlink("../elsewhere", there.join("was-link")).unwrap();
        fs::set_permissions(there.join("both"), Permissions::from_mode(0o500)).unwrap();
        lay_over(&new, &there).unwrap();
        let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
        for path in ["both/file", "both/added", "was-file/inner", "was-link", "was-empty"] {
            assert_eq!(read(&format!("there/{path}")), "new", "{path}");
        }
        assert_eq!((read("there/both/stays").as_str(), read("elsewhere").as_str()), ("old", "untouched"));
        assert_eq!(there.join("both").metadata().unwrap().permissions().mode() & 0o777, 0o500);
    }

    #[test]
    fn a_file_does_not_take_the_place_of_a_folder_with_content() {
        let root = tempfile::tempdir().unwrap();
        let [new, there] = ["new", "there"].map(|name| root.path().join(name));
        fs::write(&new, "new").unwrap();
        fs::create_dir_all(there.join("inner")).unwrap();
        assert!(matches!(lay_over(&new, &there), Err(TransferError::Occupied { .. })));
        assert!(there.join("inner").is_dir());
    }
}
