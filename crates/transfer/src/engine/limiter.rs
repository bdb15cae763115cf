//! A bound on the rate of a transfer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How far ahead of its rate a transfer may be: what one part of 8 MiB takes is more on slow lines, and
/// then the next one waits for it.
const BURST: Duration = Duration::from_millis(100);

/// Hands out bytes at a rate, first come, first served.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: Option<u64>,
    /// When everything handed out so far will have been moved at the rate.
    paid: Option<Instant>,
}

impl Limiter {
    /// A limit in bytes a second; none for `None`.
    #[must_use]
    pub fn new(rate: Option<u64>) -> Self {
        Self { state: Mutex::new(State { rate, paid: None }) }
    }

    /// Changes the limit from now on.
    pub fn set(&self, rate: Option<u64>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rate = rate;
    }

    /// Waits until `bytes` may be moved.
    pub async fn take(&self, bytes: u64) {
        let until = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(rate) = state.rate.filter(|rate| *rate > 0) else { return };
            let now = Instant::now();
            let start = state.paid.map_or(now, |paid| paid.max(now));
            state.paid = Some(start + Duration::from_secs_f64(bytes as f64 / rate as f64));
            start
        };
        if let Some(wait) = until.checked_duration_since(Instant::now() + BURST) {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept() {
        let limiter = Limiter::new(Some(1_000_000));
        let start = Instant::now();
        for _ in 0..10 {
            limiter.take(500_000).await;
        }
        // The last half second is handed out a tenth of a second early at most.
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(4400) && took <= Duration::from_millis(4500), "{took:?}");
        limiter.set(None);
        limiter.take(u64::MAX).await;
        assert_eq!(start.elapsed(), took);
    }
}
