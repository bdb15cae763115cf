//! Taking a tree out of a store.

use crate::tree::error::TransferError;
use crate::tree::names::{Prefix, is_manifest};
use crate::tree::shelf::Shelf;
use std::collections::HashSet;
use std::sync::Arc;
use welkin_store::{Endpoint, Listed, Upload};

/// Deletes everything under `prefix`: the manifest first, so that a deletion that was killed leaves
/// no tree, then the rest. Idempotent.
///
/// # Errors
/// Failures of the store.
pub async fn delete_tree(store: &Arc<dyn Endpoint>, prefix: &str) -> Result<(), TransferError> {
    delete_under(&Shelf::new(store), &Prefix::parse(prefix)?).await
}

/// Everything that lies in a folder of a store, whatever it belongs to.
///
/// # Errors
/// Failures of the store.
pub async fn objects_below(store: &Arc<dyn Endpoint>, folder: &str) -> Result<Vec<Listed>, TransferError> {
    Shelf::new(store).list(&format!("{}/", folder.trim_end_matches('/'))).await
}

/// Everything that somebody began to write in a folder of a store and did not finish.
///
/// # Errors
/// Failures of the store.
pub async fn unfinished_below(store: &Arc<dyn Endpoint>, folder: &str) -> Result<Vec<Upload>, TransferError> {
    Shelf::new(store).unfinished(&format!("{}/", folder.trim_end_matches('/'))).await
}

/// Removes objects, the manifests of trees first, so that no tree is ever seen half removed, and gives up unfinished
/// writes. What is not there any more is no failure.
///
/// # Errors
/// Failures of the store.
pub async fn remove_objects(
    store: &Arc<dyn Endpoint>,
    mut keys: Vec<String>,
    unfinished: &[Upload],
) -> Result<(), TransferError> {
    let shelf = Shelf::new(store);
    keys.sort_by_key(|key| !is_manifest(key));
    shelf.remove(&keys).await?;
    shelf.give_up(unfinished).await
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
    shelf.give_up(&shelf.unfinished(&prefix.folder()).await?).await?;
    let listed = shelf.list(&prefix.folder()).await?.into_iter().map(|listed| listed.key);
    let others: Vec<String> = listed.filter(|key| !keep.contains(key)).collect();
    shelf.remove(&others).await
}
