//! Sockets whose path is longer than the kernel's structure for it.
//!
//! `sun_path` holds 107 bytes, and a user's folder may lie deeper. Such a socket is reached by its name
//! below a descriptor of its folder: `/proc/self/fd/N/NAME`.
//!
//! *Rejected:* a link in the folder for temporary files: it needs a name that nobody else can take, and
//! outlives a process that is killed.

use crate::wire::MAX_SOCKET_PATH_BYTES;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// `/proc/self/fd/`, ten digits of a descriptor and a slash.
const WAY_BYTES: usize = 14 + 10 + 1;

/// Longest name of a socket in its folder.
pub const MAX_SOCKET_NAME_BYTES: usize = MAX_SOCKET_PATH_BYTES - WAY_BYTES;

/// A path that the kernel takes, as long as this lives.
#[derive(Debug)]
pub(crate) struct Reach {
    path: PathBuf,
    _folder: Option<File>,
}

impl Reach {
    /// A way to the socket at `path`, which need not be there.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
        };
        if path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let way = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
        let folder = OpenOptions::new().read(true).custom_flags(way.bits().cast_signed()).open(folder)?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether there is a way to a socket with this path at all.
pub(crate) fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= MAX_SOCKET_PATH_BYTES
        || path.file_name().is_some_and(|name| name.len() <= MAX_SOCKET_NAME_BYTES)
}
