//! Trees to move and stores that fail on purpose.

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

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
pub(crate) fn stores() -> Vec<(Arc<dyn ObjectStore>, Option<TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    vec![(Arc::new(InMemory::new()), None), (Arc::new(local), Some(folder))]
}

/// A store whose writes stop answering after a number of them, like a machine that is being killed.
#[derive(Debug)]
pub(crate) struct Stalling {
    pub(crate) inner: InMemory,
    pub(crate) writes_left: AtomicUsize,
    pub(crate) stalled: tokio::sync::Notify,
}

impl Stalling {
    pub(crate) fn new() -> Self {
        Self { inner: InMemory::new(), writes_left: AtomicUsize::new(0), stalled: tokio::sync::Notify::new() }
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

impl fmt::Display for Stalling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stalling")
    }
}

#[async_trait]
impl ObjectStore for Stalling {
    async fn put_opts(&self, at: &ObjectPath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.write().await;
        self.inner.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &ObjectPath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.write().await;
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        at: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        self.inner.delete_stream(at)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
