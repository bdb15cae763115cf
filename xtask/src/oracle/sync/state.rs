//! What is in a folder.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, FileType};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Everything but folders, by path.
pub(super) type State = BTreeMap<OsString, Node>;

/// One thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File(Content),
    Link(PathBuf),
    /// FIFOs, sockets, devices.
    Special,
}

#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) size: u64,
    hash: u64,
    pub(super) mode: u32,
    pub(super) modified_s: i64,
}

impl Content {
    /// As a store has it.
    pub(super) fn of_store(size: u64, hash: u64) -> Self {
        Self { size, hash, mode: 0, modified_s: 0 }
    }
}

/// Two files are equal when their bytes are; modes and times are looked at apart.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        (self.size, self.hash) == (other.size, other.hash)
    }
}

impl Eq for Content {}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(content) => write!(
                f,
                "file of {} bytes, hash {:016x}, mode {:o}, modified {}",
                content.size, content.hash, content.mode, content.modified_s
            ),
            Self::Link(to) => write!(f, "link to {}", to.display()),
            Self::Special => f.write_str("special file"),
        }
    }
}

/// Reads a tree; a root that is not there is empty.
pub(super) fn read(root: &Path) -> io::Result<State> {
    let mut state = State::new();
    walk(root, |path, kind| {
        if !kind.is_dir() {
            state.insert(path.to_owned(), node(&root.join(path))?);
        }
        Ok(())
    })?;
    Ok(state)
}

/// Whether anything in a tree, an empty folder too, has a name that is not text.
pub(super) fn has_odd_name(root: &Path) -> io::Result<bool> {
    let mut odd = false;
    walk(root, |path, _| {
        odd |= path.to_str().is_none();
        Ok(())
    })?;
    Ok(odd)
}

/// Tells of everything in a tree, folders too.
fn walk(root: &Path, mut tell: impl FnMut(&OsStr, FileType) -> io::Result<()>) -> io::Result<()> {
    let mut folders = vec![OsString::new()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_empty() => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (below(&folder, &entry.file_name()), entry.file_type()?);
            tell(&path, kind)?;
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

fn below(folder: &OsStr, name: &OsStr) -> OsString {
    if folder.is_empty() {
        return name.to_owned();
    }
    let mut path = folder.to_owned();
    path.push("/");
    path.push(name);
    path
}

fn node(path: &Path) -> io::Result<Node> {
    let about = path.symlink_metadata()?;
    if about.is_symlink() {
        let to = fs::read_link(path)?;
        // Each of two twins has a folder of its own that links outside lead to.
        return Ok(Node::Link(if to.is_absolute() { "outside".into() } else { to }));
    }
    if !about.is_file() {
        return Ok(Node::Special);
    }
    let bytes = fs::read(path)?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Ok(Node::File(Content {
        size: about.len(),
        hash: hasher.finish(),
        mode: about.mode() & 0o7777,
        modified_s: about.mtime(),
    }))
}
