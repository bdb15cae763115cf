//! Parts of the search, and those that wait for their turn.

use super::meters::Window;
use super::prices::Multipliers;
use std::cmp::Ordering;
use std::rc::Rc;

/// A part of the search: plans over these states whose volumes lie in these windows.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) active: Vec<Vec<u32>>,
    pub(super) windows: Vec<Window>,
    /// Multipliers to start with.
    pub(super) multipliers: Rc<Multipliers>,
    /// No plan of the part has a lower value.
    pub(super) bound: f64,
}

/// What a part has of its own; all else is its parent's. A task may have thousands of states, each a part that waits, and
/// most are never looked at.
pub(super) enum Change {
    Nothing,
    /// The task is in this state.
    State(usize, u32),
    /// The task is in one of these.
    Among(usize, Vec<u32>),
    /// The meter has this window, and this price to start with.
    Window(usize, Window, f64),
}

/// A part that waits for its turn.
pub(super) struct Waiting {
    pub(super) parent: Rc<Part>,
    pub(super) change: Change,
    /// No plan of the part has a lower value.
    pub(super) bound: f64,
    pub(super) rounds: u32,
    pub(super) number: usize,
}

impl Waiting {
    pub(super) fn part(self) -> Part {
        let mut part = Rc::unwrap_or_clone(self.parent);
        part.bound = self.bound;
        match self.change {
            Change::Nothing => {}
            Change::State(task, state) => part.active[task] = vec![state],
            Change::Among(task, states) => part.active[task] = states,
            Change::Window(meter, window, price) => {
                part.windows[meter] = window;
                part.multipliers = Rc::new(part.multipliers.with_price(meter, price));
            }
        }
        part
    }
}

impl Ord for Waiting {
    /// The greatest comes first: the least bound, and of equals the latest, which is the deepest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}
