//! Other people's servers and tools: each server takes an object from a tool that is not ours and gives
//! it back, and our own S3 server satisfies tools that are not ours. What is not installed is skipped by
//! name.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, in its helpers too"
)]

mod ours;
mod servers;
mod tools;
