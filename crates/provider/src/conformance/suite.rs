//! The list of checks and how they are run.

use super::bench::{Bench, Checked, Miss, Taken};
use super::checks::{CHECKS, left_over};
use super::harness::Harness;
use super::report::{Report, Verdict};
use futures::future::BoxFuture;
use std::fmt;
use std::sync::Mutex;
use tokio::time::timeout;

/// One promise of the port and how it is tried.
#[derive(Clone, Copy)]
pub struct Check {
    /// Stable id, for reports and for running it alone.
    pub id: &'static str,
    /// The promise.
    pub promise: &'static str,
    pub(super) run: for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Checked>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("id", &self.id).field("promise", &self.promise).finish()
    }
}

/// Every check, in the order in which [`run`] tries them.
#[must_use]
pub fn checks() -> &'static [Check] {
    CHECKS
}

/// Tries every promise, one after the other, and at last that nothing is left over.
///
/// Sleeps go through `tokio::time`, so that a simulated provider is tried under virtual time.
pub async fn run(harness: &dyn Harness) -> Report {
    let mut taken = Taken::default();
    let mut report = Report::default();
    for check in CHECKS {
        report.verdicts.push((check.id, tried(harness, check, &mut taken).await));
    }
    report
}

/// Tries one promise and gives back what that took; `None` when there is no check of that id.
pub async fn run_check(harness: &dyn Harness, id: &str) -> Option<Verdict> {
    let check = CHECKS.iter().find(|check| check.id == id)?;
    let mut taken = Taken::default();
    let verdict = tried(harness, check, &mut taken).await;
    match (&verdict, tried(harness, &left_over::CHECK, &mut taken).await) {
        (Verdict::Passed, Verdict::Failed(how)) => Some(Verdict::Failed(format!("afterwards: {how}"))),
        _ => Some(verdict),
    }
}

async fn tried(harness: &dyn Harness, check: &Check, taken: &mut Taken) -> Verdict {
    let own = Mutex::new(Taken::default());
    let bench = Bench { harness, provider: harness.provider(), check: check.id, before: taken, taken: own };
    let limit = harness.patience().check;
    let checked = timeout(limit.duration(), (check.run)(&bench)).await;
    // A failure to give back is the last check's to report, for it looks at all that was taken.
    let _ = timeout(limit.duration(), bench.give_back()).await;
    let own = bench.taken().clone();
    taken.leases.extend(own.leases);
    taken.owners.extend(own.owners);
    match checked.unwrap_or_else(|_| Err(Miss::Failed(format!("it was not done within {limit}")))) {
        Ok(()) => Verdict::Passed,
        Err(Miss::Failed(how)) => Verdict::Failed(how),
        Err(Miss::NotTested(why)) => Verdict::NotTested(why),
    }
}
