//! Repeating calls that fail in a way that passes.
//!
//! The only loop of its kind: endpoints do not retry. Pauses double from [`FIRST`] to [`LONGEST`], each
//! shortened by up to half at random so that lanes do not come back together, and a store that names
//! a pause gets it.

use crate::endpoint::{Failure, FailureKind};
use crate::engine::context::Context;
use crate::engine::observe::{Notice, Observer};
use crate::engine::stats::Stats;
use crate::engine::tuner::Tuner;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(20);

/// How long one goes on, and who hears of it.
pub(super) struct Patience<'a> {
    pub(super) attempts: u32,
    pub(super) stats: &'a Stats,
    pub(super) observer: &'a dyn Observer,
    /// Told when a store wants less.
    pub(super) tuner: Option<&'a Tuner>,
}

/// Calls as [`Patience::call`] does, as the transfer says.
pub(super) async fn patiently<T, F>(context: &Context, call: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let patience = Patience {
        attempts: context.options().attempts,
        stats: &context.stats,
        observer: &*context.observer,
        tuner: Some(&context.tuner),
    };
    patience.call(call).await
}

impl Patience<'_> {
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
            if !failure.passes() || failure.kind == FailureKind::Corrupt || attempt >= self.attempts {
                return Err(failure);
            }
            if let Some(tuner) = self.tuner.filter(|_| failure.kind == FailureKind::Throttled) {
                tuner.throttled();
            }
            let pause = failure.retry_after.unwrap_or_else(|| pause(attempt));
            Stats::add(&self.stats.retries, 1);
            self.observer.notice(&Notice::Retrying { why: &failure.to_string(), pause });
            tokio::time::sleep(pause).await;
        }
    }
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
