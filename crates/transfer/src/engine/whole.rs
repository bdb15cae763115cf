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

/// Moves an object; says how it ended.
pub(super) async fn copy(context: &Arc<Context>, feed: &Arc<Feed>, mut job: Job) {
    let mut starts = 0;
    loop {
        let failure = match attempt(context, &job).await {
            Ok(done) => return context.done(&job, done),
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
                Ok(()) => {}
                Err(failure) => return context.failed(&job, failure),
            }
            match feed.copy(job) {
                Unit::Whole(same) => job = same,
                // It has grown beyond one part.
                Unit::Open(grown) => return feed.opened(large::open(context, grown).await),
                Unit::Check(other) => job = other,
                Unit::Part(..) => return,
            }
            continue;
        }
        if job.is_marker(&failure) {
            return context.skipped(&job, "it marks a folder");
        }
        return context.failed(&job, failure);
    }
}

async fn attempt(context: &Context, job: &Job) -> Result<Done, Failure> {
    let size = usize::try_from(job.source.size).unwrap_or(usize::MAX);
    context.limiter.take(job.source.size).await;
    let (key, version) = (job.source.key.as_str(), job.source.version.as_deref());
    let what = Read { key, offset: 0, length: size, whole: true, version };
    let Transfer { source, target, .. } = &context.transfer;
    let passed = source.endpoint.pass_on(&target.endpoint, what, &job.key, &context.pool).await;
    let PassedOn { chaining, version, target_version } = match passed {
        Some(passed) => passed,
        None => read_and_write(context, job, what).await?,
    };
    Stats::add(&context.stats.copied_bytes, job.source.size);
    Ok(Done {
        source: job.source.key.clone(),
        version: version.or_else(|| job.source.version.clone()),
        key: job.key.clone(),
        size: job.source.size,
        blake3: chaining.to_string(),
        target_version,
    })
}

async fn read_and_write(context: &Context, job: &Job, what: Read<'_>) -> Result<PassedOn, Failure> {
    let (patience, Transfer { source, target, .. }) = (context.patience(), &context.transfer);
    let Piece { block, metadata, version } = source.endpoint.read(&patience, what, &context.pool).await?;
    let metadata = times::dated(metadata, &job.source);
    let block = Arc::new(block);
    let target_version = target.endpoint.put(&patience, &job.key, &metadata, &block).await?;
    Ok(PassedOn { chaining: block.chaining(), version, target_version })
}
