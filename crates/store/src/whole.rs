//! Objects that are small enough to be held whole: for descriptions, suites and tests.
//!
//! Every call is made once; whoever needs patience has the engine.

use crate::block::{BlockWriter, Buffer};
use crate::endpoint::{Endpoint, Failure, FailureKind, Listed, Metadata, Read};
use std::sync::Arc;

/// Writes an object.
///
/// # Errors
/// Those of the store.
pub async fn write(store: &Arc<dyn Endpoint>, key: &str, bytes: &[u8]) -> Result<(), Failure> {
    let mut writer = BlockWriter::new(Buffer::detached(bytes.len()), 0, bytes.len(), true);
    writer.extend(bytes);
    let block = writer.finish().map_err(|_| {
        Failure::new(FailureKind::Invalid, format!("write {}/{key}", store.name()), "its bytes did not fit")
    })?;
    store.put(key, &Metadata::default(), &Arc::new(block)).await.map(drop)
}

/// Reads an object; `None` when there is none.
///
/// # Errors
/// Those of the store.
pub async fn read(store: &Arc<dyn Endpoint>, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(found) = store.find(key).await? else { return Ok(None) };
    let too_long = || {
        Failure::new(
            FailureKind::TooLarge,
            format!("read {}/{key}", store.name()),
            "it does not fit into memory",
        )
    };
    let length = usize::try_from(found.listed.size).map_err(|_| too_long())?;
    let version = found.listed.version.as_deref();
    let what = Read { key, offset: 0, length, whole: true, version };
    let piece = store.read(what, Buffer::detached(length)).await?;
    Ok(Some(piece.block.bytes().to_vec()))
}

/// Everything whose key begins with this.
///
/// # Errors
/// Those of the store.
pub async fn list(store: &Arc<dyn Endpoint>, prefix: &str) -> Result<Vec<Listed>, Failure> {
    let mut pages = Arc::clone(store).list(prefix, None);
    let mut all = Vec::new();
    while let Some(page) = pages.next_page().await? {
        all.extend(page);
    }
    Ok(all)
}

/// Removes an object; one that is not there is no failure.
///
/// # Errors
/// Those of the store.
pub async fn remove(store: &Arc<dyn Endpoint>, key: &str) -> Result<(), Failure> {
    let kept = store.delete(&[key.to_owned()]).await?;
    kept.into_iter().next().map_or(Ok(()), |(_, failure)| Err(failure))
}
