//! Real agents with real scripts.

mod abandon;
mod crash;
mod data;
mod hostile;
mod limits;
mod output;
mod preempt;
mod script;
mod secrets;
mod stop;
mod support;
