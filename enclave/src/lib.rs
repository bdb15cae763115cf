//! Sealed tables: encrypted Parquet files, in which every column has a key of its own, and what is read of them.
//!
//! * [`seal`] writes a table, and hands out the keys that it drew.
//! * [`check`] says whether a file is sealed in every part; it runs after each write, and before each read.
//! * [`check_query`] says of a query in which ways it could be run.
//! * [`open`] reads a table with its keys, if the file is the one whose hash was signed.
//!
//! The format is Parquet Modular Encryption with AES-256-GCM: footer and columns encrypted, pages bound to a prefix that names the
//! party, the data set, the version and the file. Any implementation that has the keys reads it; here the prefix that a file
//! says it has does not count, but the one that it has to have.
//!
//! A build of Parquet without encryption has none of the names that this crate uses, so that nothing is written in the open by a
//! feature that is missing.
//!
//! *Rejected:* a format of our own (nothing else would read it), and keys wrapped inside of the file (a new key of the version
//! would rewrite the data).

mod boost;
mod check;
pub mod engine;
mod exchange;
mod input;
mod keys;
mod modules;
mod open;
mod privacy;
mod seal;
mod sql;
mod sum;

pub use boost::spell;
pub use check::{CheckError, check};
pub use exchange::ExchangeError;
pub use input::{Form, InputError, Table, read_table};
pub use keys::Keys;
pub use open::{OpenError, open, write_table};
pub use seal::{SealError, Sealed, seal};
pub use sql::{Checked, Way, check_query};
