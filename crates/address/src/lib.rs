//! Addresses of data: what a URI says about the store that holds it.
//!
//! [`StoreAddress`] is read from what people and tools write: `s3://bucket/key`, `gs://…`,
//! `az://account/container/key`, the schemes of Hadoop and SkyPilot, and the web addresses under which
//! the same stores answer (`https://ACCOUNT.blob.core.windows.net/…`,
//! `https://bucket.s3.eu-west-1.amazonaws.com/…`). Schemes and hosts have no case.
//!
//! | file | what |
//! |---|---|
//! | `address.rs` | [`StoreAddress`], and why a text is none |
//! | `service.rs` | [`Service`]: who keeps the data |
//! | `scheme.rs` | the schemes, and what follows each |
//! | `host.rs` | the web addresses of stores |
//!
//! Whoever reads a URI reads it here, and holds itself to the table `odd.tsv` beside this crate's sources.
//!
//! *Guarantee:* a pure function of the text; no input panics.
//!
//! *Rejected:* reading only the scheme: half of the stores are named by their host, and an account or a region
//! that the address states need not be guessed.

mod address;
mod host;
mod scheme;
mod service;

pub use address::{AddressError, StoreAddress, file_path};
pub use service::Service;
