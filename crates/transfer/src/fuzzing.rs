//! What must hold for any bytes at all, for each reader of what others wrote. For the targets in `fuzz/`, which
//! libFuzzer drives, and for the test below, which mutates sound examples with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

mod files;
mod patterns;
#[cfg(test)]
mod tests;

pub use files::{journal, transfer_manifest, tree_manifest};
pub use patterns::filter;
