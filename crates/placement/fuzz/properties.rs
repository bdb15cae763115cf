//! What must hold for any bytes at all. Run by the fuzz target, and by a plain test over mutated examples.

use welkin_placement::{Plan, PlanError};

/// A plan, as it is and with the digest that it should have: refused, or one that survives its file and in which
/// everything that is named is there.
pub(crate) fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Plan::read(text) {
        Ok(plan) => look(&plan),
        Err(PlanError::Digest { stated, actual }) if stated.len() == actual.len() => {
            if let Ok(plan) = Plan::read(text.replacen(&stated, &actual, 1)) {
                look(&plan);
            }
        }
        Err(_) => {}
    }
}

fn look(plan: &Plan) {
    // What a file leaves out and what it says is empty is the same, but not the same document.
    let plan = plan.clone().sealed();
    assert_eq!(Plan::read(plan.to_json()).as_ref().ok(), Some(&plan));
    assert_eq!(plan.tasks.len(), plan.job.tasks.len());
    for task in &plan.job.tasks {
        assert!(plan.transfers_of(&task.name).count() <= plan.transfers.len());
    }
}
