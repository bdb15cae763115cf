//! Files that appear whole.

use crate::block::{Block, Flipped};
use crate::endpoint::local::path::TEMPORARY;
use crate::endpoint::local::stat::Stamp;
use crate::endpoint::{Failure, FailureKind, Metadata};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// End of the name of files that are written at once.
const HELD: &str = "whole";

/// Times that a name is asked for: once, once after what was left is removed, and once for a race with its writer.
const HELD_TRIES: u32 = 3;

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
}

impl WriteError {
    pub(super) fn of(self, operation: String) -> Failure {
        match self {
            Self::Io(error) => Failure::io(operation, &error),
            Self::Flipped(flipped) => Failure::new(FailureKind::Corrupt, operation, flipped.to_string()),
            Self::Unknown => Failure::new(FailureKind::NotFound, operation, self.to_string()),
            Self::Folder => Failure::new(FailureKind::Unsupported, operation, self.to_string()),
        }
    }
}

/// Writes a file at once and returns its version.
pub(super) fn whole(
    path: &Path,
    metadata: &Metadata,
    block: &Block,
    sync: bool,
) -> Result<String, WriteError> {
    let (file, temporary) = create_held(path)?;
    let written = (|| {
        let mut at = 0;
        let mut slices = block.slices();
        while let Some(slice) = slices.next_slice()? {
            file.write_all_at(slice, at)?;
            at += slice.len() as u64;
        }
        dress(&file, metadata)?;
        appear(&file, &temporary, path, sync)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Begins a file and returns the name of the write.
pub(super) fn begin(path: &Path, metadata: &Metadata, size: u64) -> Result<String, WriteError> {
    let (file, temporary) = create(path)?;
    let begun = file.set_len(size).map_err(WriteError::from).and_then(|()| {
        // The time is set again at the end; it is kept as the file's until then.
        dress(&file, metadata)?;
        Ok(())
    });
    if let Err(error) = begun {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    let name = temporary.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mtime = metadata.mtime_ns().map_or_else(|| "-".to_owned(), |nanos| nanos.to_string());
    Ok(format!("{name}@{mtime}"))
}

/// Writes a part where it belongs.
pub(super) fn part(path: &Path, id: &str, block: &Block) -> Result<(), WriteError> {
    let file = open(path, id)?;
    // A fresh file is all zeros. A part that is repeated has the same content as before.
    let bytes = block.check()?;
    let end = block.offset() + bytes.len() as u64;
    // Where the length was not known, the file ends where the furthest byte is: the last of each part is
    // written even when it is zero, so that no hole is left out at the end.
    match bytes.split_last() {
        Some((last, _)) if is_zero(bytes) => {
            if file.metadata()?.len() < end {
                file.write_all_at(&[*last], end - 1)?;
            }
        }
        _ => file.write_all_at(bytes, block.offset())?,
    }
    Ok(())
}

/// Makes the file appear and returns its version.
pub(super) fn finish(path: &Path, id: &str, sync: bool) -> Result<String, WriteError> {
    let temporary = temporary_of(path, id)?;
    let file = match open(path, id) {
        // The rename of an earlier call may have been the last thing a killed process did.
        Err(WriteError::Unknown) => return Err(WriteError::Unknown),
        opened => opened?,
    };
    let mtime = id.rsplit_once('@').and_then(|(_, text)| text.parse().ok());
    if let Some(time) = mtime.and_then(system_time) {
        file.set_modified(time)?;
    }
    appear(&file, &temporary, path, sync)
}

/// Drops what was written.
pub(super) fn abort(path: &Path, id: &str) -> Result<(), WriteError> {
    match fs::remove_file(temporary_of(path, id)?) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Removes a file, and the folders above it that are empty then, up to the root.
pub(super) fn remove(root: &Path, path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut folder = path.parent();
    while let Some(empty) = folder.filter(|folder| folder.starts_with(root) && *folder != root) {
        if fs::remove_dir(empty).is_err() {
            break;
        }
        folder = empty.parent();
    }
    Ok(())
}

/// What tells the file that one is being written for, by its name.
pub(super) fn name_mark(name: &[u8]) -> String {
    blake3::hash(name).to_hex()[..16].to_owned()
}

/// A new file beside `path`.
fn create(path: &Path) -> Result<(File, PathBuf), WriteError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
        let temporary = beside(path, &format!("{:x}-{nanos:x}-{count:x}", std::process::id()));
        if let Some(file) = create_new(&temporary)? {
            return Ok((file, temporary));
        }
    }
}

/// A new file beside `path`, for a write that no record tells of. Its name is the same each time and it is locked
/// while somebody writes it, so that what a killed process left is known by having no lock, and goes with the next
/// write of the same file. Where another writer has it, or nothing can be locked, the file is one of its own.
fn create_held(path: &Path) -> Result<(File, PathBuf), WriteError> {
    let temporary = beside(path, HELD);
    for _ in 0..HELD_TRIES {
        if let Some(file) = create_new(&temporary)? {
            if file.try_lock().is_ok() && is_at(&file, &temporary) {
                return Ok((file, temporary));
            }
            break;
        }
        // Only looked at: its permissions may be those of the final file already.
        let Ok(left) = File::open(&temporary) else { break };
        if left.try_lock().is_err() {
            break;
        }
        // Its writer may have renamed it before the lock was free.
        if is_at(&left, &temporary) {
            fs::remove_file(&temporary)?;
        }
    }
    create(path)
}

/// Whether the file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |meta: &fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => place(&open) == place(&named),
        _ => false,
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mark = name_mark(path.file_name().unwrap_or_default().as_encoded_bytes());
    path.with_file_name(format!("{TEMPORARY}{mark}-{end}"))
}

/// Creates a file and the folders above it; `None` when there is one.
fn create_new(path: &Path) -> Result<Option<File>, WriteError> {
    loop {
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn temporary_of(path: &Path, id: &str) -> Result<PathBuf, WriteError> {
    let name = id.rsplit_once('@').map_or(id, |(name, _)| name);
    if !name.starts_with(TEMPORARY) || name.contains('/') {
        return Err(WriteError::Unknown);
    }
    Ok(path.with_file_name(name))
}

fn open(path: &Path, id: &str) -> Result<File, WriteError> {
    match OpenOptions::new().read(true).write(true).open(temporary_of(path, id)?) {
        Ok(file) => Ok(file),
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

fn appear(file: &File, temporary: &Path, path: &Path, sync: bool) -> Result<String, WriteError> {
    if sync {
        file.sync_all()?;
    }
    let version = Stamp::of(&file.metadata()?).version();
    match fs::rename(temporary, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => return Err(WriteError::Folder),
        Err(error) => return Err(error.into()),
    }
    if sync && let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(version)
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
