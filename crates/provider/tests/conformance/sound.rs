//! Sound clouds pass, however flaky they are.

use crate::harness::{EVERYTHING, MemoryHarness};
use std::collections::BTreeSet;
use welkin_provider::conformance::{Capabilities, Verdict, checks, run, run_check};
use welkin_provider::memory::Nastiness;

#[tokio::test(start_paused = true)]
async fn a_cloud_that_behaves_passes_every_check() {
    let harness = MemoryHarness::new(1, Nastiness::none());
    let report = run(&harness).await;
    assert_eq!(report.passed().len(), checks().len(), "{report}");
    assert_eq!(harness.cloud.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_flaky_cloud_passes_for_300_seeds() {
    for seed in 0..300 {
        let harness = MemoryHarness::new(seed, Nastiness::flaky());
        let report = run(&harness).await;
        assert_eq!(report.passed().len(), checks().len(), "seed {seed}\n{report}");
        assert_eq!(harness.cloud.violations(), Vec::<String>::new(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_check_passes_alone() {
    let harness = MemoryHarness::new(1, Nastiness::none());
    for check in checks() {
        assert_eq!(run_check(&harness, check.id).await, Some(Verdict::Passed), "{}", check.id);
    }
    assert_eq!(run_check(&harness, "no-such-check").await, None);
}

#[test]
fn ids_are_unique() {
    let ids: BTreeSet<_> = checks().iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), checks().len());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_tried_is_not_tested_and_not_passed() {
    let without: [(Capabilities, &[&str]); 6] = [
        (Capabilities { gang: 1, ..EVERYTHING }, &["gang-of-two"]),
        (Capabilities { knows_types: false, ..EVERYTHING }, &["acquire-unknown-type"]),
        (
            Capabilities { data: false, ..EVERYTHING },
            &["data-round-trip", "data-missing-output", "data-missing-input"],
        ),
        (
            Capabilities { stores: false, ..EVERYTHING },
            &["store-objects", "store-again", "store-by-owner", "store-by-region"],
        ),
        (Capabilities { usage: false, ..EVERYTHING }, &["usage-amount", "usage-once", "usage-only-own"]),
        (Capabilities { preempt: false, ..EVERYTHING }, &["preempted"]),
    ];
    for (capabilities, expected) in without {
        let harness = MemoryHarness { capabilities, ..MemoryHarness::new(1, Nastiness::none()) };
        let report = run(&harness).await;
        assert_eq!(report.not_tested(), expected, "{report}");
        assert_eq!(report.passed().len(), checks().len() - expected.len(), "{report}");
    }
    let capabilities = Capabilities { scripts: false, ..EVERYTHING };
    let report = run(&MemoryHarness { capabilities, ..MemoryHarness::new(1, Nastiness::none()) }).await;
    let about = ["step-", "events-", "data-", "stop-ends-work"];
    let about_scripts = |id: &&str| about.iter().any(|part| id.starts_with(part));
    assert!(report.not_tested().iter().all(about_scripts), "{report}");
    assert!(!report.passed().iter().any(about_scripts), "{report}");
    assert!(report.to_string().ends_with("29 passed, 0 failed, 16 not tested"), "{report}");
}
