//! An S3 server in memory, for tests and benchmarks.
//!
//! [`S3Server::start`] listens on loopback, on threads of its own, and stops when it is dropped; the
//! program `welkin-testkit s3` is the same in a process of its own, for benchmarks that count a
//! client's CPU alone. Parsing, signatures and XML are the `s3s` crate's; what is here is the store
//! behind it, the faults before it, and the counters beside it.
//!
//! *Cheap:* no byte of an object is copied after it left the socket, no MD5 is computed unless a client
//! sends one, ETags come from a counter. *Strict:* part sizes and numbers, key lengths, checksums,
//! signatures and conditions are enforced as S3 does. *Faulty* on demand and by count, never by chance
//! that cannot be repeated: see [`Rule`].
//!
//! *Limits:* no versions, tags, ACLs, lifecycle, encryption or presigned posts; bucket and key in the
//! path only; no TLS. A multipart object's only checksum is CRC-64/NVME.
//!
//! ```
//! use welkin_testkit::s3::{Fault, Rule, S3Options, S3Server, When};
//!
//! let server = S3Server::start(S3Options::default().bucket("pail").credentials("key", "secret"))?;
//! server.inject(Rule::new(Fault::SlowDown { retry_after_s: 1 }).when(When::Every(10)));
//! assert_eq!(server.counts().requests, 0);
//! # std::io::Result::Ok(())
//! ```

mod bucket;
mod checksum;
mod content;
mod counters;
mod fault;
mod gate;
mod listing;
mod object;
mod operation;
mod options;
mod server;
mod service;
mod store;
mod synthetic;
mod uploads;
mod wire;

pub use counters::Counts;
pub use fault::{Fault, Rule, RuleId, When};
pub use object::{Attributes, ObjectSnapshot, OpenUpload};
pub use operation::Operation;
pub use options::{BucketKind, S3Options};
pub use server::S3Server;
pub use synthetic::Synthetic;
pub(crate) use synthetic::mixed;
