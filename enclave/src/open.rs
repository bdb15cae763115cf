//! Reading a sealed file with its keys, and writing it in the open for whoever may have it.

use crate::Keys;
use crate::check::{CheckError, check};
use crate::input::{Form, Table};
use crate::sum::sum;
use arrow_json::LineDelimitedWriter;
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use welkin_seal::Hex;

/// Why a sealed file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not the file whose hash was signed.
    #[error("the file is not the one that the snapshot names: it was changed, or is another")]
    Other,
    /// It is not what it should be.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The file.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// Its pages do not open.
    #[error("the file cannot be read: it was changed")]
    Parquet(#[from] ParquetError),
    /// Its rows do not open, or cannot be written in this form.
    #[error("a row cannot be read, or written in this form")]
    Rows(#[from] ArrowError),
}

/// Opens the file with this hash, which was sealed for this place.
///
/// # Errors
/// Where it was not, or its keys are others.
pub fn open(mut file: File, sha256: &Hex<32>, keys: &Keys, aad: &[u8]) -> Result<Table, OpenError> {
    if sum(&mut file)?.1 != *sha256 {
        return Err(OpenError::Other);
    }
    let footer = check(&file, keys, aad)?;
    let metadata = ArrowReaderMetadata::try_new(Arc::new(footer), ArrowReaderOptions::new())?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).build()?;
    let schema = arrow_array::RecordBatchReader::schema(&reader);
    Ok(Table { schema, batches: Box::new(reader) })
}

/// Writes tables of the same columns in the open, one after the other.
///
/// # Errors
/// Where a row does not open: what was written until then is incomplete.
pub fn write_table(
    tables: impl IntoIterator<Item = Result<Table, OpenError>>,
    form: Form,
    mut out: impl Write + Send,
) -> Result<u64, OpenError> {
    let mut rows = 0;
    let mut parquet: Option<ArrowWriter<Vec<u8>>> = None;
    for (number, table) in tables.into_iter().enumerate() {
        let table = table?;
        let mut csv = arrow_csv::WriterBuilder::new().with_header(number == 0).build(&mut out);
        // A table without rows has names all the same.
        let empty = arrow_array::RecordBatch::new_empty(table.schema.clone());
        if form == Form::Csv {
            csv.write(&empty)?;
        }
        drop(csv);
        if form == Form::Parquet && parquet.is_none() {
            parquet = Some(ArrowWriter::try_new(Vec::new(), table.schema.clone(), None)?);
        }
        for batch in table.batches {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            match form {
                Form::Csv => {
                    arrow_csv::WriterBuilder::new().with_header(false).build(&mut out).write(&batch)?
                }
                Form::Json => LineDelimitedWriter::new(&mut out).write(&batch)?,
                Form::Parquet => parquet.iter_mut().try_for_each(|writer| writer.write(&batch))?,
            }
        }
    }
    if let Some(writer) = parquet {
        out.write_all(&writer.into_inner()?)?;
    }
    out.flush()?;
    Ok(rows)
}
