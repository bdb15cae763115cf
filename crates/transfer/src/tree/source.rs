//! What lies on a disk, as the entries of a tree to be.
//!
//! A folder is walked once; each file is then read once and checked against what the walk saw, so
//! that a tree never holds half of an old and half of a new file.

use crate::tree::error::TransferError;
use crate::tree::manifest::{MAX_ENTRIES, Root, SINGLE_FILE, check_link};
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A tree as the walk saw it.
pub(crate) struct Source {
    pub(crate) root: Root,
    pub(crate) items: Vec<Item>,
}

/// One thing the walk saw.
pub(crate) struct Item {
    /// Path in the tree.
    pub(crate) path: String,
    pub(crate) kind: ItemKind,
}

pub(crate) enum ItemKind {
    File(SourceFile),
    Link { target: String },
    EmptyDir,
}

/// A file to be read, as the walk saw it.
#[derive(Clone)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) executable: bool,
    stamp: Stamp,
}

/// What changes when somebody writes to a file or puts another in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// Walks `path` in sorted order; a link given as the path itself is followed.
pub(crate) fn walk(path: &Path) -> Result<Source, TransferError> {
    let meta = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TransferError::SourceMissing { path: path.to_owned() },
        _ => TransferError::local("read", path, error),
    })?;
    if meta.is_file() {
        let kind = ItemKind::File(SourceFile::new(path.to_owned(), &meta));
        return Ok(Source { root: Root::File, items: vec![Item { path: SINGLE_FILE.to_owned(), kind }] });
    }
    if !meta.is_dir() {
        return Err(refused(path, kind_name(&meta)));
    }
    let mut items = Vec::new();
    let mut folders = vec![(path.to_owned(), String::new())];
    while let Some((folder, inner)) = folders.pop() {
        let before = (items.len(), folders.len());
        for entry in
            std::fs::read_dir(&folder).map_err(|error| TransferError::local("read", &folder, error))?
        {
            let entry = entry.map_err(|error| TransferError::local("read", &folder, error))?;
            let place = entry.path();
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| refused(&place, "its name is not UTF-8"))?;
            let inner = if inner.is_empty() { name.to_owned() } else { format!("{inner}/{name}") };
            let meta = entry.metadata().map_err(|error| TransferError::local("read", &place, error))?;
            if meta.is_dir() {
                folders.push((place, inner));
            } else {
                let kind = look(place, &inner, &meta)?;
                items.push(Item { path: inner, kind });
            }
            if items.len() + folders.len() > MAX_ENTRIES {
                return Err(TransferError::SourceTooLarge { path: path.to_owned(), limit: MAX_ENTRIES });
            }
        }
        if before == (items.len(), folders.len()) && !inner.is_empty() {
            items.push(Item { path: inner, kind: ItemKind::EmptyDir });
        }
    }
    items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Source { root: Root::Dir, items })
}

fn look(place: PathBuf, inner: &str, meta: &Metadata) -> Result<ItemKind, TransferError> {
    if meta.is_file() {
        return Ok(ItemKind::File(SourceFile::new(place, meta)));
    }
    if !meta.is_symlink() {
        return Err(refused(&place, kind_name(meta)));
    }
    let target = std::fs::read_link(&place).map_err(|error| TransferError::local("read", &place, error))?;
    let target = target.to_str().ok_or_else(|| refused(&place, "its target is not UTF-8"))?;
    check_link(inner, target).map_err(|reason| refused(&place, reason))?;
    Ok(ItemKind::Link { target: target.to_owned() })
}

impl SourceFile {
    fn new(path: PathBuf, meta: &Metadata) -> Self {
        Self { path, size: meta.len(), executable: meta.mode() & 0o100 != 0, stamp: Stamp::of(meta) }
    }

    /// Opens the file that the walk saw.
    pub(crate) fn open(&self) -> Result<File, TransferError> {
        // A pipe that has come in its place must not be waited for; the check below then refuses it.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let file = file.map_err(|error| self.gone_or("open", error))?;
        self.check(&file.metadata().map_err(|error| TransferError::local("read", &self.path, error))?)?;
        Ok(file)
    }

    /// Checks, after the last byte was read, that the file is still the one the walk saw.
    pub(crate) fn check_unchanged(&self) -> Result<(), TransferError> {
        self.check(&std::fs::metadata(&self.path).map_err(|error| self.gone_or("read", error))?)
    }

    fn check(&self, meta: &Metadata) -> Result<(), TransferError> {
        if Stamp::of(meta) == self.stamp {
            Ok(())
        } else {
            Err(TransferError::SourceChanged { path: self.path.clone() })
        }
    }

    fn gone_or(&self, operation: &'static str, error: io::Error) -> TransferError {
        match error.kind() {
            io::ErrorKind::NotFound => TransferError::SourceChanged { path: self.path.clone() },
            _ => TransferError::local(operation, &self.path, error),
        }
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

fn refused(path: &Path, reason: impl Into<String>) -> TransferError {
    TransferError::SourceRefused { path: path.to_owned(), reason: reason.into() }
}

fn kind_name(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    match () {
        () if kind.is_fifo() => "it is a named pipe",
        () if kind.is_socket() => "it is a socket",
        () if kind.is_block_device() || kind.is_char_device() => "it is a device",
        () => "it is neither a file nor a folder nor a link",
    }
}
