//! Objects of one part.

use crate::engine::context::Context;
use crate::engine::feed::{Feed, Unit};
use crate::engine::job::Job;
use crate::engine::options::Transfer;
use crate::engine::retrying::PassedOn;
use crate::engine::stats::Stats;
use crate::engine::{large, times};
use crate::journal::Done;
use std::sync::Arc;
use welkin_store::{Failure, FailureKind, Piece, Read};

/// Times an object is read again because it changed, or because its bytes were damaged on the way.
const FRESH_STARTS: u32 = 3;

/// Objects between two folders that one thread copies before it is heard of again: to wake two threads for each costs as
/// much as to open, write and close its file.
const TOGETHER: usize = 16;

/// Bytes of them from which on it is enough.
const TOGETHER_BYTES: u64 = 1 << 20;

/// Moves an object, and together with it some that are ready where both places are folders. Returns what else was taken
/// from the feed.
pub(super) async fn copy_ready(context: &Arc<Context>, feed: &Arc<Feed>, job: Job) -> Option<Unit> {
    let Transfer { source, target, .. } = &context.transfer;
    if !source.endpoint.is_beside(&target.endpoint) {
        copy(context, feed, job).await;
        return None;
    }
    // Not what other lanes could do meanwhile.
    let most = feed.share(context.tuner.lanes()).min(TOGETHER);
    let (mut bytes, mut jobs, mut other) = (job.source.size, vec![job], None);
    while jobs.len() < most && bytes < TOGETHER_BYTES && other.is_none() {
        match feed.ready() {
            Some(Unit::Whole(job)) => {
                bytes += job.source.size;
                jobs.push(job);
            }
            None => break,
            unit => other = unit,
        }
    }
    context.limiter.take(bytes).await;
    let objects = jobs.iter().map(|job| (whole(job), job.key.as_str()));
    let passed = source.endpoint.pass_on(&target.endpoint, objects, &context.pool).await;
    let (mut arrived, mut failed) = (Vec::new(), Vec::new());
    for (job, passed) in jobs.into_iter().zip(passed) {
        match passed {
            Some(passed) => {
                let done = done(context, &job, passed);
                arrived.push((job, done));
            }
            None => failed.push(job),
        }
    }
    context.done_together(arrived);
    for job in failed {
        copy(context, feed, job).await;
    }
    other
}

/// Moves an object.
async fn copy(context: &Arc<Context>, feed: &Arc<Feed>, job: Job) {
    if let Some(grown) = copy_while(context, job, |job| feed.fits(job)).await
        && let Unit::Open(grown) = feed.copy(grown)
    {
        feed.opened(large::open(context, grown).await);
    }
}

/// Moves an object that fits into one part. Returns it when it has grown beyond that meanwhile; else its fate is sealed.
pub(super) async fn copy_while(context: &Context, mut job: Job, fits: impl Fn(&Job) -> bool) -> Option<Job> {
    let mut starts = 0;
    loop {
        let failure = match attempt(context, &job).await {
            Ok(done) => {
                context.done(&job, done);
                return None;
            }
            Err(failure) => failure,
        };
        starts += 1;
        let fresh = match failure.kind {
            FailureKind::Corrupt => true,
            // What must have a certain content is not helped by a newer one.
            FailureKind::Changed => job.expected.is_none(),
            _ => false,
        };
        if fresh && starts < FRESH_STARTS {
            Stats::add(&context.stats.retries, 1);
            match context.look_again(&mut job).await {
                Ok(()) if fits(&job) => {}
                Ok(()) => return Some(job),
                Err(failure) => {
                    context.failed(&job, failure);
                    return None;
                }
            }
            continue;
        }
        if job.is_marker(&failure) {
            context.skipped(&job, "it marks a folder");
        } else {
            context.failed(&job, failure);
        }
        return None;
    }
}

async fn attempt(context: &Context, job: &Job) -> Result<Done, Failure> {
    context.limiter.take(job.source.size).await;
    let (patience, Transfer { source, target, .. }) = (context.patience(), &context.transfer);
    let Piece { block, metadata, version } =
        source.endpoint.read(&patience, whole(job), &context.pool).await?;
    let metadata = times::dated(metadata, &job.source);
    let block = Arc::new(block);
    let target_version = target.endpoint.put(&patience, &job.key, &metadata, &block).await?;
    Ok(done(context, job, PassedOn { chaining: block.chaining(), version, target_version }))
}

/// All of an object.
fn whole(job: &Job) -> Read<'_> {
    let length = usize::try_from(job.source.size).unwrap_or(usize::MAX);
    let (key, version) = (job.source.key.as_str(), job.source.version.as_deref());
    Read { key, offset: 0, length, whole: true, version }
}

/// Counts an object that is there now.
fn done(context: &Context, job: &Job, passed: PassedOn) -> Done {
    let PassedOn { chaining, version, target_version } = passed;
    Stats::add(&context.stats.copied_bytes, job.source.size);
    Done {
        source: job.source.key.clone(),
        version: version.or_else(|| job.source.version.clone()),
        key: job.key.clone(),
        size: job.source.size,
        blake3: chaining.to_string(),
        target_version,
        doubted: false,
    }
}
