//! Changes of a folder.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::step::{Change, LinkTo};

/// Ages count back from here: 1 January 2026, so that no round depends on the day it is played.
const NOW: Duration = Duration::from_secs(1_767_225_600);

/// Does the change to the tree at `root`; `outside` is what links out of it lead to.
pub(super) fn apply(change: &Change, root: &Path, outside: &Path) -> io::Result<()> {
    match change {
        Change::Write(file) => {
            let path = cleared(root, Path::new(&file.path))?;
            fs::write(&path, bytes(file.content, file.size))?;
            fs::set_permissions(&path, Permissions::from_mode(file.mode | 0o200))?;
            age(&path, file.age_s)?;
            fs::set_permissions(&path, Permissions::from_mode(file.mode))
        }
        Change::Link { path, to } => {
            let path = cleared(root, Path::new(path))?;
            symlink(leads(to, &path, outside), &path)
        }
        Change::Fifo { path } => {
            let path = cleared(root, Path::new(path))?;
            Ok(mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?)
        }
        Change::EmptyFolder { path } => fs::create_dir(cleared(root, Path::new(path))?),
        Change::Remove { path } => gone(&root.join(path)),
        Change::Touch { path, age_s } => {
            let path = root.join(path);
            let is_file = path.symlink_metadata().is_ok_and(|about| about.is_file());
            if is_file { age(&path, *age_s) } else { Ok(()) }
        }
        Change::Wipe => {
            for entry in fs::read_dir(root)? {
                gone(&entry?.path())?;
            }
            Ok(())
        }
    }
}

/// The bytes that a number stands for.
pub(super) fn bytes(content: u64, size: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    fastrand::Rng::with_seed(content).fill(&mut bytes);
    bytes
}

fn age(path: &Path, age_s: u64) -> io::Result<()> {
    let then = SystemTime::UNIX_EPOCH + NOW.saturating_sub(Duration::from_secs(age_s));
    // Opened to be read: that is enough for whoever owns the file, and its mode may forbid to write.
    File::open(path)?.set_times(FileTimes::new().set_modified(then))
}

fn leads(to: &LinkTo, link: &Path, outside: &Path) -> PathBuf {
    let own = link.file_name().unwrap_or_default();
    match to {
        LinkTo::Inside(name) => PathBuf::from(name),
        LinkTo::Outside => outside.to_owned(),
        LinkTo::OutsideFile => outside.join("kept"),
        LinkTo::Nowhere => PathBuf::from("is/not/there"),
        LinkTo::Itself => PathBuf::from(own),
        LinkTo::Parent => PathBuf::from("."),
    }
}

/// Makes room for `path`: what it goes through becomes folders, and nothing is at its end.
fn cleared(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut at = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        at.push(part);
        if !at.symlink_metadata().is_ok_and(|about| about.is_dir()) {
            gone(&at)?;
            fs::create_dir(&at)?;
        }
    }
    let whole = root.join(path);
    gone(&whole)?;
    Ok(whole)
}

fn gone(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        // A link on the way may lead to a file, or round in a circle: then nothing of the tree is there.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
                || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
        {
            Ok(())
        }
        other => other,
    }
}
