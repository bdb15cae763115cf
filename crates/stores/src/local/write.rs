//! Files that appear whole.
//!
//! Every name is taken in a folder that is open, so that no link put in the place of that folder leads elsewhere; what
//! has the final name, a link too, is replaced and never written through.

use crate::local::below::{Base, Spot};
use crate::local::path::{Below, TEMPORARY, is_temporary};
use crate::local::stat::Stamp;
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use welkin_store::block::{Block, Flipped};
use welkin_store::{Failure, FailureKind, Metadata};

/// End of the name of files that are written at once.
const HELD: &str = "whole";

/// Times that a name is asked for: once, once after what was left is removed, and once for a race with its writer.
const HELD_TRIES: u32 = 3;

/// Times that the folders on the way are made again, when others remove empty ones at the same time.
const FOLDER_TRIES: u32 = 16;

/// Why a file was not written.
#[derive(Debug, Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Flipped(#[from] Flipped),
    #[error("the write is not known any more")]
    Unknown,
    #[error("a folder is in the way")]
    Folder,
    #[error("its content is nothing that a link can lead to")]
    NoTarget,
    #[error("a link cannot be written in parts")]
    LinkInParts,
}

impl WriteError {
    pub(super) fn of(self, base: &Base, path: Below<'_>, operation: String) -> Failure {
        let kind = match &self {
            Self::Io(error) => return base.failure(operation, path, error),
            Self::Flipped(_) => FailureKind::Corrupt,
            Self::Unknown => FailureKind::NotFound,
            Self::Folder | Self::NoTarget | Self::LinkInParts => FailureKind::Unsupported,
        };
        Failure::new(kind, operation, self.to_string())
    }

    /// Of what a rename says, too.
    pub(super) fn of_errno(error: Errno) -> Self {
        if error == Errno::ISDIR { Self::Folder } else { Self::Io(error.into()) }
    }
}

/// Writes a file at once and returns its version.
pub(super) fn whole(
    base: &Base,
    path: Below<'_>,
    metadata: &Metadata,
    block: &Block,
    sync: bool,
) -> Result<String, WriteError> {
    let (spot, file, temporary) = in_folder(base, path, |spot| create_held(spot, File::try_lock))?;
    let written = (|| {
        // At once: file systems keep what comes in one call in larger pieces.
        file.write_all_at(block.check()?, 0)?;
        dress(&file, metadata)?;
        appear(&file, &spot, &temporary, sync)
    })();
    if written.is_err() {
        let _ = spot.unlink(&temporary);
    }
    written
}

/// Begins a file and returns the name of the write: `FILE@TIME@MODE@START`. The last says in which start of the machine:
/// parts are in its memory, and a file keeps its length through a power cut, and zeros where they were.
pub(super) fn begin(
    base: &Base,
    path: Below<'_>,
    metadata: &Metadata,
    size: u64,
) -> Result<String, WriteError> {
    let (spot, file, temporary) = in_folder(base, path, create)?;
    if let Err(error) = file.set_len(size) {
        let _ = spot.unlink(&temporary);
        return Err(error.into());
    }
    let mtime = metadata.mtime_ns().map_or_else(|| "-".to_owned(), |nanos| nanos.to_string());
    Ok(format!("{temporary}@{mtime}@{:o}@{}", mode_of(metadata), *START))
}

/// What the name of a write says.
struct Id<'a> {
    temporary: &'a str,
    mtime: Option<SystemTime>,
    /// Until the end the file is its writer's alone, who may write to it whatever it will be.
    mode: u32,
}

impl<'a> Id<'a> {
    /// It may come from anybody, and be of a start of the machine that is over.
    fn of(id: &'a str) -> Result<Self, WriteError> {
        let temporary = temporary_of(id)?;
        let mut parts = id.split('@').skip(1);
        let (Some(mtime), Some(mode), Some(start), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(WriteError::Unknown);
        };
        let mode = u32::from_str_radix(mode, 8).map_err(|_| WriteError::Unknown)?;
        if start != *START {
            return Err(WriteError::Unknown);
        }
        Ok(Self { temporary, mtime: mtime.parse().ok().and_then(system_time), mode: mode & 0o777 })
    }
}

/// Which start of the machine this is: enough of it to tell one from the next.
static START: LazyLock<String> = LazyLock::new(|| {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.chars().filter(char::is_ascii_hexdigit).take(8).collect()
});

/// Writes a part where it belongs.
pub(super) fn part(base: &Base, path: Below<'_>, id: &str, block: &Block) -> Result<(), WriteError> {
    let (_, file) = open(base, path, &Id::of(id)?)?;
    let bytes = block.check()?;
    let end = block.offset() + bytes.len() as u64;
    // Where the length was not known, the file ends where the furthest byte is: the last of each part is
    // written even when it is zero, so that no hole is left out at the end.
    match bytes.split_last() {
        Some((last, _)) if is_zero(bytes) && is_hole(&file, block.offset(), end) => {
            if file.metadata()?.len() < end {
                file.write_all_at(&[*last], end - 1)?;
            }
        }
        _ => file.write_all_at(bytes, block.offset())?,
    }
    Ok(())
}

/// Whether nothing was ever written there, as far as the file system tells: a part that is repeated replaces what there was.
fn is_hole(file: &File, start: u64, end: u64) -> bool {
    match rustix::fs::seek(file, SeekFrom::Data(start)) {
        Ok(data) => data >= end,
        // There is none behind it.
        Err(error) => error == Errno::NXIO,
    }
}

/// Makes the file appear and returns its version.
pub(super) fn finish(base: &Base, path: Below<'_>, id: &str, sync: bool) -> Result<String, WriteError> {
    // The rename of an earlier call may have been the last thing a killed process did: the write is unknown then.
    let id = Id::of(id)?;
    let (spot, file) = open(base, path, &id)?;
    if let Some(time) = id.mtime {
        file.set_modified(time)?;
    }
    file.set_permissions(Permissions::from_mode(id.mode))?;
    appear(&file, &spot, id.temporary, sync)
}

/// Drops what was written.
pub(super) fn abort(base: &Base, path: Below<'_>, id: &str) -> Result<(), WriteError> {
    let temporary = temporary_of(id)?;
    match base.spot(path).and_then(|spot| Ok(spot.unlink(temporary)?)) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound) => Err(error.into()),
        _ => Ok(()),
    }
}

/// What tells the file that one is being written for, by its name.
pub(super) fn name_mark(name: &[u8]) -> String {
    blake3::hash(name).to_hex()[..16].to_owned()
}

/// What is made in the folder of a key, making that folder. One that others removed for being empty is made again.
fn in_folder<T>(
    base: &Base,
    path: Below<'_>,
    make: impl Fn(&Spot) -> io::Result<(File, T)>,
) -> io::Result<(Spot, File, T)> {
    let mut tries = 0;
    loop {
        let spot = base.made_spot(path)?;
        match make(&spot) {
            Ok((file, made)) => return Ok((spot, file, made)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < FOLDER_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A new file beside the final one.
fn create(spot: &Spot) -> io::Result<(File, String)> {
    loop {
        let temporary = temporary_name(&spot.name);
        if let Some(file) = create_new(spot, &temporary)? {
            return Ok((file, temporary));
        }
    }
}

/// A new file beside the final one, for a write that no record tells of. Its name is the same each time and it is locked
/// while somebody writes it, so that what a killed process left is known by having no lock, and goes with the next
/// write of the same file. Where another writer has it, or nothing can be locked, the file is one of its own.
fn create_held(spot: &Spot, lock: impl Fn(&File) -> Result<(), TryLockError>) -> io::Result<(File, String)> {
    let temporary = beside(&spot.name, HELD);
    for _ in 0..HELD_TRIES {
        if let Some(file) = create_new(spot, &temporary)? {
            match lock(&file) {
                Ok(()) if is_at(&file, spot, &temporary) => return Ok((file, temporary)),
                // Nobody takes it for left before it has a lock, so nobody else removes it.
                Err(TryLockError::Error(_)) => spot.unlink(&temporary)?,
                _ => {}
            }
            break;
        }
        // Only looked at: its permissions may be those of the final file already.
        let Ok(left) = spot.open(&temporary, OFlags::RDONLY, Mode::empty()) else { break };
        if lock(&left).is_err() {
            break;
        }
        // Its writer may have renamed it before the lock was free.
        if is_at(&left, spot, &temporary) {
            spot.unlink(&temporary)?;
        }
    }
    create(spot)
}

/// Whether the file is the one of that name.
fn is_at(file: &File, spot: &Spot, name: &str) -> bool {
    let named = rustix::fs::statat(&spot.folder, name, AtFlags::SYMLINK_NOFOLLOW);
    match (Stamp::of(file), named) {
        (Ok(open), Ok(named)) => open.identity() == Stamp::of_stat(&named).identity(),
        _ => false,
    }
}

/// A name beside `name` that no other write has.
pub(super) fn temporary_name(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    beside(name, &format!("{:x}-{nanos:x}-{count:x}", std::process::id()))
}

fn beside(name: &str, end: &str) -> String {
    format!("{TEMPORARY}{}-{end}", name_mark(name.as_bytes()))
}

/// Creates a file; `None` when there is one.
fn create_new(spot: &Spot, name: &str) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
    match spot.open(name, flags, Mode::from_raw_mode(0o600)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name in the name of a write, which may come from anybody: only files that are being written have it.
fn temporary_of(id: &str) -> Result<&str, WriteError> {
    let name = id.split_once('@').map_or(id, |(name, _)| name);
    if is_temporary(name) { Ok(name) } else { Err(WriteError::Unknown) }
}

fn open(base: &Base, path: Below<'_>, id: &Id<'_>) -> Result<(Spot, File), WriteError> {
    let opened = base.spot(path).and_then(|spot| {
        let file = spot.open(id.temporary, OFlags::RDWR, Mode::empty())?;
        Ok((spot, file))
    });
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(WriteError::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// Permissions of a file: what new ones get when nothing is known of their origin, all but the bits of a usual umask.
fn mode_of(metadata: &Metadata) -> u32 {
    metadata.mode().unwrap_or(0o644) & 0o777
}

/// Permissions and time of a file.
fn dress(file: &File, metadata: &Metadata) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode_of(metadata)))?;
    match metadata.mtime_ns().and_then(system_time) {
        Some(time) => file.set_modified(time),
        None => Ok(()),
    }
}

fn appear(file: &File, spot: &Spot, temporary: &str, sync: bool) -> Result<String, WriteError> {
    if sync {
        file.sync_all()?;
    }
    let before = Stamp::of(file)?;
    spot.rename(temporary).map_err(WriteError::of_errno)?;
    if sync {
        spot.sync()?;
    }
    // A rename changes when the file was changed. Who writes to it as soon as it is there has made another version.
    let after = Stamp::of(file)?;
    Ok(if after.same_content(&before) { after } else { before }.version())
}

fn system_time(nanos: i128) -> Option<SystemTime> {
    let apart = Duration::new(
        u64::try_from(nanos.unsigned_abs() / 1_000_000_000).ok()?,
        (nanos.unsigned_abs() % 1_000_000_000) as u32,
    );
    if nanos < 0 { UNIX_EPOCH.checked_sub(apart) } else { UNIX_EPOCH.checked_add(apart) }
}

/// Whether there is nothing but zeros: the first bytes, and the rest equal to itself shifted by them.
fn is_zero(bytes: &[u8]) -> bool {
    let (head, rest) = bytes.split_at(bytes.len().min(64));
    head.iter().all(|byte| *byte == 0) && *rest == bytes[..rest.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::links::Links;

    /// Some network file systems, and some containers, lock nothing.
    #[test]
    fn where_nothing_can_be_locked_no_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let base = Base { root: folder.path().to_owned(), links: Links::Skip };
        let spot = base.made_spot(Below::file("f").unwrap()).unwrap();
        let (_, temporary) =
            create_held(&spot, |_| Err(TryLockError::Error(io::Error::other("no locks")))).unwrap();
        spot.rename(&temporary).unwrap();
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["f"]);
    }

    #[test]
    fn a_write_of_another_start_of_the_machine_is_not_known_and_can_be_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let base = Base { root: folder.path().to_owned(), links: Links::Skip };
        let path = Below::file("f").unwrap();
        let id = begin(&base, path, &Metadata::default(), 10).unwrap();
        let of_another = format!("{}@ffffffff", id.rsplit_once('@').unwrap().0);
        let by_name = id.split('@').next().unwrap();
        for id in [of_another.as_str(), by_name, &id.replace('@', "@-@"), ""] {
            assert!(matches!(finish(&base, path, id, false), Err(WriteError::Unknown)), "{id}");
        }
        abort(&base, path, &of_another).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
