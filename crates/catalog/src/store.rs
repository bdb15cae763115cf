//! The store: offers as columns in one buffer, read in place.
//!
//! [`CatalogBuilder`] sorts rows canonically, so that the same offers give the same bytes and the
//! same digest whatever order they came in, and writes each field as one little-endian array that
//! starts on a multiple of eight bytes. [`Catalog::open`] checks the buffer once, lengths,
//! checksum and every index, and hands out slices of it: no row is decoded before it is looked at,
//! and after opening no access can leave the buffer or panic.
//!
//! *Guarantee:* any byte string is either refused with a typed [`OpenError`] or safe to read. A
//! caller that is refused rebuilds the file from its sources.
//!
//! *Rejected:* Arrow or Parquet files (megabytes of dependencies for one fixed schema) and SQLite
//! (a row store: a scan of one column would read them all).

mod aligned;
mod build;
mod checksum;
mod columns;
mod file;
mod layout;
mod open;
mod strings;

pub use aligned::AlignedBytes;
pub use build::{BuildError, CatalogBuilder};
pub use columns::{Columns, NOT_OFFERED, flags};
pub use layout::SCHEMA_VERSION;
pub use open::{Catalog, OpenError};
pub use strings::Strings;
