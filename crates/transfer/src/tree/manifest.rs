//! The manifest of a tree: its entries, their canonical bytes, and what is refused.
//!
//! The digest of a tree is the BLAKE3 hash of its manifest's bytes as stored. Entries are sorted by
//! path, so equal trees have equal digests whatever order a folder was read in.
//!
//! A manifest that comes from a store is read in three steps: bounded in size, compared with the
//! digest asked for, and checked: only relative paths without `..`, no path twice, nothing below a
//! file or a link. Links must be relative and inside the tree, except for a reader who knows that
//! the tree was made by the same user and asks for links as they are.

use crate::tree::error::TransferError;
use crate::tree::names::Prefix;
use crate::tree::shelf::{Shelf, Target};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_store::block::Block;

/// Version of the manifest's form.
const SCHEMA: u32 = 1;

/// Most entries of one tree.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Longest manifest: [`MAX_ENTRIES`] with paths of 256 bytes, each with 256 bytes around it.
pub const MAX_MANIFEST_BYTES: u64 = 512 * MAX_ENTRIES as u64;

/// Longest path of an entry: `PATH_MAX` of Linux.
const MAX_PATH_BYTES: usize = 4096;

/// Path of the only entry of a tree that is a file.
pub(crate) const SINGLE_FILE: &str = "file";

/// What a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// One file; fetching it to `X` makes `X` that file.
    File,
    /// A folder; fetching it to `X` makes `X` that folder.
    Dir,
}

/// One thing in a tree. Paths are relative, with `/` between their parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// A file.
    File {
        /// Where.
        path: String,
        /// Length in bytes.
        size: u64,
        /// BLAKE3 hash of its content, in hex.
        blake3: String,
        /// Whether its owner may execute it.
        executable: bool,
        /// Its permissions, where they are not the usual ones: 0755 for what its owner may execute, else
        /// 0644. Absent in manifests of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// A symbolic link to somewhere in the same tree.
    Link {
        /// Where.
        path: String,
        /// What it says.
        target: String,
    },
    /// A folder without entries, or one with permissions of its own; others follow from the paths in them.
    Dir {
        /// Where.
        path: String,
        /// Its permissions, where they are not 0755.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
}

/// Permissions of a file that may be executed, and of a folder, unless a manifest says otherwise.
pub(crate) const USUAL_EXECUTABLE: u32 = 0o755;

/// Permissions of any other file unless a manifest says otherwise.
pub(crate) const USUAL: u32 = 0o644;

/// All permissions that a tree keeps: what runs with the rights of others is not among them.
pub(crate) const PERMISSIONS: u32 = 0o777;

impl Entry {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } | Self::Dir { path, .. } => path,
        }
    }

    /// Bytes of content.
    #[must_use]
    pub const fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Link { .. } | Self::Dir { .. } => 0,
        }
    }
}

/// The list of a tree's entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: u32,
    /// What the tree is.
    pub root: Root,
    /// Permissions of a folder that is the tree, where they are not 0755.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Its entries, sorted by path.
    pub entries: Vec<Entry>,
}

/// Where the links of a tree may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// Nowhere but into the tree.
    Inside,
    /// Anywhere: they are texts that somebody else may follow. Nothing is ever written through one.
    Anywhere,
}

impl Manifest {
    /// A manifest of entries in any order.
    pub(crate) fn new(root: Root, mode: Option<u32>, mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.path().cmp(b.path()));
        Self { schema: SCHEMA, root, mode, entries }
    }

    /// Total content of the tree in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(Entry::size).sum()
    }

    /// Number of files.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry, Entry::File { .. })).count() as u64
    }

    /// The bytes to store, and their digest.
    pub(crate) fn encode(&self) -> (Vec<u8>, String) {
        let bytes = serde_json::to_vec(self).expect("a manifest has only string keys");
        let digest = digest_of(&bytes);
        (bytes, digest)
    }

    /// Reads and checks the stored form.
    fn decode(bytes: &[u8], links: Links) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        manifest.check(links)?;
        Ok(manifest)
    }

    fn check(&self, links: Links) -> Result<(), String> {
        check_mode("the tree", self.mode)?;
        if self.schema != SCHEMA {
            return Err(format!("its version is {}, this build reads {SCHEMA}", self.schema));
        }
        if self.entries.len() > MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} entries"));
        }
        if self.root == Root::File
            && !matches!(self.entries.as_slice(), [Entry::File { path, .. }] if path == SINGLE_FILE)
        {
            return Err("a tree that is a file must have exactly that file".to_owned());
        }
        if let Some(pair) = self.entries.windows(2).find(|pair| pair[0].path() >= pair[1].path()) {
            return Err(format!("entry {:?} is doubled or out of order", pair[1].path()));
        }
        self.entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.size())).ok_or("too large")?;
        let closed = self.entries.iter().filter(|entry| !matches!(entry, Entry::Dir { .. }));
        let closed: HashSet<&str> = closed.map(Entry::path).collect();
        for entry in &self.entries {
            check_path(entry.path())?;
            if let Some(parent) = parents(entry.path()).find(|parent| closed.contains(parent)) {
                return Err(format!("entry {:?} lies below {parent:?}, which is not a folder", entry.path()));
            }
            match entry {
                Entry::File { path, blake3, mode, .. } => {
                    check_hash(path, blake3)?;
                    check_mode(path, *mode)?;
                }
                Entry::Link { path, target } if links == Links::Inside => check_link(path, target)?,
                Entry::Link { path, target } => check_target(path, target)?,
                Entry::Dir { path, mode } => check_mode(path, *mode)?,
            }
        }
        Ok(())
    }
}

/// Hex digest of a manifest's bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Reads the manifest under `prefix`: `None` when nothing is committed there.
pub(crate) async fn read(
    shelf: &Shelf,
    prefix: &Prefix,
) -> Result<Option<(Manifest, String)>, TransferError> {
    let Some(bytes) = read_bytes(shelf, prefix).await? else { return Ok(None) };
    let digest = digest_of(&bytes);
    let manifest = Manifest::decode(&bytes, Links::Anywhere)
        .map_err(|reason| TransferError::BadManifest { prefix: prefix.to_string(), reason })?;
    Ok(Some((manifest, digest)))
}

/// Reads the manifest of the tree `digest` under `prefix`.
pub(crate) async fn expect(
    shelf: &Shelf,
    prefix: &str,
    digest: &str,
    links: Links,
) -> Result<(Prefix, Manifest), TransferError> {
    let prefix = Prefix::parse(prefix)?;
    let bytes = read_bytes(shelf, &prefix)
        .await?
        .ok_or_else(|| TransferError::NotPublished { prefix: prefix.to_string() })?;
    // The digest first: a manifest that is not the expected one need not be understood.
    let found = digest_of(&bytes);
    if found != digest {
        let expected = digest.to_owned();
        return Err(TransferError::WrongTree { prefix: prefix.to_string(), expected, found });
    }
    let manifest = Manifest::decode(&bytes, links)
        .map_err(|reason| TransferError::BadManifest { prefix: prefix.to_string(), reason })?;
    Ok((prefix, manifest))
}

async fn read_bytes(shelf: &Shelf, prefix: &Prefix) -> Result<Option<Vec<u8>>, TransferError> {
    let object = prefix.manifest();
    let Some(found) = shelf.find(&object).await? else { return Ok(None) };
    let size = found.listed.size;
    if size > MAX_MANIFEST_BYTES {
        let reason = format!("it is longer than {MAX_MANIFEST_BYTES} bytes");
        return Err(TransferError::BadManifest { prefix: prefix.to_string(), reason });
    }
    let bytes = Mutex::new(vec![0; size as usize]);
    match shelf.read(&object, size, &Collected(&bytes)).await {
        // Removed between the two calls.
        Err(TransferError::Missing { .. }) => return Ok(None),
        read => read?,
    };
    Ok(Some(bytes.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// All parts of an object in memory.
struct Collected<'a>(&'a Mutex<Vec<u8>>);

impl Target for Collected<'_> {
    async fn take(&self, block: &Arc<Block>) -> Result<(), TransferError> {
        let start = block.offset() as usize;
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes[start..start + block.len()].copy_from_slice(block.bytes());
        Ok(())
    }
}

/// Every folder that `path` lies in, innermost last.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn check_path(path: &str) -> Result<(), String> {
    let bad = path.is_empty()
        || path.len() > MAX_PATH_BYTES
        || path.contains('\0')
        || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if bad { Err(format!("path {path:?} is not a plain relative path")) } else { Ok(()) }
}

fn check_mode(path: &str, mode: Option<u32>) -> Result<(), String> {
    match mode {
        Some(mode) if mode & !PERMISSIONS != 0 => Err(format!("{path:?} has the mode {mode:o}")),
        _ => Ok(()),
    }
}

fn check_hash(path: &str, hash: &str) -> Result<(), String> {
    let plain = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if plain { Ok(()) } else { Err(format!("the hash of {path:?} is malformed")) }
}

/// What any link must be: a text that the file system takes.
pub(crate) fn check_target(path: &str, target: &str) -> Result<(), String> {
    if target.is_empty() || target.len() > MAX_PATH_BYTES || target.contains('\0') {
        return Err(format!("link {path:?} points to {target:?}, which is not a path"));
    }
    Ok(())
}

/// A link may climb to the root of its tree and no further. `..` is allowed only in front: after a
/// name it could climb out of a folder that is itself a link to somewhere less deep.
pub(crate) fn check_link(path: &str, target: &str) -> Result<(), String> {
    let refuse = || format!("link {path:?} points to {target:?}, outside its tree");
    check_target(path, target)?;
    if target.starts_with('/') {
        return Err(refuse());
    }
    let mut depth = path.matches('/').count();
    let mut named = false;
    for part in target.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part != ".." {
            named = true;
        } else if named || depth == 0 {
            return Err(refuse());
        } else {
            depth -= 1;
        }
    }
    Ok(())
}

#[cfg(any(test, feature = "fuzzing"))]
/// Reads a manifest as a stranger's and as one's own. What the first takes the second does, and writes as it was meant.
pub(crate) fn fuzz(bytes: &[u8]) {
    let own = Manifest::decode(bytes, Links::Anywhere);
    if let Ok(manifest) = Manifest::decode(bytes, Links::Inside) {
        assert_eq!(own.as_ref(), Ok(&manifest));
    }
    let Ok(manifest) = own else { return };
    let (written, _) = manifest.encode();
    assert_eq!(Manifest::decode(&written, Links::Anywhere).as_ref(), Ok(&manifest));
    assert!(manifest.files() <= manifest.entries.len() as u64);
    let _ = manifest.bytes();
}

#[cfg(test)]
mod tests;
