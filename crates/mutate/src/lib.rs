//! Sound bytes spoilt as fuzzers spoil them, for the property tests of whatever reads bytes from outside.
//!
//! Fuzz targets need a nightly toolchain and hours; these mutations keep their properties in the ordinary tests. They are
//! apart from `testkit` because readers in the pure ring use them, which should build without servers.
//!
//! ```
//! use proptest::prelude::*;
//! proptest!(|(mutation in welkin_mutate::mutations())| {
//!     let _ = std::str::from_utf8(&mutation.of(b"sound")).map(str::parse::<u64>);
//! });
//! ```

mod mutation;
mod seed;

pub use mutation::{Mutation, mutations};
pub use seed::seed;
