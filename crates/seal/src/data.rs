//! Sealed data sets: which files belong to a version, and the keys of their columns.
//!
//! A version is a folder with encrypted Parquet files, a [`Snapshot`] that its owner signed, and [`DataKeys`]. The snapshot lists
//! every file with its hash, so that none can be swapped, dropped, taken from another version or brought back; contracts name
//! its digest. Keys lie apart from it and from the data, so that a new key wraps them anew and leaves both as they are.

mod keys;
mod snapshot;
mod whole;

pub use keys::{DataKeys, DataKeysError, FOOTER, Kek};
pub use snapshot::{Column, Snapshot, SnapshotError, SnapshotFile, aad_prefix};
pub use whole::{open_whole, seal_whole};
