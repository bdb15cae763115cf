//! Folders of this machine.
//!
//! An object is a file, its key the path below the root. A file comes into being by a rename, so nobody
//! sees half of one; what is being written has a name beginning with `.welkin-` beside its final place,
//! so that the rename stays within a file system. Names of exactly that form are left out of listings, which tell of it, and found by
//! [`Endpoint::dangling`]. What a killed process left of a file that is written at once goes with the next write of it.
//!
//! *Versions* are length, times of change of content and of state (in nanoseconds), and inode. A read looks at them on the
//! open file before and after, so bytes of two versions are never mixed, not even when the time of the content is set back.
//!
//! *Links* are what [`Links`] says: left out, kept, or followed when reading. Nothing is written or removed through one,
//! and unless they are followed nothing is read through one either: whatever the key or prefix, what is not below the
//! root is not touched (`below`). A link that has the name of a file to be written is replaced.
//!
//! *Kept:* the time of the content and the permission bits, as [`Metadata`]'s `mtime` and `mode`.
//! Holes stay holes: blocks of zeros are not written into a fresh file, but for a last byte where its length
//! is not known before.
//!
//! *Refused by name:* keys that are no relative path (`..`, `//`, NUL), which have no place below the root.
//!
//! All work happens on the blocking pool.

mod below;
mod dangling;
mod links;
mod names;
mod path;
mod read;
mod remove;
mod stat;
mod walk;
mod whereabouts;
mod write;

pub use links::Links;

use async_trait::async_trait;
use below::Base;
use path::Below;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::thread::blocking;
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Listed, Lister, Metadata, Part, Piece, Read,
    Upload, Whereabouts,
};
use write::WriteError;

/// A folder.
#[derive(Debug)]
pub struct Local {
    base: Base,
    sync: bool,
}

impl Local {
    /// The folder at `root`, which need not exist before something is written. With `sync`, a file is on the disk, not
    /// only in the system's memory, when it appears.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, sync: bool) -> Arc<Self> {
        Self::with_links(root, sync, Links::default())
    }

    /// The same, and what becomes of links in it.
    #[must_use]
    pub fn with_links(root: impl Into<PathBuf>, sync: bool, links: Links) -> Arc<Self> {
        Arc::new(Self { base: Base { root: root.into(), links }, sync })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.base.root
    }

    /// What is to be done with a key, if it is one.
    fn job(&self, verb: &str, key: &str) -> Result<Job, Failure> {
        let operation = format!("{verb} {}/{key}", self.base.root.display());
        let job = Job { base: self.base.clone(), key: key.to_owned(), operation };
        job.path()?;
        Ok(job)
    }
}

/// What is done with one key on the blocking pool.
struct Job {
    base: Base,
    key: String,
    operation: String,
}

impl Job {
    fn path(&self) -> Result<Below<'_>, Failure> {
        Below::file(&self.key).map_err(|why| self.failure(FailureKind::Unsupported, &why))
    }

    /// The link that the key stands for, where links are kept.
    fn link(&self) -> Option<&str> {
        links::name_of(&self.key).filter(|_| self.base.links == Links::Keep)
    }

    fn failure(&self, kind: FailureKind, why: &str) -> Failure {
        Failure::new(kind, self.operation.clone(), why)
    }

    fn io(&self, error: &std::io::Error) -> Failure {
        match self.path() {
            Ok(path) => self.base.failure(self.operation.clone(), path, error),
            Err(failure) => failure,
        }
    }

    fn write<T>(&self, work: impl FnOnce(&Base, Below<'_>) -> Result<T, WriteError>) -> Result<T, Failure> {
        let path = self.path()?;
        work(&self.base, path).map_err(|error| error.of(&self.base, path, self.operation.clone()))
    }
}

#[async_trait]
impl Endpoint for Local {
    fn name(&self) -> String {
        self.base.root.display().to_string()
    }

    /// Escaped, so that names that are not UTF-8 stay apart.
    fn identity(&self) -> String {
        format!("file {:?} {:?}", self.base.root, self.base.links)
    }

    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        whereabouts::of(&self.base.root.join(prefix))
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

    fn twin_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        links::name_of(key).filter(|_| self.base.links == Links::Keep)
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
        Box::new(walk::Walk::new(self.base.clone(), prefix, after))
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        if let Some(folder) = key.strip_suffix('/') {
            let job = self.job("list", folder)?;
            let unseen = Listed::out_of_sight(key.to_owned());
            return blocking(move || Ok(read::is_unseen(&job).then(|| unseen.into()))).await;
        }
        let job = self.job("look at", key)?;
        blocking(move || read::find(&job)).await
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        // A folder that could not be listed, under the name it was listed with.
        if let Some(folder) = what.key.strip_suffix('/') {
            let job = self.job("list", folder)?;
            return blocking(move || Err(read::why_unseen(&job))).await;
        }
        let job = self.job("read", what.key)?;
        let writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        let (version, offset) = (what.version.map(str::to_owned), what.offset);
        blocking(move || read::read(&job, offset, version, writer)).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        let job = self.job("write", key)?;
        let (metadata, block, sync) = (metadata.clone(), Arc::clone(block), self.sync);
        let write = move || match job.link() {
            Some(name) => job.write(|base, _| {
                let path = Below::file(name).map_err(std::io::Error::other)?;
                links::write(&base.made_spot(path)?, block.check()?, &metadata)
            }),
            None => job.write(|base, path| write::whole(base, path, &metadata, &block, sync)),
        };
        blocking(write).await.map(Some)
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        _part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let job = self.job("begin", key)?;
        let metadata = metadata.clone();
        blocking(move || {
            let id = job.write(|base, path| match job.link() {
                Some(_) => Err(WriteError::LinkInParts),
                None => write::begin(base, path, &metadata, size),
            })?;
            Ok(Upload { key: job.key, id })
        })
        .await
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        let job = self.job(&format!("write part {number} of"), &upload.key)?;
        let (id, block) = (upload.id.clone(), Arc::clone(block));
        blocking(move || {
            job.write(|base, path| write::part(base, path, &id, &block))?;
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
        let job = self.job("complete", &upload.key)?;
        let (id, sync) = (upload.id.clone(), self.sync);
        blocking(move || job.write(|base, path| write::finish(base, path, &id, sync))).await.map(Some)
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        let job = self.job("give up", &upload.key)?;
        let id = upload.id.clone();
        blocking(move || job.write(|base, path| write::abort(base, path, &id))).await
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        let (base, prefix) = (self.base.clone(), prefix.to_owned());
        blocking(move || dangling::dangling(&base, &prefix)).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        self.delete_below("", keys).await
    }

    async fn delete_below(&self, floor: &str, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let floor = floor.to_owned();
        let jobs: Vec<_> =
            keys.iter().map(|key| (key.clone(), self.job("remove", key.trim_end_matches('/')))).collect();
        let remove = move |key: &str, job: Job| {
            if key.ends_with('/') {
                return Err(read::why_unseen(&job));
            }
            let path = job.path()?;
            remove::remove(&job.base, path, &floor).map_err(|error| job.io(&error))
        };
        blocking(move || {
            let removed = jobs.into_iter().map(|(key, job)| {
                let result = job.and_then(|job| remove(&key, job));
                (key, result)
            });
            Ok(removed.filter_map(|(key, result)| Some((key, result.err()?))).collect())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
