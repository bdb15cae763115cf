//! Real agents with real scripts.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod abandon;
mod crash;
mod data;
mod disk;
mod hostile;
mod limits;
mod login;
mod output;
mod preempt;
mod script;
mod secrets;
mod stop;
mod support;
