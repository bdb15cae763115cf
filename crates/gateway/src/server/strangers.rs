//! Connections that have not said who they are and what they want.
//!
//! Whoever can reach the port can open them, so they have a small bound of their own, apart from that of lanes, and
//! little time. Beyond the bound the oldest gives way: somebody who means it is through in a few round trips, and a
//! flood would have to be faster than that.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// How many at a time: each holds a descriptor and, within a handshake, some 100 KiB.
pub(crate) const MAX_STRANGERS: usize = 128;

/// How long one may take for its handshake and its first words: three round trips of a second.
pub(crate) const STRANGER_TIME: Duration = Duration::from_secs(3);

/// Those that have not said who they are: so many, and the oldest gives way.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: VecDeque<(u64, AbortHandle)>,
}

impl Strangers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next to come.
    #[must_use]
    pub fn number(&self) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        state.next
    }

    /// Counts one, and ends the oldest where there are too many.
    pub fn enter(&self, number: u64, task: AbortHandle) {
        let oldest = {
            let mut state = self.lock();
            state.waiting.push_back((number, task));
            let many = state.waiting.len() > MAX_STRANGERS;
            if many { state.waiting.pop_front() } else { None }
        };
        if let Some((_, oldest)) = oldest {
            oldest.abort();
        }
    }

    /// It is none any more.
    pub fn leave(&self, number: u64) {
        self.lock().waiting.retain(|(waiting, _)| *waiting != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_gives_way_and_the_known_do_not() {
        let strangers = Strangers::default();
        let enter = || {
            let number = strangers.number();
            let task = tokio::spawn(std::future::pending::<()>());
            strangers.enter(number, task.abort_handle());
            (number, task)
        };
        let (known, first) = (enter(), enter());
        strangers.leave(known.0);
        let rest: Vec<_> = (0..MAX_STRANGERS).map(|_| enter()).collect();
        assert!(first.1.await.unwrap_err().is_cancelled());
        assert!(!known.1.is_finished() && rest.iter().all(|(_, task)| !task.is_finished()));
    }
}
