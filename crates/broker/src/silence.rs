//! How long a node has not answered, and when it is given up.
//!
//! 1. Time counts from the first failure of those in a row: a call may bring gigabytes before it breaks, and nothing was silent
//!    meanwhile.
//! 2. A call that lasted longer than any single question is waited for was answered on its way, whatever became of it, and what it
//!    did is not done again. Counting begins anew, some times.
//!
//! *Guarantee.* A node that does not answer is given up: [`NODE_SILENCE`] after the first failure, later only for calls that last.

use crate::limits::{EVENT_WAIT, NODE_SILENCE};
use crate::patience::Backoff;
use crate::rng::Rng;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;
use welkin_provider::ProviderError;

/// A call that took longer was more than one question: [`EVENT_WAIT`], and the thirty seconds that hosts have to answer it.
const LASTING: Duration = EVENT_WAIT.duration().saturating_add(Duration::from_secs(40));

/// How many calls in a row may last and fail: on a line that breaks every ten minutes that is three hours of sending. A node
/// whose disk hangs lets calls last, too.
const MOST_LASTING: u32 = 20;

/// After the end of its time a node is given up, not at it.
const SOON: Duration = Duration::from_millis(1);

/// The failures in a row of one node.
pub(crate) struct Silence {
    /// When the first of them came.
    since: Option<Instant>,
    lasting: u32,
    backoff: Backoff,
}

impl Silence {
    pub(crate) const fn new() -> Self {
        Self { since: None, lasting: 0, backoff: Backoff::new() }
    }

    /// Makes a call.
    pub(crate) async fn during<T>(&mut self, call: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = call.await;
        if began.elapsed() > LASTING && self.lasting < MOST_LASTING {
            *self = Self { lasting: self.lasting + 1, ..Self::new() };
        }
        answer
    }

    /// The pause after a failure; `None` when the node is to be given up.
    pub(crate) fn pause(&mut self, error: &ProviderError, rng: &Mutex<Rng>) -> Option<Duration> {
        let silent = self.since.get_or_insert_with(Instant::now).elapsed();
        if silent > NODE_SILENCE.duration() {
            return None;
        }
        // Whatever pause the node asks for.
        let left = NODE_SILENCE.duration().saturating_sub(silent);
        Some(self.backoff.after(error, rng).min(left + SOON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;
    use welkin_provider::ErrorKind;

    const SECOND: Duration = Duration::from_secs(1);

    /// Calls that take so long and fail until the node is given up: how many, and how long after the first failure.
    async fn until_given_up(took: impl Fn(u32) -> Duration) -> (u32, Duration) {
        let error = ProviderError::new("node", "ask", ErrorKind::Transient, "the connection broke");
        let (mut silence, rng) = (Silence::new(), Mutex::new(Rng::new(1)));
        let mut first = None;
        for call in 1.. {
            silence.during(sleep(took(call))).await;
            let first = *first.get_or_insert_with(Instant::now);
            let Some(pause) = silence.pause(&error, &rng) else { return (call, first.elapsed()) };
            sleep(pause).await;
        }
        unreachable!("every node is given up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_given_up_after_its_time_and_not_for_what_went_before() {
        let soon = |after: Duration| {
            (NODE_SILENCE.duration()..NODE_SILENCE.duration() + 2 * SECOND).contains(&after)
        };
        // Away at once, and after ten minutes of sending.
        for sent in [SECOND, 600 * SECOND] {
            let (calls, after) = until_given_up(|call| if call == 1 { sent } else { Duration::ZERO }).await;
            assert!(calls > 5 && soon(after), "{calls} calls, {after:?}");
        }
        // There, and without an answer to any question.
        let (calls, after) = until_given_up(|_| 50 * SECOND).await;
        assert!((3..5).contains(&calls) && after < 240 * SECOND, "{calls} calls, {after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_begins_anew_some_times() {
        let (calls, _) = until_given_up(|call| if call < 9 { 300 * SECOND } else { Duration::ZERO }).await;
        assert!(calls > 13, "{calls} calls");
        let (calls, _) = until_given_up(|_| 300 * SECOND).await;
        assert!((MOST_LASTING..MOST_LASTING + 3).contains(&calls), "{calls} calls");
    }
}
