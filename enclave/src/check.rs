//! Is a file sealed in every part? Its first and last bytes prove nothing: a writer that has keys for some columns leaves the
//! others in the open inside of an encrypted file.

use crate::Keys;
use crate::modules::{check_footer, check_modules, read_footer};
use bytes::{Buf, Bytes};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
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

/// Checks that every part of a file is sealed, by these keys and for this place. What is read of it later has to be read by the footer
/// that this gives: the file may be changed meanwhile, and one in the open be put in its place, which readers would take.
///
/// # Errors
/// The first part that is not.
pub fn check(file: &File, keys: &Keys, aad: &[u8]) -> Result<ParquetMetaData, CheckError> {
    begins_sealed(file)?;
    let end = End::read(file)?;
    let properties = decryption(keys, aad).map_err(CheckError::Closed)?;
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .with_decryption_properties(Some(properties))
        .parse_and_finish(&end)
        .map_err(CheckError::Closed)?;
    check_metadata(&metadata, keys)?;
    check_modules(file, &metadata).map_err(closed)?;
    Ok(metadata)
}

/// A file whose footer was read once and is encrypted.
struct End<'a> {
    file: &'a File,
    /// Where the footer begins, and all from there on.
    from: u64,
    footer: Bytes,
}

impl<'a> End<'a> {
    fn read(file: &'a File) -> Result<Self, CheckError> {
        let (from, footer) = read_footer(file).map_err(closed)?;
        if !footer.ends_with(MAGIC) {
            return Err(CheckError::Open);
        }
        check_footer(&footer).map_err(closed)?;
        Ok(Self { file, from, footer: footer.into() })
    }
}

impl Length for End<'_> {
    fn len(&self) -> u64 {
        self.from + self.footer.len() as u64
    }
}

impl ChunkReader for End<'_> {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let length = self.len().saturating_sub(start);
        let length = usize::try_from(length).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(self.get_bytes(start, length)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.len());
        let end = end.ok_or_else(|| ParquetError::EOF("a part lies behind the end".to_owned()))?;
        if let Some(at) = start.checked_sub(self.from) {
            let at = usize::try_from(at).map_err(|error| ParquetError::External(Box::new(error)))?;
            return Ok(self.footer.slice(at..at + length));
        }
        // Of what lies before the footer tags say whether it is what was written.
        if end > self.from {
            return Err(ParquetError::General("a part lies over the footer".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(bytes.into())
    }
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

fn begins_sealed(file: &File) -> Result<(), CheckError> {
    let mut head = [0; 4];
    file.read_exact_at(&mut head, 0).map_err(|_| CheckError::Open)?;
    if head == *MAGIC { Ok(()) } else { Err(CheckError::Open) }
}

/// Does it begin and end as sealed files do?
pub(crate) fn sealed_at_all(file: &File) -> Result<(), CheckError> {
    begins_sealed(file)?;
    let mut tail = [0; 4];
    let at = file.metadata()?.len().checked_sub(4).ok_or(CheckError::Open)?;
    file.read_exact_at(&mut tail, at)?;
    if tail == *MAGIC { Ok(()) } else { Err(CheckError::Open) }
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
