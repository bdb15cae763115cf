//! What lies below a folder, opened so that nothing outside is ever touched.
//!
//! A path is resolved by the kernel with `openat2` and `RESOLVE_BENEATH`, and no link on the way is passed: a link
//! that is put in the place of a folder after it was looked at leads nowhere. Where the kernel lacks the call, the path
//! is opened part by part with `O_NOFOLLOW`, which means the same. Only the root itself may be reached through links.
//!
//! *Rejected:* comparing canonical paths before the act. Between the two, anybody may put a link there.

use crate::local::links::Links;
use crate::local::path::Below;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use welkin_store::{Failure, FailureKind};

/// A folder is opened for what is in it, not to be read itself.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Times that the folders on the way are made, when others remove empty ones at the same time.
const MAKE_TRIES: u32 = 16;

/// Whether the kernel has `openat2`.
static RESOLVES: AtomicBool = AtomicBool::new(true);

/// A folder, and what becomes of links in it.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) root: PathBuf,
    pub(super) links: Links,
}

/// A name in a folder that is open.
pub(super) struct Spot {
    pub(super) folder: OwnedFd,
    pub(super) name: String,
}

impl Base {
    /// A folder below the root, without passing links; `None` is the root.
    pub(super) fn folder(&self, path: Option<Below<'_>>) -> io::Result<OwnedFd> {
        let root = rustix::fs::openat(CWD, &self.root, FOLDER, Mode::empty())?;
        Ok(match path {
            None => root,
            Some(path) => beneath(&root, path, FOLDER)?,
        })
    }

    /// The same to be read from: links are passed where they are followed.
    pub(super) fn folder_to_read(&self, path: Option<Below<'_>>) -> io::Result<OwnedFd> {
        match path {
            Some(path) if self.links == Links::Follow => {
                let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
                Ok(rustix::fs::openat(CWD, self.root.join(path.text()), flags, Mode::empty())?)
            }
            path => self.own_folder_to_read(path),
        }
    }

    /// A folder to be read from, without passing links in any case.
    pub(super) fn own_folder_to_read(&self, path: Option<Below<'_>>) -> io::Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(self.folder(path)?, ".", flags, Mode::empty())?)
    }

    /// A file to read from. `flags` say how; a pipe is never waited for.
    pub(super) fn file(&self, path: Below<'_>, flags: OFlags) -> io::Result<File> {
        // `openat2` refuses flags that mean nothing for a path alone.
        let waits = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK };
        let flags = flags | OFlags::CLOEXEC | waits;
        let opened = if self.links == Links::Follow {
            rustix::fs::openat(CWD, self.root.join(path.text()), flags, Mode::empty())?
        } else {
            beneath(&self.folder(None)?, path, flags)?
        };
        Ok(opened.into())
    }

    /// Where a file is or will be.
    pub(super) fn spot(&self, path: Below<'_>) -> io::Result<Spot> {
        Ok(Spot { folder: self.folder(path.parent())?, name: path.name().to_owned() })
    }

    /// The same, making the folders on the way.
    pub(super) fn made_spot(&self, path: Below<'_>) -> io::Result<Spot> {
        let mut tries = 0;
        loop {
            match self.spot(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < MAKE_TRIES => {
                    tries += 1;
                    self.make(path.parent())?;
                }
                spot => return spot,
            }
        }
    }

    fn make(&self, path: Option<Below<'_>>) -> io::Result<()> {
        std::fs::create_dir_all(&self.root)?;
        let mut folder = self.folder(None)?;
        for part in path.iter().flat_map(|path| path.text().split('/')) {
            match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            match rustix::fs::openat(&folder, part, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(next) => folder = next,
                // Somebody removed it, being empty: the caller tries again.
                Err(Errno::NOENT) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// An error of the system as a failure; a link on the way is named.
    pub(super) fn failure(&self, operation: String, path: Below<'_>, error: &io::Error) -> Failure {
        let looped = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
        if (looped || error.kind() == io::ErrorKind::NotADirectory)
            && let Some(link) = self.link_on(path)
        {
            let why = if looped && self.links == Links::Follow && self.circles(&link) {
                " that leads back to itself"
            } else {
                ", and links are not passed here"
            };
            let message = format!("{link:?} is a link{why}");
            return Failure::new(FailureKind::Unsupported, operation, message);
        }
        Failure::io(operation, error)
    }

    /// Whether following a link never ends.
    fn circles(&self, link: &str) -> bool {
        rustix::fs::statat(CWD, self.root.join(link), AtFlags::empty())
            .is_err_and(|error| error == Errno::LOOP)
    }

    /// The first link on the way.
    fn link_on(&self, path: Below<'_>) -> Option<String> {
        let mut folder = self.folder(None).ok()?;
        let mut passed = String::new();
        for part in path.text().split('/') {
            passed = if passed.is_empty() { part.to_owned() } else { format!("{passed}/{part}") };
            let stat = rustix::fs::statat(&folder, part, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_symlink() {
                return Some(passed);
            }
            folder = rustix::fs::openat(&folder, part, FOLDER | OFlags::NOFOLLOW, Mode::empty()).ok()?;
        }
        None
    }
}

impl Spot {
    /// Gives what is named `temporary` the name of the spot, in the place of what has it.
    pub(super) fn rename(&self, temporary: &str) -> rustix::io::Result<()> {
        rustix::fs::renameat(&self.folder, temporary, &self.folder, self.name.as_str())
    }

    /// Removes a name of the folder; never what a link leads to.
    pub(super) fn unlink(&self, name: &str) -> rustix::io::Result<()> {
        rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())
    }

    /// Opens a file of the folder, never through a link.
    pub(super) fn open(&self, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(File::from(rustix::fs::openat(&self.folder, name, flags, mode)?))
    }

    /// Has the system put the folder on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::fsync(rustix::fs::openat(&self.folder, ".", flags, Mode::empty())?)?)
    }
}

/// Opens what lies at `path` below `root`, passing no link.
fn beneath(root: &OwnedFd, path: Below<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    if RESOLVES.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(root, path.text(), flags | OFlags::NOFOLLOW, Mode::empty(), resolve) {
            Err(Errno::NOSYS) => RESOLVES.store(false, Ordering::Relaxed),
            // Some sandboxes refuse calls that they do not know.
            Err(Errno::PERM) => {}
            opened => return Ok(opened?),
        }
    }
    stepwise(root, path, flags)
}

/// The same, part by part.
fn stepwise(root: &OwnedFd, path: Below<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    let mut folder = None;
    let mut parts = path.text().split('/').peekable();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() { FOLDER } else { flags | OFlags::CLOEXEC };
        let from = folder.as_ref().unwrap_or(root);
        folder = Some(rustix::fs::openat(from, part, flags | OFlags::NOFOLLOW, Mode::empty())?);
    }
    folder.ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_open_the_same_and_pass_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/f"), "in").unwrap();
        std::fs::write(folder.path().join("f"), "out").unwrap();
        for (target, link) in [("..", "out"), ("a", "in"), ("/", "top"), ("a/b/f", "file"), ("../f", "outer")]
        {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        let base = Base { root, links: Links::Skip };
        let opened = base.folder(None).unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        for path in ["a/b/f", "a/b", "a"] {
            let path = Below::file(path).unwrap();
            assert!(
                beneath(&opened, path, flags).is_ok() && stepwise(&opened, path, flags).is_ok(),
                "{path}"
            );
        }
        for path in ["out/f", "in/b/f", "top/etc/passwd", "file", "outer", "out", "a/b/f/x", "nothing"] {
            let path = Below::file(path).unwrap();
            assert!(
                beneath(&opened, path, flags).is_err() && stepwise(&opened, path, flags).is_err(),
                "{path}"
            );
        }
        let error = base.file(Below::file("out/f").unwrap(), OFlags::RDONLY).unwrap_err();
        let failure = base.failure("read it".to_owned(), Below::file("out/f").unwrap(), &error);
        assert_eq!(failure.to_string(), "cannot read it: \"out\" is a link, and links are not passed here");
    }
}
