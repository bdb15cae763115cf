//! What lies on a disk, as the entries of a tree to be.
//!
//! A folder is walked once; each file is then read once and checked against what the walk saw, so
//! that a tree never holds half of an old and half of a new file.

use crate::tree::error::TransferError;
use crate::tree::manifest::{
    MAX_ENTRIES, PERMISSIONS, Root, SINGLE_FILE, USUAL, USUAL_EXECUTABLE, check_link,
};
use crate::tree::selection::{Policy, Selection};
use rustix::fs::OFlags;
use std::fs::{DirEntry, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A tree as the walk saw it.
pub(crate) struct Source {
    pub(crate) root: Root,
    /// Permissions of the folder that is the tree, where they are not the usual ones.
    pub(crate) mode: Option<u32>,
    pub(crate) items: Vec<Item>,
    /// What is not among them, and why.
    pub(crate) left_out: Vec<String>,
}

/// One thing the walk saw.
pub(crate) struct Item {
    /// Path in the tree.
    pub(crate) path: String,
    pub(crate) kind: ItemKind,
}

pub(crate) enum ItemKind {
    File(SourceFile),
    Link {
        target: String,
    },
    /// A folder that is empty or has permissions of its own.
    Dir {
        mode: Option<u32>,
    },
}

/// A file to be read, as the walk saw it.
#[derive(Clone)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) executable: bool,
    /// Its permissions, where they are not the usual ones.
    pub(crate) mode: Option<u32>,
    stamp: Stamp,
}

/// What changes when somebody writes to a file or puts another in its place. Whoever writes can set the time of the
/// content back; that of the state he cannot. It changes with the name and the number of links too, and such a file is then
/// taken for another though its content is the same.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Walks `path` in sorted order; a link given as the path itself is followed.
pub(crate) fn walk(path: &Path, selection: &Selection) -> Result<Source, TransferError> {
    let meta = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TransferError::SourceMissing { path: path.to_owned() },
        _ => TransferError::local("read", path, error),
    })?;
    if meta.is_file() {
        let kind = ItemKind::File(SourceFile::new(path.to_owned(), &meta));
        let items = vec![Item { path: SINGLE_FILE.to_owned(), kind }];
        return Ok(Source { root: Root::File, mode: None, items, left_out: Vec::new() });
    }
    if !meta.is_dir() {
        return Err(refused(path, kind_name(&meta)));
    }
    let mut walk =
        Walk { root: path, selection, items: Vec::new(), folders: Vec::new(), left_out: Vec::new() };
    walk.folders.push((path.to_owned(), String::new(), None));
    while let Some((folder, inner, mode)) = walk.folders.pop() {
        walk.folder(&folder, inner, mode)?;
    }
    walk.items.sort_by(|a, b| a.path.cmp(&b.path));
    walk.left_out.sort();
    let mode = unusual(&meta, USUAL_EXECUTABLE);
    Ok(Source { root: Root::Dir, mode, items: walk.items, left_out: walk.left_out })
}

/// A walk under way.
struct Walk<'a> {
    root: &'a Path,
    selection: &'a Selection,
    items: Vec<Item>,
    /// Folders to be read, with their paths in the tree and their permissions.
    folders: Vec<(PathBuf, String, Option<u32>)>,
    left_out: Vec<String>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, inner: String, mode: Option<u32>) -> Result<(), TransferError> {
        let before = (self.items.len(), self.folders.len());
        for entry in std::fs::read_dir(folder).map_err(|error| TransferError::local("read", folder, error))? {
            let entry = entry.map_err(|error| TransferError::local("read", folder, error))?;
            self.entry(&entry, &inner)?;
            if self.items.len() + self.folders.len() > MAX_ENTRIES {
                let path = self.root.to_owned();
                return Err(TransferError::SourceTooLarge { path, limit: MAX_ENTRIES });
            }
        }
        let is_empty = before == (self.items.len(), self.folders.len());
        if (is_empty || mode.is_some()) && !inner.is_empty() {
            self.items.push(Item { path: inner, kind: ItemKind::Dir { mode } });
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, inner: &str) -> Result<(), TransferError> {
        let (place, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else {
            // What a user brings along can still be given another name.
            let policy =
                if self.selection.outward == Policy::Take { Policy::Refuse } else { self.selection.special };
            return self.odd(policy, &place, "its name is not UTF-8".to_owned());
        };
        let inner = if inner.is_empty() { name.to_owned() } else { format!("{inner}/{name}") };
        if self.selection.ignored.contains(&inner) {
            return Ok(());
        }
        let meta = entry.metadata().map_err(|error| TransferError::local("read", &place, error))?;
        if meta.is_dir() {
            self.folders.push((place, inner, unusual(&meta, USUAL_EXECUTABLE)));
        } else if meta.is_file() {
            let kind = ItemKind::File(SourceFile::new(place, &meta));
            self.items.push(Item { path: inner, kind });
        } else if meta.is_symlink() {
            self.link(place, inner)?;
        } else {
            self.odd(self.selection.special, &place, kind_name(&meta).to_owned())?;
        }
        Ok(())
    }

    fn link(&mut self, place: PathBuf, inner: String) -> Result<(), TransferError> {
        let target =
            std::fs::read_link(&place).map_err(|error| TransferError::local("read", &place, error))?;
        let Some(target) = target.to_str() else {
            return self.odd(self.selection.special, &place, "its target is not UTF-8".to_owned());
        };
        let inside = check_link(&inner, target);
        if let (Err(reason), true) = (inside, self.selection.outward != Policy::Take) {
            return self.odd(self.selection.outward, &place, reason);
        }
        self.items.push(Item { path: inner, kind: ItemKind::Link { target: target.to_owned() } });
        Ok(())
    }

    /// What cannot be part of the tree.
    fn odd(&mut self, policy: Policy, place: &Path, reason: String) -> Result<(), TransferError> {
        if policy == Policy::Refuse {
            return Err(refused(place, reason));
        }
        let named = place.strip_prefix(self.root).unwrap_or(place);
        self.left_out.push(format!("{}: {reason}", named.display()));
        Ok(())
    }
}

/// The permissions of a thing, where they are not the `usual` ones.
fn unusual(meta: &Metadata, usual: u32) -> Option<u32> {
    let mode = meta.mode() & PERMISSIONS;
    (mode != usual).then_some(mode)
}

impl SourceFile {
    fn new(path: PathBuf, meta: &Metadata) -> Self {
        let executable = meta.mode() & 0o100 != 0;
        let mode = unusual(meta, if executable { USUAL_EXECUTABLE } else { USUAL });
        Self { path, size: meta.len(), executable, mode, stamp: Stamp::of(meta) }
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
            changed: (meta.ctime(), meta.ctime_nsec()),
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
