//! The result: a sealed data set like any other, signed by the engine, with a receipt of what the engine is.

use super::error::SqlError;
use super::query::Rows;
use crate::{SealError, Table, seal};
use arrow_schema::{ArrowError, SchemaRef};
use futures::StreamExt;
use ring::rand::SystemRandom;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;
use welkin_seal::{DataKeys, EngineKey, Name, Ran, Receipt, Snapshot, SnapshotFile, aad_prefix};

const FILE: &str = "part-00000.parquet";
const VERSION: u64 = 1;

/// Writes the folder, complete or not at all.
pub(super) fn write(
    engine: &EngineKey,
    receipt: &Receipt,
    output: &Path,
    schema: SchemaRef,
    rows: Rows,
    runtime: &Runtime,
) -> Result<Ran, SqlError> {
    let unwritten = |error| SqlError::Output(output.to_owned(), error);
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if output.symlink_metadata().is_ok() {
        return Err(unwritten(std::io::ErrorKind::AlreadyExists.into()));
    }
    let making = tempfile::Builder::new().prefix(".sealing-").tempdir_in(parent).map_err(unwritten)?;
    let (snapshot, keys) = fill(engine, receipt, making.path(), schema, rows, runtime)?;
    let files =
        [("snapshot.json", snapshot.write()), ("keys.json", keys.write()), ("receipt.json", receipt.write())];
    for (name, bytes) in files {
        fs::write(making.path().join(name), bytes).map_err(unwritten)?;
    }
    fs::rename(making.keep(), output).map_err(unwritten)?;
    let rows = snapshot.files.iter().map(|file| file.rows).sum();
    Ok(Ran { contract: receipt.contract.digest(), result: snapshot.digest(), rows })
}

fn fill(
    engine: &EngineKey,
    receipt: &Receipt,
    folder: &Path,
    schema: SchemaRef,
    rows: Rows,
    runtime: &Runtime,
) -> Result<(Snapshot, DataKeys), SqlError> {
    let root = engine.root();
    let name: Name = "result".parse().expect("it is a name");
    let aad = aad_prefix(&root.identity().party, &name, VERSION, FILE);
    let sealed = seal_rows(schema, rows, &folder.join(FILE), &aad, runtime)?;
    let keys = BTreeMap::from([(FILE.to_owned(), sealed.keys)]);
    let recipients = &receipt.contract.manifest.recipients;
    let keys = DataKeys::new(root, (name.clone(), VERSION), &keys, recipients, &SystemRandom::new())
        .map_err(|error| SqlError::Keys(folder.to_owned(), error))?;
    let file =
        SnapshotFile { name: FILE.to_owned(), bytes: sealed.bytes, rows: sealed.rows, sha256: sealed.sha256 };
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let snapshot = Snapshot::new(root, (name, VERSION), created, sealed.columns, vec![file])
        .map_err(|error| SqlError::Snapshot(folder.to_owned(), error))?;
    Ok((snapshot, keys))
}

/// Runs the query while its rows are sealed. An error among the data becomes one that may be told.
fn seal_rows(
    schema: SchemaRef,
    rows: Rows,
    path: &Path,
    aad: &[u8],
    runtime: &Runtime,
) -> Result<crate::Sealed, SqlError> {
    let Rows { mut stream, limits } = rows;
    let failed = Rc::new(Cell::new(None));
    let (noted, runtime) = (failed.clone(), runtime.handle().clone());
    let batches = std::iter::from_fn(move || {
        runtime.block_on(stream.next()).map(|batch| {
            batch.map_err(|error| {
                noted.set(Some(limits.told(&error)));
                ArrowError::ComputeError(String::new())
            })
        })
    });
    let sealed = seal(Table { schema, batches: Box::new(batches) }, path, aad);
    sealed.map_err(|error| match (failed.take(), error) {
        (Some(error), _) => error,
        (None, SealError::Write(_) | SealError::Rows(_)) => SqlError::Unsupported(
            "a column of the result has a type that a sealed file cannot keep".to_owned(),
        ),
        (None, error) => SqlError::Result(error),
    })
}
