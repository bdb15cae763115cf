//! Random jobs on emulated clouds, disturbed, held against records that the broker does not write.
//!
//! 1. [`piece`] and [`generate`] make a round from its seed: tasks, what goes wrong at the clouds, and
//!    what happens to broker and agents.
//! 2. [`scene`] plays it: `up`, then `resume` until the run has ended.
//! 3. [`ledger`] is a file outside of Welkin's folder that every script appends to; [`leases`] are the
//!    clouds' own records. [`accountant`] holds bill, states and outputs against the two.
//!
//! Time comes from the scripts and from this process, never from the broker, whose clock is set back and
//! forth in some rounds.

mod accountant;
mod generate;
mod leases;
mod ledger;
mod piece;
mod round;
mod scene;

pub(super) use round::play;
