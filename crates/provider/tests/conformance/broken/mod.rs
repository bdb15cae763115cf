//! Each way to be broken fails exactly the checks that are about it.

mod flaw;
mod node;
mod provider;
mod store;

use crate::harness::MemoryHarness;
use flaw::{FLAWS, Flaw};
use provider::Broken;
use std::collections::BTreeSet;
use std::sync::Arc;
pub(crate) use store::Undeletable;
use welkin_provider::conformance::{checks, run};
use welkin_provider::memory::Nastiness;

#[tokio::test(start_paused = true)]
async fn each_flaw_fails_the_checks_about_it_and_no_other() {
    let mut surprises = Vec::new();
    for (flaw, expected) in FLAWS {
        let mut harness = MemoryHarness::new(1, Nastiness::none());
        harness.provider = Arc::new(Broken::new(harness.cloud.clone(), *flaw));
        harness.keeps_deleted = *flaw == Flaw::KeepsDeletedObjects;
        let report = run(&harness).await;
        if report.failed() != *expected {
            surprises.push(format!("{flaw:?}: {:?}, expected {expected:?}\n{report}", report.failed()));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}

#[test]
fn each_check_fails_for_some_flaw() {
    let caught: BTreeSet<&str> = FLAWS.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let idle: Vec<&str> = checks().iter().map(|check| check.id).filter(|id| !caught.contains(id)).collect();
    assert_eq!(idle, Vec::<&str>::new(), "checks that no flaw fails");
}
