//! The broker as commands use it: opened over what is in reach, driven to the end of a run, watched,
//! interrupted.

mod drive;
mod interrupt;
mod open;
mod outcome;
mod runs;
mod undriven;

pub(crate) use drive::{drive, first_failure};
pub(crate) use interrupt::{Interrupts, Wish};
pub(crate) use open::{broker, providers, reader, runtime};
pub(crate) use outcome::{conclude, run_fault, store_fault, unreadable_words};
pub(crate) use runs::{find_run, latest_run};
pub(crate) use undriven::{Undriven, undriven};
pub(crate) use welkin_sky::{Opening, bill, now, stores};
