//! Where the records of a state directory lie, and what keeps them.

use crate::error::StoreError;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use welkin_records::Records;
use welkin_sqlite::{Durability, Sqlite};

/// Name of the database in the state directory.
const FILE: &str = "broker.sqlite3";

/// Makes the state directory, for its owner's eyes only: it will hold secrets.
pub(crate) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| StoreError::Io {
        what: "creating",
        path: dir.to_owned(),
        source,
    })
}

/// The records of a directory, made if need be; the caller holds its lock.
pub(crate) fn open(dir: &Path, durability: Durability) -> Result<Arc<dyn Records>, StoreError> {
    Ok(Arc::new(Sqlite::open(&dir.join(FILE), durability)?))
}

/// The records of a directory, to look at.
pub(crate) fn look(dir: &Path) -> Result<Arc<dyn Records>, StoreError> {
    Ok(Arc::new(Sqlite::look(&dir.join(FILE))?))
}
