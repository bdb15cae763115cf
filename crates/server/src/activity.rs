//! Whether anybody needs the broker: runs that are driven, and connections that are open.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Counts what goes on.
#[derive(Debug, Clone)]
pub(crate) struct Activity(Arc<watch::Sender<usize>>);

/// Something that goes on, as long as it lives.
#[derive(Debug)]
pub(crate) struct Going(Activity);

impl Activity {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Something begins.
    pub(crate) fn begin(&self) -> Going {
        self.0.send_modify(|count| *count += 1);
        Going(self.clone())
    }

    /// How much goes on.
    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Returns when nothing has gone on for so long without a break.
    pub(crate) async fn idle(&self, span: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender lives in `self`, so the channel cannot close meanwhile.
            let _ = count.wait_for(|count| *count == 0).await;
            count.borrow_and_update();
            let begun = tokio::time::timeout(span, count.changed()).await;
            if begun.is_err() && *count.borrow() == 0 {
                return;
            }
        }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_that_is_broken_by_something_short_does_not_count() {
        let (activity, span) = (Activity::new(), Duration::from_secs(60));
        let began = tokio::time::Instant::now();
        let visits = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                drop(activity.begin());
            }
        };
        tokio::join!(activity.idle(span), visits);
        assert_eq!(began.elapsed().as_secs(), 3 * 50 + 60);
    }
}
