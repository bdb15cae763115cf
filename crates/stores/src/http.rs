//! A thin HTTP/1.1 client for moving objects: few system calls and no copy between socket and block.
//!
//! A response's body is read from the socket straight into the block that will be written, a slice
//! at a time, so that it is hashed while it is in the cache; a request's body goes out of its block
//! in checked slices, the first of them in one call with the head. Connections are kept and used
//! again. [`httparse`] reads heads, `rustls` speaks TLS.
//!
//! *Bounded:* heads, header counts, text bodies, what comes before an answer and after it, the time a peer may stay
//! silent, and the time it may take ([`pace`]).
//!
//! *Not there:* HTTP/2 (stores answer 1.1, and many connections are the point), redirects (a store
//! that redirects is misconfigured, and the answer says where to), proxies.
//!
//! *Rejected:* hyper. It reads bodies into memory of its own, which costs a copy and the cache;
//! `docs/decisions/015-own-http-client.md` has the measurement.

mod body;
mod client;
mod connection;
mod error;
mod head;
mod headers;
mod number;
mod pace;
mod response;

pub(crate) use body::Body;
pub(crate) use client::{Client, Target};
pub(crate) use error::HttpError;
pub(crate) use head::{Head, is_token, is_value};
pub(crate) use number::number;
pub(crate) use response::Response;
