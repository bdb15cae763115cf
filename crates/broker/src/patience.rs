//! The one loop in which a call is tried again.
//!
//! Pauses double from [`BACKOFF`]'s first to its longest, each drawn between half and all of it, and
//! are never shorter than what the provider asked for. The loop ends when the call succeeds, when
//! its failure is not one that passes, or when the time is up.

use crate::limits::BACKOFF;
use crate::rng::Rng;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use welkin_provider::{ErrorKind, ProviderError, Retry};
use welkin_units::Span;

/// How long to try, and which failures pass by themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// No pause begins after this much time.
    pub(crate) within: Span,
    /// Whether a failure may pass.
    pub(crate) passes: fn(&ProviderError) -> bool,
}

/// Failures after which the provider itself says that the same call may succeed.
pub(crate) fn as_told(error: &ProviderError) -> bool {
    matches!(error.retry(), Retry::After(_))
}

/// Every failure except those that say the thing is gone or the call is wrong: for things that must
/// be done however long the provider is out of order or its credentials are expired.
pub(crate) fn unless_final(error: &ProviderError) -> bool {
    !matches!(
        error.kind,
        ErrorKind::NotFound | ErrorKind::LeaseLost | ErrorKind::Invalid | ErrorKind::NotSupported
    )
}

/// A growing pause.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: u64,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { pause: BACKOFF.0.millis() }
    }

    /// The next pause after `error`.
    pub(crate) fn after(&mut self, error: &ProviderError, rng: &Mutex<Rng>) -> Duration {
        let jitter = rng.lock().unwrap_or_else(PoisonError::into_inner).below(self.pause / 2 + 1);
        let pause = self.pause - self.pause / 2 + jitter;
        self.pause = (self.pause * 2).min(BACKOFF.1.millis());
        let asked = match error.retry() {
            Retry::After(span) => span.millis(),
            Retry::Never | Retry::Elsewhere => 0,
        };
        Duration::from_millis(pause.max(asked))
    }
}

/// Tries `call` until it succeeds or patience ends; `notice` hears of every failure that is tried again.
pub(crate) async fn trying<T, F>(
    patience: Patience,
    rng: &Mutex<Rng>,
    notice: impl Fn(&ProviderError),
    mut call: impl FnMut() -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let began = Instant::now();
    let mut backoff = Backoff::new();
    loop {
        match call().await {
            Ok(value) => return Ok(value),
            Err(error) if (patience.passes)(&error) => {
                let pause = backoff.after(&error, rng);
                if began.elapsed() + pause > patience.within.duration() {
                    return Err(error);
                }
                notice(&error);
                sleep(pause).await;
            }
            Err(error) => return Err(error),
        }
    }
}
