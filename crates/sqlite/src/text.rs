//! Values as columns hold them, and failures of SQLite as failures of a store.

use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
use welkin_provider::UnixMillis;
use welkin_records::StoreError;

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// What SQLite said of something that was tried.
pub(crate) fn failed(what: &'static str, source: rusqlite::Error) -> StoreError {
    let damaged = matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase));
    StoreError::Database { what, damaged, source: Box::new(source) }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StoreError::Body { source })
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| StoreError::Body { source })
}

pub(crate) fn millis(at: UnixMillis) -> i64 {
    signed(at.0)
}

pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
