//! The data plane: trees of files between disks and object stores, verified by content.
//!
//! A *tree* is a file or a folder. [`publish_tree`] puts one under a prefix of a store: the bytes of
//! each file as `PREFIX/data/PATH`, and last `PREFIX/manifest.json`, which lists every entry with its
//! size and BLAKE3 hash. The hash of that manifest is the tree's digest. [`copy_tree`] carries a tree
//! to another store, [`fetch_tree`] and [`deliver_tree`] put it on a disk, [`verify_tree`] reads it again.
//!
//! *Guarantee:* the manifest is the commit point. A tree without one does not exist, whatever lies
//! under its prefix, so a transfer that was killed leaves nothing that could be taken for a result,
//! and can be repeated. Every byte that is delivered was hashed and compared with the digest the
//! caller asked for; a manifest from a store is treated as hostile until it has that digest and
//! names only places inside its own tree.
//!
//! *Memory:* a transfer holds one part of a file ([`PART_BYTES`] for files below 72 GB) and the list
//! of entries, whatever the amount of data.
//!
//! *Symbolic links* are kept as links. Those that leave the tree are refused by name, left out, or kept
//! as they are, as a [`Selection`] says; whoever fetches refuses them unless the tree is the user's own.
//! *Permissions* are kept, so that a private key stays private. *Not kept:* owners and times.
//!
//! *Rejected:* archives (one torn byte loses the whole tree, nothing can be resumed or skipped), and
//! ETags as checksums (they differ by provider and upload size).

pub mod engine;
pub mod filter;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod journal;
mod tree;

pub use tree::{
    Copied, Entry, LeftOut, MAX_ENTRIES, MAX_MANIFEST_BYTES, Manifest, PART_BYTES, Progress, Published, Root,
    Selection, TransferError, copy_tree, delete_tree, deliver_tree, fetch_own_tree, fetch_tree, find_tree,
    objects_below, overlay_own_tree, publish_bytes, publish_selection, publish_tree, remove_objects, silent,
    unfinished_below, verify_tree,
};
