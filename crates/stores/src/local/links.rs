//! Symbolic links, in rclone's three ways.
//!
//! A link is no file: what it leads to may lie outside the folder, be reached twice, or lead back. So links are left
//! out and told of unless somebody says what they are to be.
//!
//! *Kept* links are objects whose content is where they lead, with a name of their own: `NAME.rclonelink`, which is what
//! rclone calls them, so that either tool reads what the other wrote. Writing such an object makes the link.

use crate::local::below::Spot;
use crate::local::stat::Stamp;
use crate::local::write::{WriteError, temporary_name};
use rustix::fs::{AtFlags, Timespec, Timestamps};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use welkin_store::Metadata;

/// What the names of kept links end with.
pub(super) const SUFFIX: &str = ".rclonelink";

/// Longest target of a link: `PATH_MAX` of Linux without the NUL.
const MAX_TARGET: usize = 4095;

/// What becomes of symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// They are left out, and told of.
    #[default]
    Skip,
    /// They are objects named `NAME.rclonelink` that say where they lead.
    Keep,
    /// What they lead to is taken in their place when reading. Nothing is written or removed through one.
    Follow,
}

/// The name of the link that a key stands for, under [`Links::Keep`].
pub(super) fn name_of(key: &str) -> Option<&str> {
    key.strip_suffix(SUFFIX).filter(|name| !name.is_empty() && !name.ends_with('/'))
}

/// Where a link leads, with its stamp; `None` when there is no link.
pub(super) fn read(spot: &Spot) -> io::Result<Option<(Vec<u8>, Stamp)>> {
    let stat = match rustix::fs::statat(&spot.folder, spot.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stamp = Stamp::of_stat(&stat);
    if !stamp.is_link() {
        return Ok(None);
    }
    let target = rustix::fs::readlinkat(&spot.folder, spot.name.as_str(), Vec::new())?;
    Ok(Some((target.into_bytes(), stamp)))
}

/// Makes a link that leads to `target`, in the place of what is there, and returns its version.
pub(super) fn write(spot: &Spot, target: &[u8], metadata: &Metadata) -> Result<String, WriteError> {
    if target.is_empty() || target.contains(&0) || target.len() > MAX_TARGET {
        return Err(WriteError::NoTarget);
    }
    let temporary = temporary_name(&spot.name);
    rustix::fs::symlinkat(OsStr::from_bytes(target), &spot.folder, temporary.as_str())
        .map_err(io::Error::from)?;
    let made = (|| {
        if let Some(nanos) = metadata.mtime_ns() {
            let time = Timespec {
                tv_sec: i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MAX),
                tv_nsec: nanos.rem_euclid(1_000_000_000) as i64,
            };
            let times = Timestamps { last_access: time, last_modification: time };
            rustix::fs::utimensat(&spot.folder, temporary.as_str(), &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        spot.rename(&temporary)?;
        rustix::fs::statat(&spot.folder, spot.name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
    })();
    match made {
        Ok(stat) => Ok(Stamp::of_stat(&stat).version()),
        Err(error) => {
            let _ = spot.unlink(&temporary);
            Err(WriteError::of_errno(error))
        }
    }
}
