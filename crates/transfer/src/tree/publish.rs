//! From a disk, or from memory, into a store.

use crate::tree::error::TransferError;
use crate::tree::files::{self, Counter, InMemory};
use crate::tree::manifest::{Entry, Manifest, Root, SINGLE_FILE};
use crate::tree::names::Prefix;
use crate::tree::progress::Progress;
use crate::tree::remove::delete_under;
use crate::tree::selection::Selection;
use crate::tree::shelf::{AT_ONCE, Shelf};
use crate::tree::source::{Item, ItemKind, SourceFile, walk};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::Arc;
use welkin_store::Endpoint;

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
    store: &Arc<dyn Endpoint>,
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
    store: &Arc<dyn Endpoint>,
    prefix: &str,
    progress: Progress<'_>,
) -> Result<(Published, LeftOut), TransferError> {
    let prefix = Prefix::parse(prefix)?;
    let root = path.to_owned();
    let source = blocking(path, move || walk(&root, &selection)).await?;
    let shelf = Shelf::new(store);
    delete_under(&shelf, &prefix).await?;
    let counter = Counter::new(progress);
    let (shelf, prefix, counter) = (&shelf, &prefix, &counter);
    let entries = futures::stream::iter(source.items)
        .map(|Item { path, kind }| async move {
            Ok::<_, TransferError>(match kind {
                ItemKind::Dir { mode } => Entry::Dir { path, mode },
                ItemKind::Link { target } => Entry::Link { path, target },
                ItemKind::File(file) => {
                    let blake3 = put_file(&file, shelf, &prefix.data(&path), counter).await?;
                    let blake3 = blake3.to_hex().to_string();
                    Entry::File {
                        path,
                        size: file.size,
                        blake3,
                        executable: file.executable,
                        mode: file.mode,
                    }
                }
            })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let manifest = Manifest::new(source.root, source.mode, entries);
    Ok((commit(&manifest, shelf, prefix).await?, source.left_out))
}

/// Publishes `bytes` under `prefix` as a tree that is one file.
///
/// # Errors
/// Failures of the store.
pub async fn publish_bytes(
    bytes: Bytes,
    store: &Arc<dyn Endpoint>,
    prefix: &str,
) -> Result<Published, TransferError> {
    let (shelf, prefix) = (Shelf::new(store), Prefix::parse(prefix)?);
    delete_under(&shelf, &prefix).await?;
    let size = bytes.len() as u64;
    let blake3 = shelf.write(&prefix.data(SINGLE_FILE), size, &InMemory(bytes)).await?;
    let blake3 = blake3.to_hex().to_string();
    let entry = Entry::File { path: SINGLE_FILE.to_owned(), size, blake3, executable: false, mode: None };
    commit(&Manifest::new(Root::File, None, vec![entry]), &shelf, &prefix).await
}

/// Writes the manifest: the moment at which the tree comes into being.
pub(crate) async fn commit(
    manifest: &Manifest,
    shelf: &Shelf,
    prefix: &Prefix,
) -> Result<Published, TransferError> {
    let (bytes, digest) = manifest.encode();
    shelf.write(&prefix.manifest(), bytes.len() as u64, &InMemory(bytes.into())).await?;
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
    shelf: &Shelf,
    object: &str,
    counter: &Counter<'_>,
) -> Result<blake3::Hash, TransferError> {
    let opener = file.clone();
    let opened = blocking(&file.path, move || opener.open()).await?;
    let source = files::Published { file: Arc::new(opened), path: &file.path, counter };
    let hash = shelf.write(object, file.size, &source).await?;
    let checker = file.clone();
    blocking(&file.path, move || checker.check_unchanged()).await?;
    Ok(hash)
}
