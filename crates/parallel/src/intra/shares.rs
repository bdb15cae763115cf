//! Operations of a microbatch, and what is done once a step and counts less for each.

use crate::model::{Batch, Model};

/// For each operation whether it is of the forward pass, and the share of it that a microbatch pays.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    pub(crate) forward: Vec<bool>,
    pub(crate) share: Vec<f64>,
    /// Whether it is all of a step, in one program.
    pub(crate) step: bool,
}

impl Shares {
    /// Everything is paid, and nothing is known to be of the forward pass.
    pub(crate) fn whole(model: &Model) -> Self {
        Self { forward: vec![false; model.ops.len()], share: vec![1.0; model.ops.len()], step: true }
    }

    pub(crate) fn new(model: &Model, batch: &Batch, forward: &[bool], microbatches: u64) -> Self {
        let once = batch.once(model);
        let share =
            |(once, forward): (&bool, &bool)| if *once && !forward { 1.0 / microbatches as f64 } else { 1.0 };
        let share = once.iter().zip(forward).map(share).collect();
        Self { forward: forward.to_vec(), share, step: false }
    }

    /// Those of some operations.
    pub(crate) fn of(&self, ops: &[usize]) -> Self {
        let pick = |at: &usize| (self.forward[*at], self.share[*at]);
        let (forward, share) = ops.iter().map(pick).unzip();
        Self { forward, share, step: self.step }
    }

    /// What of a value's way from its maker to where it is kept a microbatch pays: gradients that only updates read are
    /// added up over microbatches, and made whole once a step.
    pub(crate) fn of_values(&self, model: &Model) -> Vec<f64> {
        let mut shares = vec![0.0_f64; model.values.len()];
        let mut read = vec![false; model.values.len()];
        for (op, share) in model.ops.iter().zip(&self.share) {
            for operand in &op.ins {
                read[operand.value] = true;
                shares[operand.value] = shares[operand.value].max(*share);
            }
        }
        shares.iter().zip(&read).map(|(share, read)| if *read { *share } else { 1.0 }).collect()
    }
}
