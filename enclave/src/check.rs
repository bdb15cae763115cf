//! Is a file sealed in every part? Its first and last bytes prove nothing: a writer that has keys for some columns leaves the
//! others in the open inside of an encrypted file.

use crate::Keys;
use crate::modules::{check_footer, check_modules};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use welkin_seal::FOOTER;

/// What encrypted files begin and end with.
const MAGIC: &[u8; 4] = b"PARE";

/// Why a file does not count as sealed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The file.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// Not encrypted at all, or with a footer in the open.
    #[error("the file is not encrypted")]
    Open,
    /// It does not open with these keys, at this place.
    #[error("the file does not open with its keys as what it should be: it was changed, or is another")]
    Closed(#[source] ParquetError),
    /// A column in the open.
    #[error("the column `{0}` is not encrypted with its own key")]
    Column(String),
    /// A filter that tells which values there are.
    #[error("the column `{0}` has a Bloom filter, which would lie in the open")]
    Filter(String),
}

/// Checks that every part of a file is sealed, by these keys and for this place.
///
/// # Errors
/// The first part that is not.
pub fn check(mut file: File, keys: &Keys, aad: &[u8]) -> Result<(), CheckError> {
    sealed_at_all(&mut file)?;
    check_footer(&file).map_err(closed)?;
    let options = ArrowReaderOptions::new()
        .with_file_decryption_properties(decryption(keys, aad).map_err(CheckError::Closed)?);
    let metadata = ArrowReaderMetadata::load(&file, options).map_err(CheckError::Closed)?;
    check_metadata(metadata.metadata(), keys)?;
    check_modules(&file, metadata.metadata()).map_err(closed)
}

/// A file whose parts do not lie where they should is another one, whatever else might be read of it.
pub(crate) fn closed(error: io::Error) -> CheckError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            CheckError::Closed(ParquetError::External(Box::new(error)))
        }
        _ => CheckError::File(error),
    }
}

/// Does it begin and end as sealed files do?
pub(crate) fn sealed_at_all(file: &mut File) -> Result<(), CheckError> {
    let (mut head, mut tail) = ([0; 4], [0; 4]);
    file.rewind()?;
    file.read_exact(&mut head).map_err(|_| CheckError::Open)?;
    file.seek(SeekFrom::End(-4)).map_err(|_| CheckError::Open)?;
    file.read_exact(&mut tail)?;
    file.rewind()?;
    if head == *MAGIC && tail == *MAGIC { Ok(()) } else { Err(CheckError::Open) }
}

/// Is every column sealed with its own key, and no filter beside it?
pub(crate) fn check_metadata(metadata: &ParquetMetaData, keys: &Keys) -> Result<(), CheckError> {
    for group in metadata.row_groups() {
        for column in group.columns() {
            let path = column.column_path().string();
            if column.crypto_metadata().is_none() || !keys.contains_key(&path) {
                return Err(CheckError::Column(path));
            }
            if column.bloom_filter_offset().is_some() {
                return Err(CheckError::Filter(path));
            }
        }
    }
    Ok(())
}

pub(crate) fn decryption(keys: &Keys, aad: &[u8]) -> Result<Arc<FileDecryptionProperties>, ParquetError> {
    let footer =
        keys.get(FOOTER).ok_or_else(|| ParquetError::General("there is no key of the footer".to_owned()))?;
    let mut properties =
        FileDecryptionProperties::builder(footer.expose().to_vec()).with_aad_prefix(aad.to_vec());
    for (column, key) in keys.iter().filter(|(column, _)| *column != FOOTER) {
        properties = properties.with_column_key(column, key.expose().to_vec());
    }
    properties.build()
}
