//! Places that hold objects: folders of this machine and buckets of the stores that are known, each an
//! [`Endpoint`](welkin_store::Endpoint).
//!
//! * `local`: folders. `s3`, `gcs`, `azure`: stores, with the same files in each. `web`: what stores on HTTP share.
//! * [`open`]: from an address and the way to it to the place behind it. `settings`, `options`: how a store is reached.
//! * `http`: the thin client below them. [`tls`]: how servers are believed.
//!
//! *Guarantee:* what the port says of every place; the suite in `tests/stores` asks each for it.

mod azure;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gcs;
mod http;
mod local;
mod open;
mod options;
mod s3;
mod settings;
pub mod tls;
mod web;

pub use azure::{Azure, AzureAccess, AzureOptions, Connection, account_of_url};
pub use gcs::{Gcs, GcsAccess, GcsOptions};
pub use local::{Links, Local};
pub use open::{Direct, open};
pub use options::StoreOptions;
pub use s3::{Addressing, Checksums, Credentials, S3, S3Options};
pub use settings::{SettingsError, StoreSettings};
