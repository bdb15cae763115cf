//! Tables in the open: CSV with a head line, JSON lines, Parquet. Batches pass through; no file is held in memory.

use arrow_array::RecordBatch;
use arrow_csv::reader::Format;
use arrow_json::reader::infer_json_schema_from_seekable;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch.
const BATCH: usize = 8 << 10;
/// Rows by which types of CSV and JSON are told. A later one that does not fit is an error, not a null.
const LOOK_AT: usize = 100_000;

/// How a table is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// With a line of names.
    Csv,
    /// An object a line.
    Json,
    /// Not encrypted.
    Parquet,
}

impl Form {
    /// By the end of a file's name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A table, to be read once.
pub struct Table {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// Its rows.
    #[error("the table cannot be read")]
    Rows(#[from] ArrowError),
    /// Its Parquet.
    #[error("the Parquet file cannot be read")]
    Parquet(#[from] ParquetError),
    /// No column.
    #[error("the table has no columns")]
    Empty,
}

/// Opens a table.
///
/// # Errors
/// Where it is none.
pub fn read_table(path: &Path, form: Form) -> Result<Table, InputError> {
    let mut file = File::open(path)?;
    let table = match form {
        Form::Csv => {
            let format = Format::default().with_header(true);
            let (schema, _) = format.infer_schema(&mut BufReader::new(&file), Some(LOOK_AT))?;
            file.rewind()?;
            let schema = Arc::new(schema);
            let reader =
                arrow_csv::ReaderBuilder::new(schema.clone()).with_header(true).with_batch_size(BATCH);
            Table { schema, batches: Box::new(reader.build(file)?) }
        }
        Form::Json => {
            let (schema, _) = infer_json_schema_from_seekable(BufReader::new(&file), Some(LOOK_AT))?;
            file.rewind()?;
            let schema = Arc::new(schema);
            let reader =
                arrow_json::ReaderBuilder::new(schema.clone()).with_batch_size(BATCH).with_strict_mode(true);
            Table { schema, batches: Box::new(reader.build(BufReader::new(file))?) }
        }
        Form::Parquet => {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH).build()?;
            let schema = arrow_array::RecordBatchReader::schema(&reader);
            Table { schema, batches: Box::new(reader) }
        }
    };
    if table.schema.fields().is_empty() { Err(InputError::Empty) } else { Ok(table) }
}
