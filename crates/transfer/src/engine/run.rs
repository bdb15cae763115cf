//! A transfer from beginning to end.

use crate::engine::context::{Context, now_ms};
use crate::engine::error::EngineError;
use crate::engine::feed::Feed;
use crate::engine::limiter::Limiter;
use crate::engine::observe::Observer;
use crate::engine::options::Transfer;
use crate::engine::spare::Spare;
use crate::engine::stats::{Snapshot, Stats};
use crate::engine::{lane, large, overlap, remove, steps, tuner};
use crate::journal::{Journal, Record, Resumed, settle};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What an object is worth beside its bytes when the rate is looked at: about what a request costs.
const OBJECT_WORTH: u64 = 32 << 10;

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything is at the target.
    Whole,
    /// Some objects could not be moved.
    Partly,
    /// It was told to stop.
    Stopped,
}

/// What a transfer did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Counts.
    pub counts: Snapshot,
    /// Objects that could not be moved and why; the first hundred.
    pub failures: Vec<(String, String)>,
}

/// Runs a transfer, or goes on with it, until it is over or `stop` completes.
///
/// Dropping the future ends it as the death of the process would. Without a journal nothing can go on later.
///
/// # Errors
/// [`EngineError`]; what was on record before still is.
pub async fn run(
    transfer: Transfer,
    journal: Option<(Journal, Resumed)>,
    limiter: Arc<Limiter>,
    stats: Arc<Stats>,
    observer: Arc<dyn Observer>,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, EngineError> {
    overlap::apart(&transfer).await?;
    let (journal, mut resumed) = match journal {
        Some((journal, resumed)) => (Some(journal), resumed),
        None => (None, Resumed::default()),
    };
    let (partials, past) = (std::mem::take(&mut resumed.uploads), resumed.past.take());
    let intents = std::mem::take(&mut resumed.intents);
    let delete = transfer.options.delete;
    let context = Context::new(transfer, limiter, stats, observer, journal, partials);
    if resumed.restarted && !context.transfer.target.endpoint.keeps_parts() {
        // A file keeps its length through a power cut, and zeros where its parts were.
        drop_leftovers(&context).await;
    }
    for (key, at_ms) in &intents {
        large::forget_lost(&context, key, *at_ms).await;
    }
    let (sender, receiver) = mpsc::channel(steps::AHEAD);
    let target = context.transfer.target.endpoint.limits();
    let whole = context.options().part_bytes.unwrap_or(target.part_bytes_best);
    let feed = Arc::new(Feed::new(receiver, whole.clamp(target.part_bytes_min, target.part_bytes_max)));
    let mut spare = Spare::default();
    spare.look();
    let mut crew = Crew {
        context: Arc::clone(&context),
        feed,
        lanes: JoinSet::new(),
        moved: 0,
        since: Instant::now(),
        spare,
    };
    let mut stop = pin!(stop);
    let producing = steps::produce(&context, past, sender);
    let seen = tokio::select! {
        (seen, ()) = async { tokio::join!(producing, crew.work()) } => Some(seen),
        () = context.halted.notified() => Some(None),
        () = &mut stop => None,
    };
    let mut stopped = seen.is_none();
    crew.lanes.shutdown().await;
    context.mark();
    if let Some(error) = context.take_halt() {
        let _ = context.sync(true);
        return Err(error);
    }
    let failed = context.stats.failed_objects.load(Ordering::Relaxed);
    if !stopped {
        drop_leftovers(&context).await;
        // A store may carry out what a killed process asked of it after it was looked for above.
        for (key, at_ms) in &intents {
            large::forget_lost(&context, key, *at_ms).await;
        }
        // Nothing is removed while something is missing.
        if let Some(guard) = delete.filter(|_| failed == 0) {
            stopped = !remove::surplus(&context, guard, stop).await?;
        }
    }
    let failed = context.stats.failed_objects.load(Ordering::Relaxed);
    let ended = match (stopped, failed) {
        (true, _) => Ended::Stopped,
        (false, 0) => Ended::Whole,
        (false, _) => Ended::Partly,
    };
    if ended != Ended::Stopped {
        context.record(&Record::Closed { whole: ended == Ended::Whole, at_ms: now_ms() });
    }
    context.sync(true)?;
    if let (Some(Some(seen)), Some(path), Some(journal)) = (seen, &context.options().pairs, &context.journal)
    {
        // Without it the next transfer asks more, and that is all.
        let _ = settle(path, seen, journal);
    }
    let failures = std::mem::take(&mut *context.failures.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Outcome { ended, counts: context.stats.snapshot(), failures })
}

/// The lanes, and who looks after them.
struct Crew {
    context: Arc<Context>,
    feed: Arc<Feed>,
    lanes: JoinSet<()>,
    moved: u64,
    since: Instant,
    spare: Spare,
}

impl Crew {
    async fn work(&mut self) {
        self.hire();
        let mut pause = tuner::WINDOW;
        let mut next = pin!(tokio::time::sleep(pause));
        loop {
            tokio::select! {
                ended = self.lanes.join_next() => {
                    if let Some(Err(error)) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                    if self.lanes.is_empty() {
                        return;
                    }
                }
                () = &mut next => {
                    pause = if self.look().await { tuner::WINDOW } else { (2 * pause).min(tuner::IDLE) };
                    next.as_mut().reset(Instant::now() + pause);
                }
            }
        }
    }

    /// Looks at the rate. Whether there may be something to see after another window: where nothing moved
    /// and nothing is to be put on record, a later look is as good.
    async fn look(&mut self) -> bool {
        let counts = self.context.stats.snapshot();
        let moved = counts.copied_bytes + counts.copied_objects * OBJECT_WORTH;
        let idle = moved == self.moved && self.context.journal.is_none();
        let rate = moved.saturating_sub(self.moved) as f64 / self.since.elapsed().as_secs_f64();
        (self.moved, self.since) = (moved, Instant::now());
        if self.context.tuner.observe(rate, self.spare.look()) {
            self.hire();
        }
        if self.context.journal.is_none() {
            return !idle;
        }
        self.context.mark();
        let context = Arc::clone(&self.context);
        let synced = tokio::task::spawn_blocking(move || context.sync(false)).await;
        if let Ok(Err(error)) = synced {
            self.context.halt(EngineError::Journal(error));
        }
        true
    }

    fn hire(&mut self) {
        for number in self.lanes.len()..self.context.tuner.lanes() {
            self.lanes.spawn(lane::work(Arc::clone(&self.context), Arc::clone(&self.feed), number));
        }
        self.context.stats.lanes.store(self.lanes.len() as u64, Ordering::Relaxed);
    }
}

/// Uploads of an earlier process whose objects the source does not have any more.
async fn drop_leftovers(context: &Context) {
    let left: Vec<_> = {
        let mut partials = context.partials.lock().unwrap_or_else(PoisonError::into_inner);
        partials.drain().map(|(_, partial)| partial.upload).collect()
    };
    for upload in left {
        large::drop_upload(context, &upload).await;
    }
}
