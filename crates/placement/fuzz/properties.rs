//! What must hold for any bytes at all. Run by the fuzz target, and by a plain test over mutated examples.

use welkin_placement::Plan;

/// A plan, as it is and with the digest that it should have: refused, or one that survives its file and in which
/// everything that is named is there.
pub(crate) fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    look(text);
    if let Ok(plan) = serde_json::from_str::<Plan>(text) {
        look(&plan.sealed().to_json());
    }
}

fn look(text: &str) {
    let Ok(plan) = Plan::from_json(text) else { return };
    assert_eq!(Plan::from_json(&plan.to_json()).as_ref().ok(), Some(&plan));
    assert_eq!(plan.tasks.len(), plan.job.tasks.len());
    for task in &plan.job.tasks {
        assert!(plan.transfers_of(&task.name).count() <= plan.transfers.len());
    }
}
