//! What the generator has made: see `build.rs`.

#![allow(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    missing_docs,
    rustdoc::all,
    unreachable_pub,
    unused,
    reason = "nobody reads it, and it is as its generator makes it"
)]

include!(concat!(env!("OUT_DIR"), "/client.rs"));
