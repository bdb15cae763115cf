//! Trees through stores: whole, damaged, interrupted.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod copy;
mod damage;
mod deliver;
mod faults;
mod fetch;
mod hostile;
mod publish;
mod support;
