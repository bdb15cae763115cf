//! Folders of this machine.
//!
//! An object is a file, its key the path below the root. A file comes into being by a rename, so nobody
//! sees half of one; what is being written has a name beginning with `.welkin-` beside its final place,
//! so that the rename stays within a file system. Such names are left out of listings and found by
//! [`Endpoint::dangling`]. What a killed process left of a file that is written at once goes with the next write of it.
//!
//! *Versions* are length, time of change (in nanoseconds) and inode. A read looks at them on the open file before and
//! after, so bytes of two versions are never mixed.
//!
//! *Kept:* the time of the content and the permission bits, as [`Metadata`]'s `mtime` and `mode`.
//! Holes stay holes: blocks of zeros are not written into a fresh file, but for a last byte where its length
//! is not known before.
//!
//! *Refused by name:* keys that are no relative path (`..`, `//`, NUL), which have no place below the root.
//!
//! All work happens on the blocking pool.

mod path;
mod stat;
mod thread;
mod walk;
mod write;

use crate::block::{Block, BlockWriter, Buffer};
use crate::endpoint::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload,
};
use async_trait::async_trait;
use stat::Stamp;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub(crate) use thread::at_once;

/// A folder.
#[derive(Debug)]
pub struct Local {
    root: PathBuf,
    sync: bool,
}

impl Local {
    /// The folder at `root`, which need not exist before something is written. With `sync`, a file is on the disk, not
    /// only in the system's memory, when it appears.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, sync: bool) -> Arc<Self> {
        Arc::new(Self { root: root.into(), sync })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, verb: &str, key: &str) -> Result<(PathBuf, String), Failure> {
        let operation = format!("{verb} {}/{key}", self.root.display());
        match path::relative(key) {
            Ok(relative) => Ok((self.root.join(relative), operation)),
            Err(why) => Err(Failure::new(FailureKind::Unsupported, operation, why)),
        }
    }
}

/// Runs `work` on the blocking pool, or here where this thread is one of it for several calls.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if thread::is_here() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::new(FailureKind::Transient, "use the disk", error.to_string())),
    }
}

#[async_trait]
impl Endpoint for Local {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    /// Escaped, so that names that are not UTF-8 stay apart.
    fn identity(&self) -> String {
        format!("file {:?}", self.root)
    }

    /// Parts are in the system's memory until the file is whole, also with `sync`.
    fn keeps_parts(&self) -> bool {
        false
    }

    fn lists_mtimes(&self) -> bool {
        true
    }

    fn is_files(&self) -> bool {
        true
    }

    /// `PATH_MAX` of Linux for keys; ext4's longest file. Parts are bounded by what memory is sensible for one.
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 16 << 40,
            part_bytes_min: 1 << 10,
            part_bytes_max: 1 << 30,
            parts: u32::MAX,
            part_bytes_best: 8 << 20,
            parts_in_any_order: true,
            key_bytes: 4095,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(walk::Walk::new(self.root.clone(), prefix, after))
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let (path, operation) = self.path("look at", key)?;
        let key = key.to_owned();
        blocking(move || match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => {
                let stamp = Stamp::of(&meta);
                Ok(Some(Found { listed: stamp.listed(key), metadata: stamp.metadata(&path), crc64: None }))
            }
            Ok(_) => Ok(None),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Failure::io(operation, &error)),
        })
        .await
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let (path, operation) = self.path("read", what.key)?;
        let writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        let version = what.version.map(str::to_owned);
        let offset = what.offset;
        blocking(move || read(&path, operation, offset, version, writer)).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        let (path, operation) = self.path("write", key)?;
        let (metadata, block, sync) = (metadata.clone(), Arc::clone(block), self.sync);
        blocking(move || write::whole(&path, &metadata, &block, sync).map_err(|error| error.of(operation)))
            .await
            .map(Some)
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        _part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let (path, operation) = self.path("begin", key)?;
        let metadata = metadata.clone();
        let key = key.to_owned();
        blocking(move || {
            let id = write::begin(&path, &metadata, size).map_err(|error| error.of(operation))?;
            Ok(Upload { key, id })
        })
        .await
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        let (path, operation) = self.path(&format!("write part {number} of"), &upload.key)?;
        let (id, block) = (upload.id.clone(), Arc::clone(block));
        blocking(move || {
            write::part(&path, &id, &block).map_err(|error| error.of(operation))?;
            Ok(Part { number, tag: block.chaining().to_string() })
        })
        .await
    }

    async fn finish(
        &self,
        upload: &Upload,
        _parts: &[Part],
        _root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        let (path, operation) = self.path("complete", &upload.key)?;
        let (id, sync) = (upload.id.clone(), self.sync);
        blocking(move || write::finish(&path, &id, sync).map_err(|error| error.of(operation))).await.map(Some)
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        let (path, operation) = self.path("give up", &upload.key)?;
        let id = upload.id.clone();
        blocking(move || write::abort(&path, &id).map_err(|error| error.of(operation))).await
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        let (root, prefix) = (self.root.clone(), prefix.to_owned());
        blocking(move || walk::dangling(&root, &prefix)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let mut paths = Vec::with_capacity(keys.len());
        let mut failed = Vec::new();
        for key in keys {
            match self.path("remove", key) {
                Ok((path, operation)) => paths.push((key.clone(), path, operation)),
                Err(failure) => failed.push((key.clone(), failure)),
            }
        }
        let root = self.root.clone();
        blocking(move || {
            for (key, path, operation) in paths {
                match write::remove(&root, &path) {
                    Ok(()) => {}
                    Err(error) => failed.push((key, Failure::io(operation, &error))),
                }
            }
            Ok(failed)
        })
        .await
    }
}

fn read(
    path: &Path,
    operation: String,
    mut offset: u64,
    version: Option<String>,
    mut writer: BlockWriter,
) -> Result<Piece, Failure> {
    let failed = |error: &std::io::Error| Failure::io(operation.clone(), error);
    let changed = |why: &str| Failure::new(FailureKind::Changed, operation.clone(), why);
    // Looked at before it is opened: opening a pipe waits for whoever writes to it.
    if !std::fs::metadata(path).map_err(|error| failed(&error))?.is_file() {
        return Err(Failure::new(FailureKind::Unsupported, operation, "it is no regular file"));
    }
    let file = File::open(path).map_err(|error| failed(&error))?;
    let stamp = Stamp::of(&file.metadata().map_err(|error| failed(&error))?);
    if version.is_some_and(|version| version != stamp.version()) {
        return Err(changed("it changed since it was looked at"));
    }
    while writer.missing() > 0 {
        let count = file.read_at(writer.spare(), offset).map_err(|error| failed(&error))?;
        if count == 0 {
            return Err(changed("it is shorter than it was"));
        }
        offset += count as u64;
        writer.advance(count);
    }
    let after = Stamp::of(&file.metadata().map_err(|error| failed(&error))?);
    if after != stamp {
        return Err(changed("it changed while it was read"));
    }
    let block = writer.finish().map_err(|_| changed("it is shorter than it was"))?;
    Ok(Piece { block, metadata: stamp.metadata(path), version: Some(stamp.version()) })
}

#[cfg(test)]
mod tests;
