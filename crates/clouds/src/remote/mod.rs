//! The provider's port spoken over a pipe, for hosts that are not this one.
//!
//! ```text
//! this machine                               the host
//! Reach ── Link ══ ssh's standard streams ══ serve ── Host ── agents of its nodes
//! ```
//!
//! The same machinery that rents out this machine runs on the host: it keeps its records there, admits
//! under a lock there, and survives the death of whoever asked. What crosses the pipe are the calls of the
//! port, so that nothing on a host listens on a network, and whoever may log in may do no more than before.

mod lanes;
mod link;
mod listening;
#[cfg(test)]
mod paced;
mod reach;
mod serve;
mod wire;

pub(crate) use reach::{Opened, Reach, Transport, Unreached};
pub(crate) use serve::serve;
pub(crate) use wire::{Answer, Ask, Free, GREETING, PIECE_BYTES, PROTOCOL};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use wire::{Frame, encode, read};
pub use wire::{Gpu, HostInfo, Vendor};
