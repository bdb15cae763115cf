//! Stand-ins that tests and benchmarks run against.
//!
//! [`s3`] is an S3 server in memory that can be made to fail in every way that S3 does, [`proxy`] a
//! TCP proxy that spoils whatever passes, [`net`] a network with rates, delay and loss, [`peer`] a foreign speaker of
//! the gateways' protocol, [`oidc`] an identity provider that lies on demand,
//! [`steps`] ends a process after any durable step it makes, and [`stand_ins`] starts servers that nobody
//! here wrote. What cannot be had on a machine says so as
//! [`DidNotRun`]. Nothing here is part of what a user gets.

mod did_not_run;
pub mod net;
pub mod oidc;
pub mod peer;
pub mod proxy;
pub mod s3;
pub mod stand_ins;
pub mod steps;

pub use did_not_run::DidNotRun;
