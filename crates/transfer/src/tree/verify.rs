//! Reading a tree without moving it.

use crate::tree::chunks::{Chunks, expect_hash};
use crate::tree::error::TransferError;
use crate::tree::manifest::{self, Entry, Links};
use crate::tree::names::{data_object, parse_prefix};
use crate::tree::progress::Progress;
use crate::tree::publish::Published;
use object_store::ObjectStore;

/// The tree committed under `prefix`, if there is one. Reads its manifest only.
///
/// # Errors
/// [`TransferError::BadManifest`], and failures of the store.
pub async fn find_tree(store: &dyn ObjectStore, prefix: &str) -> Result<Option<Published>, TransferError> {
    let found = manifest::read(store, &parse_prefix(prefix)?).await?;
    Ok(found.map(|(manifest, digest)| Published::of(&manifest, digest)))
}

/// Reads the whole tree `digest` under `prefix` and compares every byte with its manifest.
///
/// # Errors
/// [`TransferError::NotPublished`], [`TransferError::WrongTree`], [`TransferError::Missing`],
/// [`TransferError::WrongSize`], [`TransferError::Corrupt`], and failures of the store.
pub async fn verify_tree(
    store: &dyn ObjectStore,
    prefix: &str,
    digest: &str,
    progress: Progress<'_>,
) -> Result<Published, TransferError> {
    let (prefix, manifest) = manifest::expect(store, prefix, digest, Links::Anywhere).await?;
    let mut done = 0;
    for entry in &manifest.entries {
        let Entry::File { path, size, blake3, .. } = entry else { continue };
        let object = data_object(&prefix, path)?;
        let mut chunks = Chunks::object(store, &object, *size).await?;
        while let Some(chunk) = chunks.next().await? {
            done += chunk.len() as u64;
            progress(done);
        }
        expect_hash(&object, blake3, chunks.finish()?)?;
    }
    Ok(Published::of(&manifest, digest.to_owned()))
}
