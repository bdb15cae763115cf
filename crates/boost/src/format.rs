//! Models as bytes: XGBoost's JSON and UBJSON.
//!
//! Both are a [`Value`] written in two ways. `json` and `ubjson` know values and nothing of models, `document` turns a model
//! into a value and back, and is where a model of somebody else is checked.

mod document;
mod json;
mod ubjson;
mod value;

pub use document::ModelError;
pub(crate) use document::{model, value};
pub(crate) use value::{Numbers, Value};

/// Why bytes are no values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} at byte {at}")]
pub struct FormatError {
    /// Where, counted from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// How a model lies in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text.
    Json,
    /// The same in binary, which is shorter.
    Ubjson,
}

/// Lists and maps within each other at most; models have eight.
const MOST_LEVELS: usize = 32;

/// Values within lists and maps, names and texts: one of a byte of a file takes up to this many bytes of memory. Values
/// take 32, and a list that grows has room for as many again.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, FormatError> {
    // Both begin with a brace; what follows it in UBJSON is the length of a name, in text a name or the end.
    match bytes {
        [b'{', b'L' | b'l' | b'U' | b'i' | b'I' | b'#' | b'$', ..] => ubjson::read(bytes),
        _ => json::read(bytes),
    }
}

pub(crate) fn write(value: &Value, format: Format) -> Vec<u8> {
    match format {
        Format::Json => json::write(value),
        Format::Ubjson => ubjson::write(value),
    }
}
