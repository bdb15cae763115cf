//! Rows of a result, sealed as they come.

use super::query::Rows;
use crate::engine::{EngineError, Filled, Place};
use crate::{SealError, Table, seal};
use arrow_schema::{ArrowError, SchemaRef};
use futures::StreamExt;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use tokio::runtime::Runtime;
use welkin_seal::{SnapshotFile, aad_prefix};

const FILE: &str = "part-00000.parquet";

/// Runs the query, and writes its rows.
pub(super) fn fill(
    place: &Place<'_>,
    schema: SchemaRef,
    rows: Rows,
    runtime: &Runtime,
) -> Result<Filled, EngineError> {
    let aad = aad_prefix(place.party, place.name, place.version, FILE);
    let sealed = seal_rows(schema, rows, &place.folder.join(FILE), &aad, runtime)?;
    let file =
        SnapshotFile { name: FILE.to_owned(), bytes: sealed.bytes, rows: sealed.rows, sha256: sealed.sha256 };
    Ok(Filled { file, keys: sealed.keys, columns: sealed.columns })
}

/// Runs the query while its rows are sealed. An error among the data becomes one that may be told.
fn seal_rows(
    schema: SchemaRef,
    rows: Rows,
    path: &Path,
    aad: &[u8],
    runtime: &Runtime,
) -> Result<crate::Sealed, EngineError> {
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
        (None, SealError::Write(_) | SealError::Rows(_)) => EngineError::Unsupported(
            "a column of the result has a type that a sealed file cannot keep".to_owned(),
        ),
        (None, error) => EngineError::Result(error),
    })
}
