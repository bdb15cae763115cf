//! The engine against a strict S3 server that can be made to fail, and against folders.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod beside;
mod copy;
mod faults;
mod filters;
mod flips;
mod removal;
mod resume;
mod shrinking;
mod stream;
mod support;
mod sync;
