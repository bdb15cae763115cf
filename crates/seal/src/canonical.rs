//! Files in one spelling: JSON that is exactly what would be written of what it says.
//!
//! What is signed is the compact form of a value under a name that says what it is. What lies on disk is the indented form
//! with a line end, and is refused when a byte of it could be spelt otherwise: no file of these has a copy that means the
//! same.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Larger than any of its kind.
    #[error("{found} bytes are more than such a file has ({most})")]
    Long {
        /// How many it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// Not JSON, or not of this shape.
    #[error("the file cannot be read")]
    Json(#[source] serde_json::Error),
    /// Of another kind or version.
    #[error("the file has the schema `{found}`; `{wanted}` is expected")]
    Schema {
        /// What it says.
        found: String,
        /// What it should say.
        wanted: &'static str,
    },
    /// It means something, in a spelling that is not the one.
    #[error("the file is not spelt as Welkin writes it: it was changed")]
    Spelling,
}

/// A kind of file.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    /// Name and version.
    const SCHEMA: &'static str;
    /// More than the largest has.
    const MOST_BYTES: usize;
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    schema: String,
    content: T,
}

#[derive(serde::Deserialize)]
struct Head {
    schema: String,
}

pub(crate) fn write<T: Kind>(content: &T) -> Vec<u8> {
    let file = File { schema: T::SCHEMA.to_owned(), content };
    let mut bytes = serde_json::to_vec_pretty(&file).expect("files are made of text and numbers");
    bytes.push(b'\n');
    bytes
}

pub(crate) fn read<T: Kind>(bytes: &[u8]) -> Result<T, FileError> {
    if bytes.len() > T::MOST_BYTES {
        return Err(FileError::Long { found: bytes.len(), most: T::MOST_BYTES });
    }
    let Head { schema } = serde_json::from_slice(bytes).map_err(FileError::Json)?;
    if schema != T::SCHEMA {
        return Err(FileError::Schema { found: schema, wanted: T::SCHEMA });
    }
    let file: File<T> = serde_json::from_slice(bytes).map_err(FileError::Json)?;
    if write(&file.content) == bytes { Ok(file.content) } else { Err(FileError::Spelling) }
}

/// What is signed: a name that no other kind of statement has, and the value.
pub(crate) fn message(name: &str, value: &impl Serialize) -> Vec<u8> {
    let mut bytes = [name.as_bytes(), &[0]].concat();
    serde_json::to_writer(&mut bytes, value).expect("files are made of text and numbers");
    bytes
}

/// SHA-256 of what is signed.
pub(crate) fn digest(message: &[u8]) -> crate::hex::Hex<32> {
    let mut sum = [0; 32];
    sum.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, message).as_ref());
    crate::hex::Hex(sum)
}
