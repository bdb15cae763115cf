//! One file: the steps in their order, and the limits.

use super::compose::compose;
use super::dialect::Dialect;
use super::doubt::doubt;
use super::duplicates::set_aside_duplicates;
use super::header::Header;
use super::parse::Parser;
use super::placeholder::set_aside_placeholders;
use super::quarantine::{Quarantine, Quarantined, Reason};
use crate::lines::{lines, split};
use crate::tables::Tables;
use crate::{Row, RowSource};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;
use welkin_name::ProviderId;

/// Largest file that is read: room for [`MAX_FILE_ROWS`] of some 130 bytes, where real rows have 60
/// to 180.
pub const MAX_FILE_BYTES: usize = 128 << 20;

/// Most rows of one file: the design's target for all offers together, seventeen times the largest
/// real file, and a quarter of what a catalog holds, so that no single file can fill it.
pub const MAX_FILE_ROWS: u32 = 1_000_000;

/// Whose file it is and of what date.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Provider's short name in lower case.
    pub provider: &'a str,
    /// Name of the file or feed, for messages and provenance.
    pub file: &'a str,
    /// Date of the values, `YYYY-MM-DD`.
    pub as_of: &'a str,
}

/// Why a whole file was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "error")]
#[non_exhaustive]
pub enum FileError {
    /// The file is too large.
    #[error("the file has {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The file has too many rows.
    #[error("the file has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: u32,
    },
    /// It is of nobody: a catalog of its offers could not be opened.
    #[error("what it is said to be the list of is not the name of a provider")]
    BadProvider,
    /// There is no header line.
    #[error("the file is empty")]
    Empty,
    /// The header line cannot be read.
    #[error("the first line is not a header of comma-separated names")]
    BadHeader,
    /// A column is missing without which no row means anything.
    #[error("column `{column}` is missing")]
    MissingColumn {
        /// Its name.
        column: &'static str,
    },
    /// A column is there twice.
    #[error("column `{column}` is there twice")]
    RepeatedColumn {
        /// Its name.
        column: &'static str,
    },
}

/// What came out of a file.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Offers, in no particular order.
    pub rows: Vec<Row>,
    /// What was set aside, at most [`super::MAX_KEPT`] entries, in order of discovery.
    pub quarantined: Vec<Quarantined>,
    /// How much was set aside, by reason; complete.
    pub counts: BTreeMap<Reason, u32>,
    /// Rows in the file.
    pub read: u32,
    /// Rows whose unquoted last column was put together again.
    pub repaired: u32,
    /// Offers that are a host and an accelerator priced apart.
    pub composed: u32,
}

/// Reads one price list.
///
/// # Errors
/// [`FileError`] when the file as a whole makes no sense. Rows that make none are in
/// [`Imported::quarantined`].
pub fn import(bytes: &[u8], origin: &Origin<'_>, tables: &Tables) -> Result<Imported, FileError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { bytes: bytes.len(), limit: MAX_FILE_BYTES });
    }
    if !ProviderId::is_valid(origin.provider) {
        return Err(FileError::BadProvider);
    }
    let mut fields = Vec::new();
    let mut records = lines(bytes);
    let (_, header) = records.next().ok_or(FileError::Empty)?;
    split(header, &mut fields).map_err(|_| FileError::BadHeader)?;
    let header = Header::new(&fields)?;

    let dialect = Dialect::of(origin.provider);
    let mut quarantine = Quarantine { file: origin.file.to_owned(), ..Quarantine::default() };
    let mut parser = Parser::new(&header, &dialect, tables, origin.provider);
    let mut read = 0;
    for (line, bytes) in records {
        read += 1;
        if read > MAX_FILE_ROWS {
            return Err(FileError::TooManyRows { limit: MAX_FILE_ROWS });
        }
        parser.row(line, bytes, &mut fields, &mut quarantine);
    }

    let (mut offers, repaired) = parser.finish();
    set_aside_duplicates(&mut offers, &mut quarantine);
    set_aside_placeholders(&mut offers, &mut quarantine);
    let composed = compose(&mut offers, &dialect, &mut quarantine);
    doubt(&mut offers, &mut quarantine);
    let source = Arc::new(RowSource { name: origin.file.into(), as_of: origin.as_of.into() });
    let rows = offers.into_rows(&source, dialect.min_billed_s);
    let Quarantine { kept, counts, .. } = quarantine;
    Ok(Imported { rows, quarantined: kept, counts, read, repaired, composed })
}
