//! A log that can only grow: a Merkle tree over its lines, as in certificate transparency.
//!
//! Whoever kept a signed head can check that the log of today holds all that it held then ([`Consistency`]), and whoever has one
//! entry that it is in the log under a head ([`Inclusion`]), without having the log.
//!
//! Source: RFC 9162, 2.1 (hashes, proofs and how they are checked).

mod entry;
mod head;
mod proof;
mod tree;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Event, LogError, read_log};
pub use head::{Head, HeadError};
pub use proof::{Consistency, Inclusion, ProofFileError};
pub use tree::Tree;
