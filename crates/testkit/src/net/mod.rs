//! A network of its own inside the machine: nodes, links with a rate, delay and loss.
//!
//! A [`Bed`] holds network namespaces, one for each [`Node`], and goes away with everything in it when
//! it is dropped. [`Bed::link`] joins two nodes by a virtual cable with a token bucket at both ends;
//! its rate can change while traffic flows. [`DelayBox`] joins two nodes through user space, which
//! delays and drops packets where the kernel has no `netem`. [`set_pacing`] limits one connection.
//!
//! [`Hosts`] are machines with a real SSH server each. [`Capture`] keeps what passes through a node.
//!
//! It needs root, `ip` and `tc`. Where they are missing, [`Bed::try_new`] says so in one line, and a
//! test passes with that line printed:
//!
//! ```no_run
//! use welkin_testkit::net::Bed;
//!
//! let bed = match Bed::try_new() {
//!     Ok(bed) => bed,
//!     Err(reason) => return println!("skipped: my_test: {reason}"),
//! };
//! ```
//!
//! *Beside each other:* names carry the process's number, so beds of parallel tests do not meet, and
//! addresses repeat because they are private to their namespace. What a killed run left behind is swept
//! by the next.
//!
//! *Limits:* nodes share CPU and disk; there is no routing, a node reaches only what it is linked to.

#![cfg(target_os = "linux")]

mod bed;
mod capture;
mod delay;
mod hosts;
mod link;
mod node;
mod pacing;
mod shell;
mod tun;

pub use bed::Bed;
pub use capture::Capture;
pub use delay::{DelayBox, DelayOptions};
pub use hosts::Hosts;
pub use link::Link;
pub use node::{Node, Process};
pub use pacing::set_pacing;
pub use shell::NetError;
