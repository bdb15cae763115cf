//! A client of the broker that nobody here wrote: another project's generator makes it of `docs/openapi.json`.
//!
//! It is there for one test, `tests/broker.rs`, which drives a broker by it: what the document says and the broker does not
//! do, or the other way round, does not compile or does not come back. Nothing that a user gets depends on it.

mod client;

pub use client::{ByteStream, Client, Error, ResponseValue, types};
pub use reqwest;
