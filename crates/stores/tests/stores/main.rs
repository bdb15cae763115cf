//! The promises of the port, kept by the adapters of Azure Blob Storage and Google Cloud Storage against
//! servers that are not ours, and a copy through three clouds. What is not installed is skipped by name.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, in its helpers too"
)]

mod blobs;
mod chain;
mod flips;
mod hostile;
mod issuer;
mod objects;
mod script;
mod servers;
mod trust;
