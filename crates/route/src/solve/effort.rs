//! How much work an answer may take.
//!
//! Counted in steps, about a multiplication each, and not in time: an answer must not depend on the machine. A plan
//! is several solves. Each gets half of what is left, so that no solve, however hard, leaves nothing for those after
//! it; and the sum of all has a bound.

use std::cell::Cell;

/// Work for a plan.
#[derive(Debug)]
pub(crate) struct Effort {
    left: Cell<u64>,
}

impl Effort {
    pub(crate) const fn new(steps: u64) -> Self {
        Self { left: Cell::new(steps) }
    }

    /// Half of what is left.
    pub(super) fn share(&self) -> Share<'_> {
        Share { effort: self, left: Cell::new(self.left.get() / 2) }
    }
}

/// Work for a solve.
#[derive(Debug)]
pub(super) struct Share<'e> {
    effort: &'e Effort,
    left: Cell<u64>,
}

impl Share<'_> {
    pub(super) fn spend(&self, steps: u64) {
        for left in [&self.left, &self.effort.left] {
            left.set(left.get().saturating_sub(steps));
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_solve_takes_what_those_after_it_need() {
        let effort = Effort::new(100);
        let first = effort.share();
        first.spend(60);
        assert!(first.is_spent());
        let second = effort.share();
        second.spend(10);
        assert!(!second.is_spent());
        second.spend(10);
        assert!(second.is_spent() && !effort.share().is_spent());
    }
}
