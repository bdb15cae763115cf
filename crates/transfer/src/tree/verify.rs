//! Reading a tree without moving it.

use crate::tree::error::TransferError;
use crate::tree::files::{Counter, Looked, expect_hash};
use crate::tree::manifest::{self, Entry, Links};
use crate::tree::names::Prefix;
use crate::tree::progress::Progress;
use crate::tree::publish::Published;
use crate::tree::shelf::{AT_ONCE, Shelf};
use futures::TryStreamExt;
use std::sync::Arc;
use welkin_store::Endpoint;

/// The tree committed under `prefix`, if there is one. Reads its manifest only.
///
/// # Errors
/// [`TransferError::BadManifest`], and failures of the store.
pub async fn find_tree(store: &Arc<dyn Endpoint>, prefix: &str) -> Result<Option<Published>, TransferError> {
    let found = manifest::read(&Shelf::new(store), &Prefix::parse(prefix)?).await?;
    Ok(found.map(|(manifest, digest)| Published::of(&manifest, digest)))
}

/// Reads the whole tree `digest` under `prefix` and compares every byte with its manifest.
///
/// # Errors
/// [`TransferError::NotPublished`], [`TransferError::WrongTree`], [`TransferError::Missing`],
/// [`TransferError::WrongSize`], [`TransferError::Corrupt`], and failures of the store.
pub async fn verify_tree(
    store: &Arc<dyn Endpoint>,
    prefix: &str,
    digest: &str,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let shelf = Shelf::new(store);
    let (prefix, manifest) = manifest::expect(&shelf, prefix, digest, Links::Anywhere).await?;
    let counter = Counter::new(progress);
    let (shelf, prefix, entries, counter) = (&shelf, &prefix, &manifest.entries, &counter);
    futures::stream::iter((0..entries.len()).map(Ok))
        .try_for_each_concurrent(AT_ONCE, |at| async move {
            let Entry::File { path, size, blake3, .. } = &entries[at] else { return Ok(()) };
            let object = prefix.data(path);
            let found = shelf.read(&object, *size, &Looked(counter)).await?;
            expect_hash(&object, blake3, found)
        })
        .await?;
    Ok(Published::of(&manifest, digest.to_owned()))
}
