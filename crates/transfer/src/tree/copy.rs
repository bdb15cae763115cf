//! From one store to another.
//!
//! For each file of the manifest: skip it when the destination already has it with the right length
//! and hash, else stream it across and compare its hash before it may count. Then drop what does not
//! belong to the tree, and write the manifest last. Repeating a copy that was killed therefore moves
//! only what is missing.

use crate::tree::chunks::Chunks;
use crate::tree::error::TransferError;
use crate::tree::manifest::{self, Entry, Manifest};
use crate::tree::names::{data_object, manifest_object, parse_prefix};
use crate::tree::progress::Progress;
use crate::tree::publish::{commit, pump};
use crate::tree::remove::{delete_others, uncommit};
use crate::tree::upload::Upload;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::HashSet;

/// What a copy did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Bytes that were moved.
    pub bytes: u64,
    /// Files that were moved.
    pub files: u64,
    /// Bytes that were there already.
    pub reused_bytes: u64,
    /// Files that were there already.
    pub reused_files: u64,
}

/// Copies the tree `digest` from one store to another. Idempotent, and goes on where an earlier call
/// was killed. `progress` counts bytes that are at the destination.
///
/// # Errors
/// [`TransferError::NotPublished`] or [`TransferError::WrongTree`] for the source's manifest,
/// [`TransferError::Missing`], [`TransferError::WrongSize`] or [`TransferError::Corrupt`] for one of
/// its files, and failures of either store. Nothing is committed then.
pub async fn copy_tree(
    source: &dyn ObjectStore,
    source_prefix: &str,
    target: &dyn ObjectStore,
    target_prefix: &str,
    digest: &str,
    progress: Progress<'_>,
) -> Result<Copied, TransferError> {
    let target_prefix = parse_prefix(target_prefix)?;
    // A committed copy answers for itself, even when the source is gone.
    match manifest::read(target, &target_prefix).await {
        Ok(Some((found, found_digest))) if found_digest == digest => {
            progress(found.bytes());
            return Ok(Copied {
                reused_bytes: found.bytes(),
                reused_files: found.files(),
                ..Copied::default()
            });
        }
        Ok(None) => {}
        // Another tree, or a manifest nobody can read: it makes room for this one.
        Ok(Some(_)) | Err(TransferError::BadManifest { .. }) => uncommit(target, &target_prefix).await?,
        Err(error) => return Err(error),
    }
    let (source_prefix, manifest) = manifest::expect(source, source_prefix, digest).await?;
    let mut copy = Copy { source, target, progress, done: 0, copied: Copied::default() };
    let mut keep = HashSet::from([manifest_object(&target_prefix)]);
    for entry in &manifest.entries {
        if let Entry::File { path, size, blake3, .. } = entry {
            let to = data_object(&target_prefix, path)?;
            copy.file(&data_object(&source_prefix, path)?, &to, *size, blake3).await?;
            keep.insert(to);
        }
    }
    delete_others(target, &target_prefix, &keep).await?;
    finish(&manifest, digest, target, &target_prefix).await?;
    Ok(copy.copied)
}

/// Commits the copy. Its bytes are made anew rather than carried over, so they are compared once more.
async fn finish(
    manifest: &Manifest,
    digest: &str,
    target: &dyn ObjectStore,
    prefix: &Path,
) -> Result<(), TransferError> {
    let (_, encoded) = manifest.encode();
    if encoded != digest {
        let reason = "it is not in canonical form".to_owned();
        return Err(TransferError::BadManifest { prefix: prefix.to_string(), reason });
    }
    commit(manifest, target, prefix).await.map(drop)
}

struct Copy<'a> {
    source: &'a dyn ObjectStore,
    target: &'a dyn ObjectStore,
    progress: Progress<'a>,
    done: u64,
    copied: Copied,
}

impl Copy<'_> {
    async fn file(&mut self, from: &Path, to: &Path, size: u64, hash: &str) -> Result<(), TransferError> {
        if self.is_there(to, size, hash).await? {
            self.done += size;
            self.copied.reused_bytes += size;
            self.copied.reused_files += 1;
            (self.progress)(self.done);
            return Ok(());
        }
        let mut chunks = Chunks::object(self.source, from, size).await?;
        let mut upload = Upload::new(self.target, to, size);
        let moved = match pump(&mut chunks, &mut upload, &mut self.done, self.progress).await {
            Ok(()) => chunks.finish().and_then(|found| expect_hash(from, hash, found)),
            Err(error) => Err(error),
        };
        if let Err(error) = moved {
            upload.abort().await;
            return Err(error);
        }
        upload.finish().await?;
        self.copied.bytes += size;
        self.copied.files += 1;
        Ok(())
    }

    /// Whether an earlier, killed copy left this file whole.
    async fn is_there(&self, object: &Path, size: u64, hash: &str) -> Result<bool, TransferError> {
        match self.target.head(object).await {
            Ok(meta) if meta.size == size => {}
            Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(source) => return Err(TransferError::store("look at", object, source)),
        }
        let mut chunks = Chunks::object(self.target, object, size).await?;
        while chunks.next().await?.is_some() {}
        Ok(chunks.finish()? == hash)
    }
}

pub(crate) fn expect_hash(object: &Path, expected: &str, found: String) -> Result<(), TransferError> {
    if found == expected {
        return Ok(());
    }
    Err(TransferError::Corrupt { object: object.to_string(), expected: expected.to_owned(), found })
}
