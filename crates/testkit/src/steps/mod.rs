//! What a process makes durable, step by step, and its death after any one of them.
//!
//! 1. A small library in C is compiled with `cc` and loaded before the C library. It counts the calls by which
//!    files become durable or change their names: `fsync`, `fdatasync`, `rename`, `unlink` and their kin.
//! 2. Each is a line in a file ([`StepLog`]), so a run that nobody disturbs tells how many steps there are.
//! 3. A limit beside the file ends the process after the step of that number ([`StepLog::kill_after`]), before it
//!    knows that the step succeeded, or freezes it there ([`StepLog::freeze_after`]) for somebody who pulls a plug.
//!
//! *Guarantee.* The process that is disturbed is the one that users have, byte for byte: nothing in it knows of
//! tests. *Limit.* Calls that go to the kernel past the C library are not seen; the standard library and SQLite
//! make theirs through it.
//!
//! Rejected: `strace --inject`, which counts the calls of each thread apart; a variable of the environment that the
//! product obeys.

mod counted;

pub use counted::{StepLog, Steps};
