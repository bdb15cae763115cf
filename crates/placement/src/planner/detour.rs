//! How long a job takes without one of its tasks, for each of them.
//!
//! A path that leaves a task out ends before it in topological order, begins after it, or has a step that leaps over
//! it. So the longest is the largest of a running maximum from the front, one from the back, and the longest step that
//! leaps over the task; these are painted over the positions that they leap over, the longest first, each position
//! once. All of it takes the time of sorting the steps. *Rejected:* a walk through the job for each task, which is
//! quadratic: four seconds for 10,000 tasks.

use welkin_units::Span;

/// A path through a step from one task to another, by positions in topological order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leap {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Length of the longest path with this step.
    pub(super) length: Span,
}

/// By position: the longest path that leaves the task there out. `ended[i]` is when the task at `i` ends, `begun[i]`
/// how long the job takes from its start when it waits for no other.
pub(super) fn detours(ended: &[Span], begun: &[Span], mut leaps: Vec<Leap>) -> Vec<Span> {
    let count = ended.len();
    let mut longest = vec![Span::ZERO; count];
    let mut before = Span::ZERO;
    for (longest, ended) in longest.iter_mut().zip(ended) {
        *longest = before;
        before = before.max(*ended);
    }
    let mut after = Span::ZERO;
    for (longest, begun) in longest.iter_mut().zip(begun).rev() {
        *longest = (*longest).max(after);
        after = after.max(*begun);
    }
    leaps.retain(|leap| leap.from + 1 < leap.to);
    leaps.sort_unstable_by_key(|leap| std::cmp::Reverse(leap.length));
    // The first position from each on that is not painted yet.
    let mut bare: Vec<usize> = (0..=count).collect();
    for leap in leaps {
        let mut at = first_bare(&mut bare, leap.from + 1);
        while at < leap.to {
            longest[at] = longest[at].max(leap.length);
            bare[at] = at + 1;
            at = first_bare(&mut bare, at);
        }
    }
    longest
}

fn first_bare(bare: &mut [usize], mut at: usize) -> usize {
    while bare[at] != at {
        bare[at] = bare[bare[at]];
        at = bare[at];
    }
    at
}
