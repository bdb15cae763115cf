//! Objects of one part.

use crate::engine::context::Context;
use crate::engine::feed::{Feed, Unit};
use crate::engine::job::Job;
use crate::engine::options::{Side, Transfer};
use crate::engine::retrying::PassedOn;
use crate::engine::stats::Stats;
use crate::engine::{Compare, lane, large, times};
use crate::journal::Done;
use std::sync::Arc;
use welkin_store::block::Block;
use welkin_store::hash;
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
            match look_again(context, &mut job).await {
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
        if lane::is_marker(&job, &failure) {
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

/// The job as the source has it now.
pub(super) async fn look_again(context: &Context, job: &mut Job) -> Result<(), Failure> {
    let source = &context.transfer.source.endpoint;
    match source.find(&context.patience(), &job.source.key).await? {
        Some(found) => {
            job.source = found.listed;
            Ok(())
        }
        None => {
            let operation = format!("read {} of {}", job.source.key, source.name());
            Err(Failure::new(FailureKind::NotFound, operation, "it is not there any more"))
        }
    }
}

/// Whether both sides have the same content: by the sums that both places keep, else by reading both.
pub(super) async fn same(context: &Context, job: &Job) -> Result<bool, Failure> {
    if let Some(expected) = job.expected {
        return is_there(context, job, expected).await;
    }
    if context.options().compare == Compare::Time {
        return times::same(context, job).await;
    }
    let (source, target) = (&context.transfer.source, &context.transfer.target);
    let ours = source.endpoint.find(&context.patience(), &job.source.key).await?;
    let theirs = target.endpoint.find(&context.patience(), &job.key).await?;
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return Ok(false) };
    if ours.listed.size != theirs.listed.size {
        return Ok(false);
    }
    if let Some((ours, theirs)) = ours.crc64.zip(theirs.crc64) {
        return Ok(ours == theirs);
    }
    let size = ours.listed.size;
    let step = context.options().part_bytes.unwrap_or(large::COMPARE_BYTES);
    let mut offset = 0;
    while offset < size {
        let length = usize::try_from((size - offset).min(step)).unwrap_or(usize::MAX);
        let (left, right) = (
            part(context, source, &job.source.key, offset, length, size),
            part(context, target, &job.key, offset, length, size),
        );
        let (left, right) = futures::try_join!(left, right)?;
        if left.chaining() != right.chaining() {
            return Ok(false);
        }
        offset += length as u64;
    }
    Ok(true)
}

/// Whether the target has the content of that hash.
async fn is_there(context: &Context, job: &Job, expected: blake3::Hash) -> Result<bool, Failure> {
    let target = &context.transfer.target;
    let size = job.source.size;
    match target.endpoint.find(&context.patience(), &job.key).await? {
        Some(found) if found.listed.size == size => {}
        _ => return Ok(false),
    }
    let mut parts = Vec::new();
    let mut offset = 0;
    while offset < size || parts.is_empty() {
        let length = usize::try_from((size - offset).min(large::COMPARE_BYTES)).unwrap_or(usize::MAX);
        parts.push(part(context, target, &job.key, offset, length, size).await?.chaining());
        offset += length as u64;
    }
    Ok(hash::merge(&parts, large::COMPARE_BYTES) == expected)
}

async fn part(
    context: &Context,
    side: &Side,
    key: &str,
    offset: u64,
    length: usize,
    size: u64,
) -> Result<Block, Failure> {
    context.limiter.take(length as u64).await;
    let whole = length as u64 == size;
    let what = Read { key, offset, length, whole, version: None };
    let piece = side.endpoint.read(&context.patience(), what, &context.pool).await?;
    Ok(piece.block)
}
