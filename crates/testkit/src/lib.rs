//! Stand-ins that tests and benchmarks run against.
//!
//! [`s3`] is an S3 server in memory that can be made to fail in every way that S3 does, [`proxy`] a
//! TCP proxy that spoils whatever passes, [`net`] a network with rates, delay and loss. Nothing here is
//! part of what a user gets.

pub mod net;
pub mod proxy;
pub mod s3;
