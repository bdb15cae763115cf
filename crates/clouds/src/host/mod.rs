//! The program on a host that somebody else drives: the machinery of this machine, asked over a pipe.
//!
//! *Guarantee.* What several brokers have taken of a host together is never more than it has, as long as they
//! log in to one account of it: admission is under one lock of one folder. Nothing here needs root.

mod accelerators;
mod admission;
mod barred;
mod drafts;
mod files;
mod programs;
mod server;
mod signs;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use accelerators::{from_amd, from_nvidia};
pub(crate) use server::{Host, PROVIDER};
pub use server::{HostConfig, HostError, serve_host};
