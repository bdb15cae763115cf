//! What must hold for any bytes at all, for each reader of what others wrote. For the targets in `fuzz/`, which
//! libFuzzer drives, and for the test below, which mutates sound examples with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

mod files;
mod patterns;
mod web;

pub use crate::endpoint::fuzzing::{azure, dates, gcs, s3};
pub use crate::gateway::fuzzing::{answers, gateway, handshake};
pub use files::{journal, transfer_manifest, tree_manifest};
pub use patterns::filter;
pub use web::http;

#[cfg(test)]
mod tests;
