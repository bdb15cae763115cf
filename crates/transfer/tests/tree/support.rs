//! Trees to move and stores that fail on purpose.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, Found, Limits, Lister, Memory, Metadata, Part, Piece, Read, Upload,
};
use welkin_stores::Local;

/// Larger than one part, so that it goes up in several.
pub(crate) const BIG: usize = welkin_transfer::PART_BYTES as usize + 12_345;

pub(crate) fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0] ^ seed).collect()
}

/// A folder with one of everything.
pub(crate) fn sample(folder: &Path) {
    std::fs::create_dir_all(folder.join("sub/deep")).unwrap();
    std::fs::create_dir_all(folder.join("empty")).unwrap();
    static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(BIG, 1));
    std::fs::write(folder.join("big"), &*CONTENT).unwrap();
    std::fs::write(folder.join("none"), "").unwrap();
    std::fs::write(folder.join("sub-not-below"), "x").unwrap();
    std::fs::write(folder.join("sub/odd # 1%2F ?*é\n"), "odd").unwrap();
    std::fs::write(folder.join("sub/deep/run.sh"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(folder.join("sub/deep/run.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("../big", folder.join("sub/link")).unwrap();
}

pub(crate) const SAMPLE_FILES: u64 = 5;
pub(crate) const SAMPLE_BYTES: u64 = BIG as u64 + 1 + 3 + 10;

/// What is in a folder, to compare two.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let what = if meta.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if meta.is_symlink() {
                format!("-> {}", std::fs::read_link(&path).unwrap().display())
            } else {
                let executable = meta.permissions().mode() & 0o100 != 0;
                format!("{} {executable}", blake3::hash(&std::fs::read(&path).unwrap()))
            };
            found.insert(path.strip_prefix(folder).unwrap().display().to_string(), what);
        }
    }
    found
}

/// Both kinds of store, the second with the folder it lies in.
pub(crate) fn stores() -> Vec<(Arc<dyn Endpoint>, Option<TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::new(folder.path(), false);
    vec![(memory(), None), (local, Some(folder))]
}

pub(crate) fn memory() -> Arc<dyn Endpoint> {
    Memory::new("memory:")
}

/// Puts an object behind everybody's back.
pub(crate) async fn put(store: &Arc<dyn Endpoint>, key: &str, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    let mut writer = BlockWriter::new(Buffer::detached(bytes.len()), 0, bytes.len(), true);
    writer.extend(bytes);
    store.put(key, &Metadata::default(), &Arc::new(writer.finish().unwrap())).await.unwrap();
}

pub(crate) async fn get(store: &Arc<dyn Endpoint>, key: &str) -> Vec<u8> {
    let length = store.find(key).await.unwrap().unwrap().listed.size as usize;
    let what = Read { key, offset: 0, length, whole: true, version: None };
    store.read(what, Buffer::detached(length)).await.unwrap().block.bytes().to_vec()
}

/// All keys, in order.
pub(crate) async fn objects(store: &Arc<dyn Endpoint>) -> Vec<String> {
    let mut pages = Arc::clone(store).list("", None);
    let mut all = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        all.extend(page.into_iter().map(|listed| listed.key));
    }
    all
}

/// A store whose writes stop answering after a number of them, like a machine that is being killed.
#[derive(Debug)]
pub(crate) struct Stalling {
    inner: Arc<Memory>,
    pub(crate) writes_left: AtomicUsize,
    pub(crate) stalled: tokio::sync::Notify,
}

impl Stalling {
    pub(crate) fn new() -> Arc<Self> {
        let (writes_left, stalled) = (AtomicUsize::new(0), tokio::sync::Notify::new());
        Arc::new(Self { inner: Memory::new("memory:"), writes_left, stalled })
    }

    async fn write(&self) {
        let left =
            self.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            self.stalled.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Endpoint for Stalling {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn identity(&self) -> String {
        self.inner.identity()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Arc::clone(&self.inner).list(prefix, after)
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        self.inner.find(key).await
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        self.inner.read(what, buffer).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        self.write().await;
        self.inner.put(key, metadata, block).await
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        self.write().await;
        self.inner.begin(key, metadata, size, part_bytes).await
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.inner.part(upload, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        self.inner.finish(upload, parts, root).await
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.inner.abort(upload).await
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        self.inner.dangling(prefix).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        self.inner.delete(keys).await
    }
}
