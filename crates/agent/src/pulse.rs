//! Signs of life of the broker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// When the broker was last heard. A request that is being answered counts as hearing it; none takes
/// longer than a bounded wait.
#[derive(Debug)]
pub(crate) struct Pulse {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: usize,
    last: Instant,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { open: 0, last: Instant::now() }) }
    }

    /// A request has come; the broker is heard until the answer is dropped.
    pub(crate) fn request(&self) -> Heard<'_> {
        self.state().open += 1;
        Heard { pulse: self }
    }

    /// Waits until nothing was heard for `limit`; for ever when it is zero.
    pub(crate) async fn silence(&self, limit: Duration) {
        if limit.is_zero() {
            return std::future::pending().await;
        }
        loop {
            let (open, last) = {
                let state = self.state();
                (state.open, state.last)
            };
            let now = Instant::now();
            // A limit beyond all time never passes.
            let Some(until) = (if open > 0 { now } else { last }).checked_add(limit) else {
                return std::future::pending().await;
            };
            if until <= now {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A counter and a time are whole at any moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    pulse: &'a Pulse,
}

impl Drop for Heard<'_> {
    fn drop(&mut self) {
        let mut state = self.pulse.state();
        state.open -= 1;
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_answer() {
        let pulse = Pulse::new();
        let begin = Instant::now();
        let heard = pulse.request();
        tokio::join!(pulse.silence(LIMIT), async {
            tokio::time::advance(Duration::from_secs(600)).await;
            drop(heard);
        });
        let elapsed = begin.elapsed().as_secs();
        assert!((660..=720).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_never_comes() {
        let pulse = Pulse::new();
        let waited = tokio::time::timeout(Duration::from_secs(1 << 30), pulse.silence(Duration::ZERO)).await;
        assert!(waited.is_err());
    }
}
