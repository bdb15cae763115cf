//! From a disk, or from memory, into a store.

use crate::tree::chunks::Chunks;
use crate::tree::error::TransferError;
use crate::tree::manifest::{self, Entry, Manifest, Root, SINGLE_FILE};
use crate::tree::names::{data_object, manifest_object, parse_prefix};
use crate::tree::progress::Progress;
use crate::tree::remove::delete_under;
use crate::tree::selection::Selection;
use crate::tree::source::{Item, ItemKind, SourceFile, walk};
use crate::tree::upload::Upload;
use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use std::path::Path;

/// A committed tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Hex digest of its manifest.
    pub digest: String,
    /// Content in bytes.
    pub bytes: u64,
    /// Number of files.
    pub files: u64,
}

/// What was found and is not part of the tree, with the reason.
pub type LeftOut = Vec<String>;

impl Published {
    pub(crate) fn of(manifest: &Manifest, digest: String) -> Self {
        Self { digest, bytes: manifest.bytes(), files: manifest.files() }
    }
}

/// Publishes the file or folder at `path` under `prefix`.
///
/// A prefix holds at most one tree. What was there before, committed or left by a transfer that was
/// killed, is removed first, its manifest before anything else, so that no manifest is ever seen
/// beside data that is not its own. `progress` counts bytes of content.
///
/// # Errors
/// [`TransferError::SourceMissing`], [`TransferError::SourceChanged`] when a file was written to
/// meanwhile, [`TransferError::SourceRefused`] for what cannot be part of a tree, and failures of the
/// disk or the store. Nothing is committed then.
pub async fn publish_tree(
    path: &Path,
    store: &dyn ObjectStore,
    prefix: &str,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    publish_selection(path, Selection::strict(), store, prefix, progress)
        .await
        .map(|(published, _)| published)
}

/// As [`publish_tree`], for what `selection` takes; also says what it left out.
///
/// # Errors
/// As [`publish_tree`].
pub async fn publish_selection(
    path: &Path,
    selection: Selection,
    store: &dyn ObjectStore,
    prefix: &str,
    progress: Progress<'_>,
) -> Result<(Published, LeftOut), TransferError> {
    let prefix = parse_prefix(prefix)?;
    let root = path.to_owned();
    let source = blocking(path, move || walk(&root, &selection)).await?;
    delete_under(store, &prefix).await?;
    let mut entries = Vec::with_capacity(source.items.len());
    let mut done = 0;
    for Item { path, kind } in source.items {
        entries.push(match kind {
            ItemKind::Dir { mode } => Entry::Dir { path, mode },
            ItemKind::Link { target } => Entry::Link { path, target },
            ItemKind::File(file) => {
                let object = data_object(&prefix, &path)?;
                let blake3 = put_file(&file, store, &object, &mut done, progress).await?;
                Entry::File { path, size: file.size, blake3, executable: file.executable, mode: file.mode }
            }
        });
    }
    let manifest = Manifest::new(source.root, source.mode, entries);
    Ok((commit(&manifest, store, &prefix).await?, source.left_out))
}

/// Publishes `bytes` under `prefix` as a tree that is one file.
///
/// # Errors
/// Failures of the store.
pub async fn publish_bytes(
    bytes: Bytes,
    store: &dyn ObjectStore,
    prefix: &str,
) -> Result<Published, TransferError> {
    let prefix = parse_prefix(prefix)?;
    delete_under(store, &prefix).await?;
    let size = bytes.len() as u64;
    let entry = Entry::File {
        path: SINGLE_FILE.to_owned(),
        size,
        blake3: manifest::digest_of(&bytes),
        executable: false,
        mode: None,
    };
    let object = data_object(&prefix, SINGLE_FILE)?;
    let mut upload = Upload::new(store, &object, size);
    match upload.write(bytes).await {
        Ok(()) => upload.finish().await?,
        Err(error) => {
            upload.abort().await;
            return Err(error);
        }
    }
    commit(&Manifest::new(Root::File, None, vec![entry]), store, &prefix).await
}

/// Writes the manifest: the moment at which the tree comes into being.
pub(crate) async fn commit(
    manifest: &Manifest,
    store: &dyn ObjectStore,
    prefix: &ObjectPath,
) -> Result<Published, TransferError> {
    let (bytes, digest) = manifest.encode();
    let object = manifest_object(prefix);
    let put = store.put(&object, bytes.into()).await;
    put.map_err(|source| TransferError::store("write", &object, source))?;
    Ok(Published::of(manifest, digest))
}

/// Runs `work` on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> Result<T, TransferError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(TransferError::local("use", path, error.into())),
    }
}

async fn put_file(
    file: &SourceFile,
    store: &dyn ObjectStore,
    object: &ObjectPath,
    done: &mut u64,
    progress: Progress<'_>,
) -> Result<String, TransferError> {
    let opener = file.clone();
    let opened = blocking(&file.path, move || opener.open()).await?;
    let mut chunks = Chunks::file(opened, file.path.clone(), file.size);
    let mut upload = Upload::new(store, object, file.size);
    if let Err(error) = pump(&mut chunks, &mut upload, done, progress).await {
        upload.abort().await;
        return Err(error);
    }
    let hash = match chunks.finish() {
        Ok(hash) => hash,
        Err(error) => {
            upload.abort().await;
            return Err(error);
        }
    };
    upload.finish().await?;
    let checker = file.clone();
    blocking(&file.path, move || checker.check_unchanged()).await?;
    Ok(hash)
}

/// Moves everything from `chunks` to `upload`.
pub(crate) async fn pump(
    chunks: &mut Chunks,
    upload: &mut Upload<'_>,
    done: &mut u64,
    progress: Progress<'_>,
) -> Result<(), TransferError> {
    while let Some(chunk) = chunks.next().await? {
        let count = chunk.len() as u64;
        upload.write(chunk).await?;
        *done += count;
        progress(*done);
    }
    Ok(())
}
