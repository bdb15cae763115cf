//! Trees: files and folders published under a prefix of a store, with a manifest written last.

mod copy;
mod deliver;
mod error;
mod fetch;
mod files;
mod manifest;
mod names;
mod overlay;
mod progress;
mod publish;
mod remove;
mod selection;
mod shelf;
mod source;
mod verify;

pub use copy::{Copied, copy_tree};
pub use deliver::deliver_tree;
pub use error::TransferError;
pub use fetch::{fetch_own_tree, fetch_tree};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use manifest::fuzz as fuzz_manifest;
pub use manifest::{Entry, MAX_ENTRIES, MAX_MANIFEST_BYTES, Manifest, Root};
pub use overlay::overlay_own_tree;
pub use progress::{Progress, silent};
pub use publish::{LeftOut, Published, publish_bytes, publish_selection, publish_tree};
pub use remove::{delete_tree, objects_below, remove_objects, unfinished_below};
pub use selection::Selection;
pub use shelf::PART_BYTES;
pub use verify::{find_tree, verify_tree};
