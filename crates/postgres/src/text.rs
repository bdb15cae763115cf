//! Values as columns hold them, and failures of PostgreSQL as failures of a store.

use tokio_postgres::types::ToSql;
use welkin_provider::UnixMillis;
use welkin_records::StoreError;

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// A value of a statement.
pub(crate) type Param = Box<dyn ToSql + Sync + Send>;

pub(crate) fn refs(params: &[Param]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect()
}

/// What PostgreSQL said of something that was tried.
pub(crate) fn failed(what: &'static str, source: tokio_postgres::Error) -> StoreError {
    let damaged = source.code().is_some_and(|code| matches!(code.code(), "XX001" | "XX002"));
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
