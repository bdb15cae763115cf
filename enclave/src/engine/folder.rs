//! The result's folder: a sealed data set like any other, signed by the engine, with a receipt of what the engine is.

use super::error::EngineError;
use crate::Keys;
use ring::rand::SystemRandom;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use welkin_seal::{Column, DataKeys, EngineKey, Name, Ran, Receipt, Snapshot, SnapshotFile};

const VERSION: u64 = 1;

/// Where the file of a result goes, and what it is bound to.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) party: &'a Name,
    pub(crate) name: &'a Name,
    pub(crate) version: u64,
}

/// A file that was written there.
pub(crate) struct Filled {
    pub(crate) file: SnapshotFile,
    pub(crate) keys: Keys,
    /// None where it is no table.
    pub(crate) columns: Vec<Column>,
}

/// Writes the folder, complete or not at all.
pub(crate) fn write(
    engine: &EngineKey,
    receipt: &Receipt,
    output: &Path,
    name: &str,
    fill: impl FnOnce(&Place<'_>) -> Result<Filled, EngineError>,
) -> Result<Ran, EngineError> {
    let unwritten = |error| EngineError::Output(output.to_owned(), error);
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if output.symlink_metadata().is_ok() {
        return Err(unwritten(std::io::ErrorKind::AlreadyExists.into()));
    }
    let making = tempfile::Builder::new().prefix(".sealing-").tempdir_in(parent).map_err(unwritten)?;
    let name: Name = name.parse().expect("it is a name");
    let party = &engine.identity().party;
    let filled = fill(&Place { folder: making.path(), party, name: &name, version: VERSION })?;
    let (snapshot, keys) = signed(engine, receipt, making.path(), name, filled)?;
    let files =
        [("snapshot.json", snapshot.write()), ("keys.json", keys.write()), ("receipt.json", receipt.write())];
    for (name, bytes) in files {
        fs::write(making.path().join(name), bytes).map_err(unwritten)?;
    }
    fs::rename(making.keep(), output).map_err(unwritten)?;
    let rows = snapshot.files.iter().map(|file| file.rows).sum();
    Ok(Ran { contract: receipt.contract.digest(), result: snapshot.digest(), rows })
}

/// Says what belongs to the result, and wraps its keys for those whom the contract names.
fn signed(
    engine: &EngineKey,
    receipt: &Receipt,
    folder: &Path,
    name: Name,
    filled: Filled,
) -> Result<(Snapshot, DataKeys), EngineError> {
    let Filled { file, keys, columns } = filled;
    let root = engine.root();
    let keys = BTreeMap::from([(file.name.clone(), keys)]);
    let recipients = &receipt.contract.manifest.recipients;
    let keys = DataKeys::new(root, (name.clone(), VERSION), &keys, recipients, &SystemRandom::new())
        .map_err(|error| EngineError::Keys(folder.to_owned(), error))?;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let snapshot = Snapshot::new(root, (name, VERSION), created, columns, vec![file])
        .map_err(|error| EngineError::Snapshot(folder.to_owned(), error))?;
    Ok((snapshot, keys))
}
