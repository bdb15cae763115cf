//! Repeating calls that fail in a way that passes.
//!
//! The only loop of its kind: endpoints do not retry. Pauses double from [`FIRST`] to [`LONGEST`], each
//! shortened by up to half at random so that lanes do not come back together, and a store that names
//! a pause gets it.

use crate::engine::observe::{Notice, Observer, Quiet};
use crate::engine::stats::Stats;
use crate::engine::tuner::Tuner;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;
use welkin_store::{Failure, FailureKind};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(20);

/// Longest pause that a store may ask for: one that names more is not believed, and asked again after this.
const LONGEST_ASKED: Duration = Duration::from_secs(120);

/// How long one goes on with a call, and who hears of it.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    attempts: u32,
    stats: &'a Stats,
    observer: &'a dyn Observer,
    /// Told when a store wants less.
    tuner: Option<&'a Tuner>,
}

impl<'a> Patience<'a> {
    /// For so many tries of a call.
    #[must_use]
    pub fn new(attempts: u32, stats: &'a Stats, observer: &'a dyn Observer) -> Self {
        Self { attempts, stats, observer, tuner: None }
    }

    /// The same where nobody counts the tries or hears of them.
    #[must_use]
    pub fn alone(attempts: u32) -> Self {
        static UNSEEN: LazyLock<Stats> = LazyLock::new(Stats::default);
        Self::new(attempts, &UNSEEN, &Quiet)
    }

    /// The same for the lanes of a transfer.
    pub(super) fn with_tuner(self, tuner: &'a Tuner) -> Self {
        Self { tuner: Some(tuner), ..self }
    }

    /// Calls until it succeeds, fails for good, or was tried often enough.
    pub(super) async fn call<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut attempt = 0;
        loop {
            let failure = match call().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            attempt += 1;
            // What was damaged on the way is read again by whoever called, from the start.
            if !failure.passes() || failure.kind == FailureKind::Corrupt {
                return Err(failure);
            }
            if !self.waits(attempt, &failure).await {
                return Err(failure);
            }
        }
    }

    /// Pauses before a call that failed is made again; `false` where it was tried often enough.
    pub(super) async fn waits(&self, attempt: u32, failure: &Failure) -> bool {
        if attempt >= self.attempts {
            return false;
        }
        if let Some(tuner) = self.tuner.filter(|_| failure.kind == FailureKind::Throttled) {
            tuner.throttled();
        }
        let pause = pause_after(attempt, failure);
        Stats::add(&self.stats.retries, 1);
        self.observer.notice(&Notice::Retrying { why: &failure.to_string(), pause });
        tokio::time::sleep(pause).await;
        true
    }
}

/// How long to wait after a failure.
pub(super) fn pause_after(attempt: u32, failure: &Failure) -> Duration {
    failure.retry_after.map_or_else(|| pause(attempt), |asked| asked.min(LONGEST_ASKED))
}

fn pause(attempt: u32) -> Duration {
    let full = FIRST.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST);
    // The standard library's own seed is random enough to spread pauses.
    let random = RandomState::new().hash_one(attempt) as f64 / u64::MAX as f64;
    full.mul_f64(1.0 - random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_bounds() {
        for attempt in 1..40 {
            let full = FIRST.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST);
            let pause = pause(attempt);
            assert!(pause <= full && pause >= full / 2, "{attempt}: {pause:?}");
        }
    }
}
