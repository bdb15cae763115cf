//! The clock of a simulation: the timer of tokio, counted from an epoch of one's choice.
//!
//! Under `tokio::time::pause` (or `#[tokio::test(start_paused = true)]`) every sleep passes at once
//! and this clock moves exactly as far as the sleeps do, so hours of cloud life take milliseconds
//! and every timestamp is the same in each run.

use crate::clock::{Clock, UnixMillis};
use tokio::time::{Duration, Instant};
use welkin_units::Span;

/// A [`Clock`] that reads the tokio timer; virtual when that timer is paused.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    epoch: UnixMillis,
    start: Instant,
}

impl SimClock {
    /// A clock that shows `epoch` now. Call it inside the runtime whose timer it shall read.
    #[must_use]
    pub fn starting_at(epoch: UnixMillis) -> Self {
        Self { epoch, start: Instant::now() }
    }

    /// Sleeps until `at`: not at all, without even yielding, when that is past; for ever when it is
    /// further away than the timer can count.
    pub async fn sleep_until(&self, at: UnixMillis) {
        if at <= self.now() {
            return;
        }
        let wait = Duration::from_millis(at.since(self.epoch).millis());
        match self.start.checked_add(wait) {
            Some(deadline) if wait < FAR_AWAY => tokio::time::sleep_until(deadline).await,
            _ => std::future::pending().await,
        }
    }

    /// Sleeps for `span`.
    pub async fn sleep(&self, span: Span) {
        self.sleep_until(self.now().after(span)).await;
    }
}

/// The tokio timer counts 2³⁶ ms, a little over two years; a sleep of a year is "for ever" here.
const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);

impl Clock for SimClock {
    fn now(&self) -> UnixMillis {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.epoch.after(Span::from_millis(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleeps_move_the_clock_and_nothing_else_does() {
        let clock = SimClock::starting_at(UnixMillis(1_700_000_000_000));
        clock.sleep(Span::from_hours(3)).await;
        assert_eq!(clock.now(), UnixMillis(1_700_000_000_000 + 3 * 3_600_000));
        clock.sleep_until(UnixMillis(5)).await;
        assert_eq!(clock.now(), UnixMillis(1_700_000_000_000 + 3 * 3_600_000));
    }
}
