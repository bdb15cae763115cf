//! How things ended, as failures with codes.

use crate::report::{Code, Fault};
use welkin_broker::{OpenError, RunError, RunOutcome, RunState, StoreError};

/// A broker that could not be opened.
pub(super) fn open_fault(error: OpenError) -> anyhow::Error {
    let fault = match &error {
        OpenError::InUse { .. } => Fault::new(Code::InUse, "another process drives the runs of this folder")
            .hint("`welkin status` and `welkin logs -f` work meanwhile, and so does `welkin cancel`"),
        _ => Fault::new(Code::Store, "the broker cannot be opened"),
    };
    anyhow::Error::new(error).context(fault)
}

/// A store that failed.
pub(crate) fn store_fault(error: StoreError) -> anyhow::Error {
    let fault = match &error {
        StoreError::NoSuchRun { run } => {
            return Fault::new(Code::NoSuchRun, format!("there is no run `{run}`")).into();
        }
        StoreError::Io { .. } => Fault::new(Code::Store, "the broker's records cannot be read"),
        _ => Fault::new(Code::Store, "the broker's records cannot be used"),
    };
    anyhow::Error::new(error).context(fault)
}

/// A run that could not be driven to its end.
pub(crate) fn run_fault(error: RunError) -> anyhow::Error {
    let fault = match &error {
        RunError::Unsettled { leases, .. } => {
            let leases: Vec<String> =
                leases.iter().map(|(lease, error)| format!("{lease} ({error})")).collect();
            Fault::new(Code::Unsettled, format!("not given back: {}", leases.join(", ")))
                .hint("`welkin gc` tries again")
        }
        _ => Fault::new(Code::Store, "the run cannot go on")
            .hint("`welkin resume` goes on from the last record"),
    };
    anyhow::Error::new(error).context(fault)
}

/// The failure of a run that did not succeed.
pub(crate) fn conclude(outcome: &RunOutcome) -> anyhow::Result<()> {
    let reason = outcome.reason.as_deref().unwrap_or("no reason was recorded");
    let fault = match outcome.state {
        RunState::Succeeded => return Ok(()),
        RunState::Cancelled => Fault::new(Code::Cancelled, format!("{} was cancelled", outcome.run))
            .hint("everything acquired was given back"),
        _ if outcome.over_budget => {
            Fault::new(Code::OverBudget, format!("{} was stopped: {reason}", outcome.run))
                .hint("a larger budget (`--budget`, or `policy.budget` in the file) would let it go on")
        }
        _ => Fault::new(Code::RunFailed, format!("{} failed: {reason}", outcome.run))
            .hint(format!("`welkin logs {}` shows what its scripts said", outcome.run)),
    };
    Err(fault.into())
}
