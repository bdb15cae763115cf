//! Taking a tree out of a store.

use crate::tree::error::TransferError;
use crate::tree::names::Prefix;
use crate::tree::shelf::Shelf;
use std::collections::HashSet;
use std::sync::Arc;
use welkin_store::Endpoint;

/// Deletes everything under `prefix`: the manifest first, so that a deletion that was killed leaves
/// no tree, then the rest. Idempotent.
///
/// # Errors
/// Failures of the store.
pub async fn delete_tree(store: &Arc<dyn Endpoint>, prefix: &str) -> Result<(), TransferError> {
    delete_under(&Shelf::new(store), &Prefix::parse(prefix)?).await
}

pub(crate) async fn delete_under(shelf: &Shelf, prefix: &Prefix) -> Result<(), TransferError> {
    uncommit(shelf, prefix).await?;
    delete_others(shelf, prefix, &HashSet::new()).await
}

/// Deletes the manifest: the tree ceases to exist.
pub(crate) async fn uncommit(shelf: &Shelf, prefix: &Prefix) -> Result<(), TransferError> {
    shelf.remove(&[prefix.manifest()]).await
}

/// Deletes every object under `prefix` that is not in `keep`, and what somebody began to write there.
pub(crate) async fn delete_others(
    shelf: &Shelf,
    prefix: &Prefix,
    keep: &HashSet<String>,
) -> Result<(), TransferError> {
    shelf.give_up(&prefix.folder()).await?;
    let listed = shelf.list(&prefix.folder()).await?.into_iter().map(|listed| listed.key);
    let others: Vec<String> = listed.filter(|key| !keep.contains(key)).collect();
    shelf.remove(&others).await
}
