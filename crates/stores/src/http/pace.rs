//! How long a peer may take.
//!
//! A connection that is silent is given up, and so is one whose peer says just enough not to be silent: what keeps
//! a body alive is bytes per time. What has no body of known length, heads and answers in words, has a time in all.

use std::time::Duration;
use tokio::time::Instant;

/// Longest time without a byte from or to the peer. Stores take up to a minute to complete a large upload.
pub(super) const SILENCE: Duration = Duration::from_secs(90);

/// Time in which a body must have come [`WINDOW_BYTES`] further, again and again.
const WINDOW: Duration = Duration::from_secs(60);

/// 273 bytes a second: each of 100 lanes still has it on a line of 256 kbit/s. A part of 8 MiB takes 8.5 hours at most.
const WINDOW_BYTES: u64 = 16 << 10;

/// Longest time for a head, with all that may come before it (`100 Continue`): twice the longest silence.
pub(super) const HEAD_WITHIN: Duration = Duration::from_secs(180);

/// Longest time for an answer in words. S3 keeps that to a completion open with a blank now and then while it
/// assembles the object, for some minutes; a page of 16 MiB takes as long at 18 kB/s.
pub(super) const WORDS_WITHIN: Duration = Duration::from_secs(900);

/// Until when the peer must have done something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    until: Instant,
    /// Bytes that are still to come in the window; `None` where there is a time in all.
    owed: Option<u64>,
}

impl Pace {
    /// A time in all.
    pub(super) fn within(time: Duration) -> Self {
        Self { until: Instant::now() + time, owed: None }
    }

    /// At least so many bytes a window, for as long as it takes.
    pub(super) fn steady() -> Self {
        Self { until: Instant::now() + WINDOW, owed: Some(WINDOW_BYTES) }
    }

    /// Bytes have come, or gone.
    pub(super) fn moved(&mut self, bytes: usize) {
        match &mut self.owed {
            Some(owed) if bytes as u64 >= *owed => *self = Self::steady(),
            Some(owed) => *owed -= bytes as u64,
            None => {}
        }
    }

    /// When waiting ends, and whether that is for slowness rather than for silence.
    pub(super) fn patience(&self) -> (Instant, bool) {
        let silent = Instant::now() + SILENCE;
        (silent.min(self.until), self.until < silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn bytes_per_time_keep_a_body_alive() {
        let mut pace = Pace::steady();
        let begun = Instant::now();
        // 300 bytes a second.
        for _ in 0..1000 {
            advance(Duration::from_secs(1)).await;
            assert!(pace.patience().0 > Instant::now());
            pace.moved(300);
        }
        // A byte each half second.
        while pace.patience().0 > Instant::now() {
            advance(Duration::from_millis(500)).await;
            pace.moved(1);
        }
        assert!(begun.elapsed() <= Duration::from_secs(1000) + WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_prolongs_a_time_in_all() {
        let mut pace = Pace::within(HEAD_WITHIN);
        advance(HEAD_WITHIN - Duration::from_secs(1)).await;
        pace.moved(1 << 20);
        assert_eq!(pace.patience(), (Instant::now() + Duration::from_secs(1), true));
    }
}
