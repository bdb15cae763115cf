//! The broker as commands use it: opened over what is in reach, driven to the end of a run, watched,
//! interrupted.

mod clouds;
mod drive;
mod interrupt;
mod key;
mod open;
mod outcome;
mod pricing;
mod runs;
mod undriven;

pub(crate) use drive::{drive, first_failure};
pub(crate) use interrupt::{Interrupts, Wish};
pub(crate) use open::{Opening, bill, broker, now, pricing, providers, reader, runtime, stores};
pub(crate) use outcome::{conclude, run_fault, store_fault, unreadable_words};
pub(crate) use runs::{find_run, latest_run};
pub(crate) use undriven::{Undriven, undriven};
