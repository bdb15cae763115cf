//! The conformance suite: what every provider must keep, whatever stands behind it.
//!
//! An adapter implements [`Harness`] (its provider, one place and machine type that are known to
//! work, bounds of patience, what it can do at all) and calls [`run`]. The [`Report`] has a verdict
//! for each [`Check`]; what the harness says it cannot do is *not tested*, never passed.
//!
//! The suite behaves as a careful broker would: it retries what may be retried, allows lists and
//! observations their lag, and gives back all it took, after each check and again at the end. So it
//! can run against a cloud that is flaky but sound, and what fails is a broken promise.
//!
//! [`Probe`] holds the scripts it runs; [`simulated`] is what they do, for clouds whose nodes do not
//! run processes.
//!
//! *Guarantee:* for each promise there is a provider, broken in just that way, that fails: see the
//! crate's tests. *Model:* the integration module of `object_store` and `secatest` of the European
//! sovereign cloud: one suite, exported, run by every implementation.

mod bench;
mod checks;
mod harness;
mod probe;
mod report;
mod suite;

pub use harness::{Capabilities, Harness, Patience, Target};
pub use probe::{Probe, simulated};
pub use report::{Report, Verdict};
pub use suite::{Check, checks, run, run_check};
