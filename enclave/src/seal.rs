//! Writing a table as an encrypted file.

use crate::Keys;
use crate::check::{CheckError, check};
use crate::input::Table;
use crate::sum::sum;
use arrow_schema::ArrowError;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use ring::rand::SystemRandom;
use std::fs::File;
use std::io;
use std::path::Path;
use welkin_seal::{Column, FOOTER, Hex, NoRandomness, Secret};

/// Rows of a row group: large enough that a group's columns compress, small enough that one fits in memory.
const GROUP: usize = 512 << 10;

/// A file that was written, and its keys.
#[derive(Debug)]
pub struct Sealed {
    /// Rows in it.
    pub rows: u64,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: Hex<32>,
    /// Its columns, as Arrow knows them.
    pub columns: Vec<Column>,
    /// What opens it.
    pub keys: Keys,
}

/// Why a table was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A row of the table cannot be read.
    #[error("a row of the table cannot be read")]
    Rows(#[from] ArrowError),
    /// The file cannot be written.
    #[error("the sealed file cannot be written")]
    Write(#[from] ParquetError),
    /// The file cannot be written.
    #[error("the sealed file cannot be written")]
    File(#[from] io::Error),
    /// What was written is not sealed.
    #[error("what was written is not sealed, and was removed")]
    Check(#[from] CheckError),
    /// There are no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// Writes `table` to `path`, which is not there yet, bound to `aad`. A file that is not sealed in every part is removed.
///
/// # Errors
/// Where it cannot be read, written or is not sealed.
pub fn seal(table: Table, path: &Path, aad: &[u8]) -> Result<Sealed, SealError> {
    let keys = draw(&table)?;
    let written = write(table, path, aad, &keys).and_then(|sealed| {
        check(&File::open(path)?, &keys, aad)?;
        Ok(sealed)
    });
    match written {
        Ok((rows, columns)) => {
            let (bytes, sha256) = sum(&mut File::open(path)?)?;
            Ok(Sealed { rows, bytes, sha256, columns, keys })
        }
        Err(error) => {
            // What is left of it is nothing that anybody should find.
            let _ = std::fs::remove_file(path);
            Err(error)
        }
    }
}

/// A key for the footer and for each column that is stored.
fn draw(table: &Table) -> Result<Keys, SealError> {
    let random = SystemRandom::new();
    let stored = ArrowSchemaConverter::new().convert(&table.schema)?;
    let mut keys = Keys::from([(FOOTER.to_owned(), Secret::draw(&random)?)]);
    for column in stored.columns() {
        keys.insert(column.path().string(), Secret::draw(&random)?);
    }
    Ok(keys)
}

fn write(table: Table, path: &Path, aad: &[u8], keys: &Keys) -> Result<(u64, Vec<Column>), SealError> {
    let footer = keys[FOOTER].expose().to_vec();
    let mut encryption = FileEncryptionProperties::builder(footer)
        .with_footer_key_metadata(material(FOOTER))
        .with_aad_prefix(aad.to_vec())
        // Stored for others; whoever reads here brings the one it has to be.
        .with_aad_prefix_storage(true);
    for (column, key) in keys.iter().filter(|(column, _)| *column != FOOTER) {
        encryption = encryption.with_column_key_and_metadata(column, key.expose().to_vec(), material(column));
    }
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP))
        // They would lie in the open.
        .set_bloom_filter_enabled(false)
        .with_file_encryption_properties(encryption.build()?)
        .build();
    let columns = table.schema.fields().iter().map(|field| Column {
        name: field.name().clone(),
        kind: field.data_type().to_string(),
        nullable: field.is_nullable(),
    });
    let columns = columns.collect();
    let file = File::create_new(path)?;
    let mut writer = ArrowWriter::try_new(file, table.schema, Some(properties))?;
    let mut rows = 0;
    for batch in table.batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    let file = writer.into_inner()?;
    file.sync_all()?;
    Ok((rows, columns))
}

/// What the file says of a key: which it is, in the form that Parquet's key tools know. The key itself lies in `keys.json`, so that
/// it can be wrapped anew without touching the file.
fn material(column: &str) -> Vec<u8> {
    let material = serde_json::json!({
        "keyMaterialType": "PKMT1",
        "internalStorage": true,
        "isFooterKey": column == FOOTER,
        "kmsInstanceID": "welkin",
        "kmsInstanceURL": "welkin",
        "masterKeyID": if column == FOOTER { "footer" } else { column },
        "doubleWrapping": false,
        "wrappedDEK": "keys.json",
    });
    material.to_string().into_bytes()
}
