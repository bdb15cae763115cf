//! Copies and syncs of random trees, held against what rclone leaves.
//!
//! 1. [`generate`] makes a round from its seed: two kinds of places, and a sequence of changes at the
//!    source, changes at the target, and commands, some of them killed or with a change in the middle.
//! 2. [`scene`] plays it. One source; two targets of one kind, one for Welkin and one for rclone, which
//!    plays the same sequence without the kills.
//! 3. [`judge`] compares the two after every command that was left in peace. What the table in
//!    [`allowance`] names is counted; anything else is a difference.
//!
//! Source for what rclone means: the program itself, not its manual.

mod allowance;
mod change;
mod gateway;
mod generate;
mod judge;
mod links;
mod names;
mod place;
mod round;
mod scene;
mod servers;
mod state;
mod step;
mod twin;

pub(super) use round::play;
