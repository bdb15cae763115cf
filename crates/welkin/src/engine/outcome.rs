//! How things ended, as failures with codes.

use crate::report::{Code, Fault};
use welkin_api::ClientError;
use welkin_broker::{OpenError, RunError, RunId, RunOutcome, RunState, StoreError};

/// Records that are damaged, with where they lie and what can be done; else `words`.
fn damaged_or(error: &StoreError, words: &str) -> Fault {
    if !error.is_damage() {
        return Fault::new(Code::Store, words);
    }
    let path = crate::settings::records();
    let (folder, path) = (path.parent().unwrap_or(&path).display(), path.display());
    Fault::new(Code::Store, format!("the broker's records in {path} are damaged")).hint(format!(
        "put a copy of it back, or move {folder} aside and start over: `welkin gc --take-over` then gives \
         back what its runs still hold"
    ))
}

/// A broker that could not be opened.
pub(super) fn open_fault(error: OpenError) -> anyhow::Error {
    let fault = match &error {
        OpenError::InUse { .. } => Fault::new(Code::InUse, "another process drives the runs of this folder")
            .hint("`welkin status` and `welkin logs -f` work meanwhile, and so does `welkin cancel`"),
        OpenError::Store(error) => damaged_or(error, "the broker cannot be opened"),
        _ => Fault::new(Code::Store, "the broker cannot be opened"),
    };
    anyhow::Error::new(error).context(fault)
}

/// A store that failed.
pub(crate) fn store_fault(error: StoreError) -> anyhow::Error {
    let error = match error {
        StoreError::Elsewhere { place, source } => match source.downcast::<ClientError>() {
            Ok(error) => return crate::apart::fault(*error),
            Err(source) => StoreError::Elsewhere { place, source },
        },
        error => error,
    };
    let fault = match &error {
        StoreError::NoSuchRun { run } => {
            return Fault::new(Code::NoSuchRun, format!("there is no run `{run}`")).into();
        }
        StoreError::Io { .. } => Fault::new(Code::Store, "the broker's records cannot be read"),
        StoreError::Plan { run, .. } => {
            Fault::new(Code::Store, format!("the records of {run} cannot be read")).hint(
                "a newer version of welkin may have written them; nothing of this run is touched meanwhile",
            )
        }
        error => damaged_or(error, "the broker's records cannot be used"),
    };
    anyhow::Error::new(error).context(fault)
}

/// A run that is passed over because its records cannot be read.
pub(crate) fn unreadable_words(run: &RunId, error: &StoreError) -> String {
    format!("the records of {run} cannot be read: {}", error.chain())
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
        RunError::Store(error) if error.is_damage() => damaged_or(error, "the run cannot continue"),
        _ => Fault::new(Code::Store, "the run cannot continue")
            .hint("`welkin resume` continues from the last record"),
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
                .hint("a larger budget (`--budget`, or `policy.budget` in the file) would let it continue")
        }
        _ => Fault::new(Code::RunFailed, format!("{} failed: {reason}", outcome.run))
            .hint(format!("`welkin logs {}` shows what its scripts said", outcome.run)),
    };
    Err(fault.into())
}
