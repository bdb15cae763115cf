//! Hosts reached by SSH: with real servers in namespaces where that can be had, and everywhere with a program
//! that stands in for `ssh` and logs in to folders of this machine.

#![expect(clippy::unwrap_used, reason = "a bed that cannot be made fails its test")]

mod away;
mod bed;
mod conformance;
mod outputs;
mod sharing;
mod signs;
mod strange;
