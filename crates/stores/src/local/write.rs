//! Files that appear whole.
//!
//! Every name is taken in a folder that is open, so that no link put in the place of that folder leads elsewhere; what
//! has the final name, a link too, is replaced and never written through.

use crate::local::below::{Base, Spot};
use crate::local::path::{Below, TEMPORARY, is_temporary};
use crate::local::stat::Stamp;
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
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
    let (spot, file, temporary) = in_folder(base, path, create_held)?;
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

/// Begins a file and returns the name of the write.
pub(super) fn begin(
    base: &Base,
    path: Below<'_>,
    metadata: &Metadata,
    size: u64,
) -> Result<String, WriteError> {
    let (spot, file, temporary) = in_folder(base, path, create)?;
    let begun = file.set_len(size).map_err(WriteError::from).and_then(|()| {
        // The time is set again at the end; it is kept as the file's until then.
        dress(&file, metadata)?;
        Ok(())
    });
    if let Err(error) = begun {
        let _ = spot.unlink(&temporary);
        return Err(error);
    }
    let mtime = metadata.mtime_ns().map_or_else(|| "-".to_owned(), |nanos| nanos.to_string());
    Ok(format!("{temporary}@{mtime}"))
}

/// Writes a part where it belongs.
pub(super) fn part(base: &Base, path: Below<'_>, id: &str, block: &Block) -> Result<(), WriteError> {
    let (_, file, _) = open(base, path, id)?;
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
    let (spot, file, temporary) = open(base, path, id)?;
    let mtime = id.rsplit_once('@').and_then(|(_, text)| text.parse().ok());
    if let Some(time) = mtime.and_then(system_time) {
        file.set_modified(time)?;
    }
    appear(&file, &spot, &temporary, sync)
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
fn create_held(spot: &Spot) -> io::Result<(File, String)> {
    let temporary = beside(&spot.name, HELD);
    for _ in 0..HELD_TRIES {
        if let Some(file) = create_new(spot, &temporary)? {
            if file.try_lock().is_ok() && is_at(&file, spot, &temporary) {
                return Ok((file, temporary));
            }
            break;
        }
        // Only looked at: its permissions may be those of the final file already.
        let Ok(left) = spot.open(&temporary, OFlags::RDONLY, Mode::empty()) else { break };
        if left.try_lock().is_err() {
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
    let name = id.rsplit_once('@').map_or(id, |(name, _)| name);
    if is_temporary(name) { Ok(name) } else { Err(WriteError::Unknown) }
}

fn open(base: &Base, path: Below<'_>, id: &str) -> Result<(Spot, File, String), WriteError> {
    let name = temporary_of(id)?.to_owned();
    let opened = base.spot(path).and_then(|spot| {
        let file = spot.open(&name, OFlags::RDWR, Mode::empty())?;
        Ok((spot, file))
    });
    match opened {
        Ok((spot, file)) => Ok((spot, file, name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(WriteError::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// Permissions and time of a file.
fn dress(file: &File, metadata: &Metadata) -> io::Result<()> {
    // What new files get when nothing is known of their origin: all but the bits of a usual umask.
    file.set_permissions(Permissions::from_mode(metadata.mode().unwrap_or(0o644) & 0o777))?;
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
