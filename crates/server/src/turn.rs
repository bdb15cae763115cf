//! Whose turn it is: those who submit, or the runs that are to begin.
//!
//! Beginning a run costs far more than taking one: a node is started, a script runs. When many are submitted at once, each
//! would be answered between the beginnings of those before it. So while submissions come by the dozen, runs that were taken
//! wait until it is quiet; those that have waited for long begin one after the other, so that a stream that never ends
//! keeps nobody waiting for ever. Whoever submits a few notices nothing: they begin at once.
//!
//! Nor do a thousand that were taken begin at once when it is quiet: what a run has in memory while it begins and ends would
//! be there a thousand times, and none would be over before most are. So many begin together as keep the processors busy, and
//! the next when one of them is over or has begun.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

/// So many submissions within so much time are a burst: 16 a second, more than people type and fewer than a loop in a shell.
const BURST: (usize, Duration) = (8, Duration::from_millis(500));

/// Pause between looks whether it is quiet.
const LOOK: Duration = Duration::from_millis(20);

/// How long a run waits for quiet, at most, before it begins all the same, in its turn.
const WAITS: Duration = Duration::from_secs(1);

/// Pause between runs that begin all the same: a run takes some 20 ms of a processor with its node, so that submissions have
/// most of one.
const SPACING: Duration = Duration::from_millis(50);

/// Runs that begin together, for each processor: each takes some 20 ms of one, and waits in between.
const TOGETHER: usize = 32;

/// How long a run begins, at most: where machines come in minutes, those that begin together are asked for each second.
const BEGINS: Duration = Duration::from_secs(1);

/// The turn of those who submit.
#[derive(Debug)]
pub(crate) struct Turn {
    /// When the last submissions came.
    came: Mutex<VecDeque<Instant>>,
    /// Held by the run that begins next though it is not quiet.
    next: tokio::sync::Mutex<()>,
    /// One for each run that may begin beside the others.
    places: Semaphore,
}

impl Default for Turn {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            came: Mutex::default(),
            next: tokio::sync::Mutex::default(),
            places: Semaphore::new(processors * TOGETHER),
        }
    }
}

impl Turn {
    /// A submission has come.
    pub(crate) fn submitted(&self) {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push_back(Instant::now());
        if came.len() > BURST.0 {
            came.pop_front();
        }
    }

    fn is_quiet(&self) -> bool {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.len() < BURST.0 || came.front().is_none_or(|first| first.elapsed() >= BURST.1)
    }

    /// Carries a run to its end, from when it may begin. What it has in memory is made then.
    pub(crate) async fn carry<R: Future<Output = ()>>(&self, run: impl FnOnce() -> R) {
        let place = self.to_begin().await;
        let mut run = Box::pin(run());
        if timeout(BEGINS, run.as_mut()).await.is_err() {
            drop(place);
            run.await;
        }
    }

    /// Returns when a run may begin, with its place among those that do.
    async fn to_begin(&self) -> SemaphorePermit<'_> {
        self.quiet().await;
        self.places.acquire().await.expect("it is never closed")
    }

    /// Returns when it is quiet, or a run may begin all the same.
    async fn quiet(&self) {
        let asked = Instant::now();
        while !self.is_quiet() {
            if asked.elapsed() < WAITS {
                sleep(LOOK).await;
                continue;
            }
            let _next = self.next.lock().await;
            if !self.is_quiet() {
                sleep(SPACING).await;
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Submits every 10 ms for so many seconds; gives when each run began, in milliseconds.
    async fn begun(seconds: u64) -> Vec<u128> {
        let (turn, began) = (Arc::new(Turn::default()), Instant::now());
        let mut runs = Vec::new();
        for _ in 0..seconds * 100 {
            turn.submitted();
            let turn = Arc::clone(&turn);
            runs.push(tokio::spawn(async move {
                drop(turn.to_begin().await);
                began.elapsed().as_millis()
            }));
            sleep(Duration::from_millis(10)).await;
        }
        let mut times = Vec::new();
        for run in runs {
            times.push(run.await.expect("it begins"));
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn submissions_by_the_dozen_come_before_runs_that_are_to_begin() {
        let times = begun(5).await;
        let meanwhile = times.iter().filter(|at| **at < 5_000).count();
        // The first before it is a burst, and one each 50 ms after a second.
        assert!((8..100).contains(&meanwhile), "{meanwhile}");
        assert!(times.iter().all(|at| *at < 6_000), "then all at once: {times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_never_ends_keeps_nobody_waiting_for_ever() {
        let times = begun(60).await;
        let meanwhile = times.iter().filter(|at| **at < 60_000).count();
        assert!(meanwhile > 1_000, "{meanwhile}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_begin_at_once() {
        let (turn, began) = (Turn::default(), Instant::now());
        for _ in 0..BURST.0 - 1 {
            turn.submitted();
            drop(turn.to_begin().await);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    /// How many of so many runs, which take so long, are under way at once at most, and how long all take.
    async fn carried(runs: usize, takes: Duration) -> (usize, Duration) {
        let (turn, began) = (Turn { places: Semaphore::new(4), ..Turn::default() }, Instant::now());
        let (under_way, most) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let run = async || {
            under_way.set(under_way.get() + 1);
            most.set(most.get().max(under_way.get()));
            sleep(takes).await;
            under_way.set(under_way.get() - 1);
        };
        futures::future::join_all((0..runs).map(|_| turn.carry(&run))).await;
        (most.get(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn runs_that_are_soon_over_are_few_at_once_and_those_that_last_keep_nobody_waiting() {
        let short = Duration::from_millis(100);
        assert_eq!(carried(40, short).await, (4, 10 * short));
        let (most, took) = carried(40, Duration::from_secs(3600)).await;
        assert_eq!((most, took), (40, Duration::from_secs(3600) + 9 * BEGINS));
    }
}
