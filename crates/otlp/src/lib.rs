//! Traces of runs, for whoever collects them by the OpenTelemetry protocol (OTLP).
//!
//! * [`Traces`]: an observer of a broker that has what becomes of its runs sent to a collector;
//! * [`Options`]: to which one and how, by the variables that OpenTelemetry has names for;
//! * [`Counts`]: what became of it; [`Tell`] says when that changes.
//!
//! *How it works.* A run's steps are on record before they count, so they are never queued a second time: a run that was
//! written to is noted by its name, with the numbers of the first and the last record that this broker wrote. A thread of its
//! own reads those records, folds them into spans, and sends them. What a span is called and where it belongs follows from the
//! records, its ids too: a broker that goes on with a run goes on with its trace, and a span that began before a broker was
//! killed ends with the next one.
//!
//! *Guarantee:* no run waits for a collector or fails for it. What is held in memory is bounded by the names of runs that wait
//! and one batch of spans; what does not fit, and what a collector does not take, is counted and left out.
//!
//! *Rejected:* spans that are begun and ended in the code that does the work, as libraries for tracing have it: a span that is
//! open when a broker is killed never ends, and the next broker knows nothing of it.

mod export;
mod options;
mod send;
mod spans;
mod wire;

pub use export::{Counts, Tell, Traces};
pub use options::{Options, OptionsError};
