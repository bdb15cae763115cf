//! The S3 server over real sockets, spoken to by a client of a hundred lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod client;
mod faults;
mod objects;
