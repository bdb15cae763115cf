//! Removing files, never through a link.

use crate::local::below::Base;
use crate::local::links::{self, Links};
use crate::local::path::Below;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use std::io;

/// Removes a file (or a link, where links are kept), and the folders above it that are empty then, up to the root and
/// to those that `floor` leads through, which stay.
/// What is no object, a link that is left out above all, stays.
pub(super) fn remove(base: &Base, path: Below<'_>, floor: &str) -> io::Result<()> {
    let mut spot = match base.spot(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        spot => spot?,
    };
    let mut kind = FileType::RegularFile;
    if base.links == Links::Keep
        && let Some(name) = links::name_of(&spot.name)
    {
        (spot.name, kind) = (name.to_owned(), FileType::Symlink);
    }
    match rustix::fs::statat(&spot.folder, spot.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == kind => match spot.unlink(&spot.name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        },
        // Its name as it is on the disk is not known.
        Err(Errno::NOENT) if path.text().contains(char::REPLACEMENT_CHARACTER) => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8"));
        }
        Ok(_) | Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut folder = path.parent();
    while let Some(empty) = folder
        && !is_on(floor, empty.text())
    {
        let removed = base.spot(empty).is_ok_and(|spot| {
            rustix::fs::unlinkat(&spot.folder, spot.name.as_str(), AtFlags::REMOVEDIR).is_ok()
        });
        if !removed {
            break;
        }
        folder = empty.parent();
    }
    Ok(())
}

/// Whether a folder is one of those that a prefix leads through.
fn is_on(prefix: &str, folder: &str) -> bool {
    prefix.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
