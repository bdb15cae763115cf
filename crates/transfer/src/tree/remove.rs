//! Taking a tree out of a store.

use crate::tree::error::TransferError;
use crate::tree::names::{manifest_object, parse_prefix};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::HashSet;

/// Deletes everything under `prefix`: the manifest first, so that a deletion that was killed leaves
/// no tree, then the rest. Idempotent.
///
/// # Errors
/// Failures of the store.
pub async fn delete_tree(store: &dyn ObjectStore, prefix: &str) -> Result<(), TransferError> {
    delete_under(store, &parse_prefix(prefix)?).await
}

pub(crate) async fn delete_under(store: &dyn ObjectStore, prefix: &Path) -> Result<(), TransferError> {
    uncommit(store, prefix).await?;
    delete_others(store, prefix, &HashSet::new()).await
}

/// Deletes the manifest: the tree ceases to exist.
pub(crate) async fn uncommit(store: &dyn ObjectStore, prefix: &Path) -> Result<(), TransferError> {
    let object = manifest_object(prefix);
    match store.delete(&object).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(source) => Err(TransferError::store("delete", &object, source)),
    }
}

/// Deletes every object under `prefix` that is not in `keep`.
pub(crate) async fn delete_others(
    store: &dyn ObjectStore,
    prefix: &Path,
    keep: &HashSet<Path>,
) -> Result<(), TransferError> {
    let failed =
        |source| TransferError::Store { operation: "delete below", object: prefix.to_string(), source };
    let listed: Vec<Path> = store
        .list(Some(prefix))
        .map_ok(|meta| meta.location)
        .try_filter(|location| std::future::ready(!keep.contains(location)))
        .try_collect()
        .await
        .map_err(failed)?;
    if listed.is_empty() {
        return Ok(());
    }
    let locations = futures::stream::iter(listed.into_iter().map(Ok)).boxed();
    let mut deleted = store.delete_stream(locations);
    while let Some(result) = deleted.next().await {
        match result {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => return Err(failed(source)),
        }
    }
    Ok(())
}
