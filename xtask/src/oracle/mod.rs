//! Oracles: random sequences of commands, and what must be true after each of them.
//!
//! 1. A round's seed alone decides what the round does. `sync` makes trees, changes them and moves them;
//!    `runs` makes jobs and disturbs them; `plan` makes catalogs and jobs and asks for plans.
//! 2. All drive the built `welkin` by its command line and read what it leaves: files, exit codes, JSON.
//!    No crate of the product is used, so that a mistake there cannot hide itself here. `sync` holds the
//!    end against what rclone leaves for the same sequence on a twin of the target, `runs` against
//!    records that the broker does not write, `plan` against brute force.
//! 3. What differs is either named in a table, with its reason, or a difference. A difference is made
//!    smaller for as long as it stays, and printed with the seed that repeats it.
//!
//! Guarantee: the same seed gives the same sequence. The moments of kills are times, so a round that
//! failed by the moment of a kill may pass when it is repeated; its folder is kept.
//!
//! Rejected: tests within the crates alone. They are written by whoever wrote the code, and share what its
//! author took for granted.

mod binaries;
mod hands;
mod options;
mod plan;
mod process;
mod runs;
mod scratch;
mod shrink;
mod summary;
mod sync;

pub(crate) use options::{HELP, run};
