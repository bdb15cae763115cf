//! One model of the rows of several parties, none of which shows its rows.
//!
//! A coordinator, which needs no rows, asks all parties the same questions; each party answers with integers, to which it
//! adds masks that cancel in the sum of all parties ([`Pads`]); the coordinator grows the trees out of the sums and tells
//! the parties how to part their rows. Sums of integers do not depend on how rows are split, so the model is, byte for byte,
//! the one that [`crate::train`] makes of all rows in one place.
//!
//! This module is the protocol without its wires: [`coordinate`] asks through [`Asks`], [`Party`] answers bytes with bytes.
//! Who carries them, who is who, and where masks come from is the caller's business.
//!
//! What the coordinator learns: how many rows there are in all, the base score's sums, how many values lie in the ranges of
//! each feature that its cuts are found by ([`merge`](self)), the powers of two of the largest gradients, one histogram of
//! all parties for each node, and the sums of scores. What parties learn: the cuts, the branches, the leaves. *Not hidden:*
//! what follows from a sum over all, such as a bin that one row of all parties is in, though not whose it is.
//!
//! *Rejected:* encryption that adds up (a thousand times the work), shares among several servers (more than one that must
//! be run by somebody else), adding noise (the bits would not be those of one machine; see the issue of privacy).

mod bundle;
mod bytes;
mod coordinator;
mod crowd;
mod merge;
mod numbers;
mod pads;
mod party;
mod peaks;
mod plan;
mod question;
mod shape;

pub use bytes::Unreadable;
pub use coordinator::{CoordinateError, Told, complete, coordinate};
pub use crowd::Asks;
pub use numbers::{Total, combine};
pub use pads::{Bare, Pads};
pub use party::{Party, PartyError, Seat};
pub use plan::{Opened, Plan, PlanError, Schema};
pub use shape::{Run, Shape};
