//! The S3 operations, as `s3s` calls them.
//!
//! `table.rs` names them all; each of its neighbours has those of one kind.

mod bodies;
mod listing;
mod multipart;
mod reading;
mod table;
mod writing;

pub(super) use listing::Lag;
pub(super) use table::Service;
