//! The language between commands and a broker that runs apart from them.
//!
//! * [`wire`]: what is asked and answered, as JSON over HTTP/1.1, below [`wire::ROOT`];
//! * [`Client`]: the asking side, over a Unix socket, or over TLS to the broker of a team ([`Far`]);
//! * [`sign_in`]: how somebody becomes one of those who may ask it, by an identity provider;
//! * [`carry`]: logins to machines, as bytes over what was a request;
//! * [`FarRecords`]: the records of such a broker, to look at.
//!
//! *How it works.* Whatever happens to a run is a record with a number, and numbers grow over all runs. A list
//! says as of which number it is; whoever reads on from there misses nothing. A stream of events carries in each
//! event's id where to go on, so that a follower that lost its connection resumes exactly there. Work is asked for
//! under a key that the client makes: asking again, because an answer was lost, gives the same run.
//!
//! *Rejected:* a protocol of frames as agents have it: everybody can read HTTP and JSON, with nothing of ours; and
//! requests that are polled for their result: a run is on record before it is answered, and its end is an event.

pub mod carry;
mod client;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod records;
pub mod sign_in;
pub mod wire;

pub use client::{Client, ClientError, Far, Follow, Login, Way};
pub use records::FarRecords;
