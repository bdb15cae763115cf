//! Repeating calls that fail in a way that passes.
//!
//! The only loop of its kind: endpoints do not retry. Pauses double from [`FIRST`] to [`LONGEST`], each
//! shortened by up to half at random so that lanes do not come back together, and a store that names
//! a pause gets it.

use crate::endpoint::{Failure, FailureKind};
use crate::engine::context::Context;
use crate::engine::observe::Notice;
use crate::engine::stats::Stats;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(20);

/// Calls until it succeeds, fails for good, or was tried often enough.
pub(super) async fn patiently<T, F>(context: &Context, mut call: impl FnMut() -> F) -> Result<T, Failure>
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
        if !failure.passes() || failure.kind == FailureKind::Corrupt || attempt >= context.options().attempts
        {
            return Err(failure);
        }
        if failure.kind == FailureKind::Throttled {
            context.tuner.throttled();
        }
        let pause = failure.retry_after.unwrap_or_else(|| pause(attempt));
        Stats::add(&context.stats.retries, 1);
        context.observer.notice(&Notice::Retrying { why: &failure.to_string(), pause });
        tokio::time::sleep(pause).await;
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
