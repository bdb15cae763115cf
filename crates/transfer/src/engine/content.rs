//! Whether both sides have the same content, where versions and times do not say.

use crate::engine::compare::Compare;
use crate::engine::context::Context;
use crate::engine::job::Job;
use crate::engine::options::Side;
use crate::engine::times;
use welkin_store::hash::{self, ChainingValue};
use welkin_store::{Failure, Read};

/// Most bytes that are compared at a time.
const COMPARE_BYTES: u64 = 8 << 20;

/// Whether both sides have the same content: by the sums that both places keep, else by reading both.
pub(super) async fn same(context: &Context, job: &Job) -> Result<bool, Failure> {
    if let Some(expected) = job.expected {
        return is_there(context, job, expected).await;
    }
    if let Some(done) = &job.doubted {
        return match blake3::Hash::from_hex(&done.blake3) {
            Ok(recorded) => is_there(context, job, recorded).await,
            Err(_) => Ok(false),
        };
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
    let wanted = context.options().part_bytes.unwrap_or(COMPARE_BYTES);
    let step = wanted.clamp(hash::MIN_PART_BYTES, COMPARE_BYTES).next_power_of_two();
    let mut offset = 0;
    while offset < size {
        let length = usize::try_from((size - offset).min(step)).unwrap_or(usize::MAX);
        let (left, right) = (
            part(context, source, &job.source.key, offset, length, size),
            part(context, target, &job.key, offset, length, size),
        );
        let (left, right) = futures::try_join!(left, right)?;
        if left != right {
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
        let length = usize::try_from((size - offset).min(COMPARE_BYTES)).unwrap_or(usize::MAX);
        parts.push(part(context, target, &job.key, offset, length, size).await?);
        offset += length as u64;
    }
    Ok(hash::merge(&parts, COMPARE_BYTES) == expected)
}

/// The hash of a part. Its memory is given back at once: who keeps one side while waiting for memory for the other waits
/// for ever where all others do the same.
async fn part(
    context: &Context,
    side: &Side,
    key: &str,
    offset: u64,
    length: usize,
    size: u64,
) -> Result<ChainingValue, Failure> {
    context.limiter.take(length as u64).await;
    let whole = length as u64 == size;
    let what = Read { key, offset, length, whole, version: None };
    let piece = side.endpoint.read(&context.patience(), what, &context.pool).await?;
    Ok(piece.block.chaining())
}
