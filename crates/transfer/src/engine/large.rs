//! Objects of several parts.
//!
//! One lane opens the object: it looks at the source (which gives version and metadata), records that an
//! upload will begin, begins it and records its name. Then any lane takes parts. Whoever brings the last one
//! merges the hashes and finishes. When the source changes, what arrived is dropped and, once, everything
//! begins again with the new version. What turns out to fit into one part is copied as one: the hash of a part alone is
//! not the one of an object.

use crate::engine::context::{Context, now_ms};
use crate::engine::job::Job;
use crate::engine::retry::Patience;
use crate::engine::retrying::Retrying;
use crate::engine::stats::Stats;
use crate::engine::{times, whole};
use crate::journal::{Done, Partial, Record};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use welkin_store::hash::{self, ChainingValue};
use welkin_store::{Failure, FailureKind, Metadata, Part, Piece, Read, Upload};

/// Times a part whose bytes were damaged on the way is read again.
const FRESH_READS: u32 = 3;

/// Length of the parts between two folders: those that are on their way fit into a cache, where the next step finds them,
/// and a file system still keeps each in one piece.
const BESIDE_BYTES: u64 = 2 << 20;

/// Parts of a file between two folders beyond which they become longer.
const PARTS_BESIDE: u64 = 8192;

/// An object under way.
#[derive(Debug)]
pub(super) struct Large {
    job: Job,
    upload: Upload,
    version: Option<String>,
    part_bytes: u64,
    count: u32,
    next: AtomicU32,
    parts: Mutex<Vec<Option<(Part, ChainingValue)>>>,
    /// Parts that did not arrive yet.
    left: AtomicUsize,
    broken: AtomicBool,
}

impl Large {
    /// A part that nobody has and that is nobody's.
    pub(super) fn claim(&self) -> Option<u32> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count || self.broken.load(Ordering::Relaxed) {
                return None;
            }
            if self.parts()[number as usize].is_none() {
                return Some(number);
            }
        }
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Vec<Option<(Part, ChainingValue)>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn length(&self, number: u32) -> usize {
        let offset = u64::from(number) * self.part_bytes;
        usize::try_from((self.job.source.size - offset).min(self.part_bytes)).unwrap_or(usize::MAX)
    }
}

/// What an object turns out to be when it is looked at.
enum Begun {
    Parts(Arc<Large>),
    /// It fits into one part of this length: it has shrunk, or the target takes no shorter ones.
    Whole(u64),
}

/// Times that an object is begun that shrinks and grows again.
const BEGINNINGS: u32 = 3;

/// Begins an object, or goes on with one. `None` when its fate is sealed already.
pub(super) async fn open(context: &Arc<Context>, mut job: Job) -> Option<Arc<Large>> {
    let mut beginnings = 0;
    let large = loop {
        beginnings += 1;
        match begin(context, &mut job).await {
            Ok(Begun::Parts(large)) => break large,
            Ok(Begun::Whole(part_bytes)) => {
                job = whole::copy_while(context, job, |job| job.source.size <= part_bytes).await?;
                if beginnings < BEGINNINGS {
                    continue;
                }
                let operation =
                    format!("read {} of {}", job.source.key, context.transfer.source.endpoint.name());
                context
                    .failed(&job, Failure::new(FailureKind::Changed, operation, "it changes all the time"));
                return None;
            }
            Err(failure) if job.is_marker(&failure) => context.skipped(&job, "it marks a folder"),
            Err(failure) => context.failed(&job, failure),
        }
        return None;
    };
    if large.left.load(Ordering::Relaxed) == 0 {
        // Everything had arrived before the process was killed.
        finish(context, &large).await;
        return None;
    }
    if !context.transfer.target.endpoint.limits().parts_in_any_order {
        while let Some(number) = large.claim() {
            Box::pin(part(context, &large, number)).await;
        }
        return None;
    }
    Some(large)
}

async fn begin(context: &Context, job: &mut Job) -> Result<Begun, Failure> {
    let (source, target) = (&context.transfer.source.endpoint, &context.transfer.target.endpoint);
    let key = job.source.key.clone();
    let fitting = |size: u64| {
        let beside = source.is_beside(target).then(|| size.div_ceil(PARTS_BESIDE).max(BESIDE_BYTES));
        let limits = target.limits();
        // Those of a long file are as long as anywhere: what is kept of each has a bound.
        let wanted = context.options().part_bytes.or(beside.map(|bytes| bytes.min(limits.part_bytes_best)));
        limits.part_bytes(size, wanted).map_err(|why| {
            Failure::new(FailureKind::TooLarge, format!("copy {} to {}", key, target.name()), why)
        })
    };
    fitting(job.source.size)?;
    let partial = context.partials.lock().unwrap_or_else(PoisonError::into_inner).remove(&job.key);
    let found = source.find(&context.patience(), &job.source.key).await?.ok_or_else(|| {
        let operation = format!("read {} of {}", job.source.key, source.name());
        Failure::new(FailureKind::NotFound, operation, "it is not there any more")
    })?;
    let part_bytes = fitting(found.listed.size)?;
    job.source = found.listed;
    if let Some(partial) = partial {
        let fits = partial.version == job.source.version
            && partial.size == job.source.size
            && job.source.version.is_some()
            && partial.size > partial.part_bytes;
        if fits {
            return Ok(Begun::Parts(Arc::new(go_on(context, job, partial))));
        }
        drop_upload(context, &partial.upload).await;
    }
    if job.source.size <= part_bytes {
        return Ok(Begun::Whole(part_bytes));
    }
    let metadata = times::dated(found.metadata, &job.source);
    let upload = begin_upload(context, job, &metadata, part_bytes).await?;
    let count = u32::try_from(job.source.size.div_ceil(part_bytes)).unwrap_or(u32::MAX);
    Ok(Begun::Parts(Arc::new(Large {
        upload,
        version: job.source.version.clone(),
        part_bytes,
        count,
        next: AtomicU32::new(0),
        parts: Mutex::new(vec![None; count as usize]),
        left: AtomicUsize::new(count as usize),
        broken: AtomicBool::new(false),
        job: job.clone(),
    })))
}

async fn begin_upload(
    context: &Context,
    job: &Job,
    metadata: &Metadata,
    part_bytes: u64,
) -> Result<Upload, Failure> {
    let target = &context.transfer.target.endpoint;
    let at_ms = now_ms();
    context.record(&Record::Intent { key: job.key.clone(), at_ms });
    let lengths = (job.source.size, part_bytes);
    let forget = || forget_lost(context, &job.key, at_ms);
    let upload = target.begin(&context.patience(), &job.key, metadata, lengths, forget).await?;
    context.record(&Record::Begun {
        key: job.key.clone(),
        upload: upload.id.clone(),
        version: job.source.version.clone(),
        size: job.source.size,
        part_bytes,
    });
    Ok(upload)
}

/// How far the clock of a store may be behind ours.
const CLOCK_SKEW_MS: i64 = 15 * 60 * 1000;

/// Gives up uploads of a key that began without their answer being heard: by key and by time, so that
/// nobody else's are touched that began long before.
pub(super) async fn forget_lost(context: &Context, key: &str, at_ms: i64) {
    let known = |id: &str| {
        let partials = context.partials.lock().unwrap_or_else(PoisonError::into_inner);
        partials.values().any(|partial| partial.upload.id == id)
    };
    forget_unknown(&context.transfer.target.endpoint, &context.patience(), key, at_ms, known).await;
}

/// The same, of those that are not `known`.
pub(super) async fn forget_unknown(
    target: &Retrying,
    patience: &Patience<'_>,
    key: &str,
    at_ms: i64,
    known: impl Fn(&str) -> bool + Send,
) {
    let Ok(dangling) = target.dangling(patience, key).await else { return };
    for lost in dangling {
        let ours = lost.upload.key == key && lost.begun_ms.is_none_or(|begun| begun >= at_ms - CLOCK_SKEW_MS);
        if ours && !known(&lost.upload.id) {
            // What cannot be dropped now is still an intent on record.
            let _ = target.abort(patience, &lost.upload).await;
        }
    }
}

fn go_on(context: &Context, job: &Job, partial: Partial) -> Large {
    let count = u32::try_from(partial.size.div_ceil(partial.part_bytes)).unwrap_or(u32::MAX);
    let mut parts = vec![None; count as usize];
    let mut there = 0;
    for (number, part) in partial.parts.into_iter().filter(|(number, _)| *number < count) {
        let offset = u64::from(number) * partial.part_bytes;
        Stats::add(&context.stats.resumed_bytes, (partial.size - offset).min(partial.part_bytes));
        parts[number as usize] = Some(part);
        there += 1;
    }
    Large {
        job: job.clone(),
        upload: partial.upload,
        version: partial.version,
        part_bytes: partial.part_bytes,
        count,
        next: AtomicU32::new(0),
        parts: Mutex::new(parts),
        left: AtomicUsize::new(count as usize - there),
        broken: AtomicBool::new(false),
    }
}

/// Moves a part, and finishes the object with the last one.
pub(super) async fn part(context: &Arc<Context>, large: &Arc<Large>, number: u32) {
    match move_part(context, large, number).await {
        Ok((part, chaining)) => {
            context.record(&Record::Part {
                key: large.upload.key.clone(),
                upload: large.upload.id.clone(),
                number,
                tag: part.tag.clone(),
                chaining: chaining.to_string(),
            });
            Stats::add(&context.stats.copied_bytes, large.length(number) as u64);
            large.parts()[number as usize] = Some((part, chaining));
            if large.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                finish(context, large).await;
            }
        }
        Err(failure) => give_up(context, large, failure).await,
    }
}

async fn move_part(context: &Context, large: &Large, number: u32) -> Result<(Part, ChainingValue), Failure> {
    let length = large.length(number);
    let offset = u64::from(number) * large.part_bytes;
    let (key, version) = (large.job.source.key.as_str(), large.version.as_deref());
    let what = Read { key, offset, length, whole: false, version };
    let (source, target) = (&context.transfer.source.endpoint, &context.transfer.target.endpoint);
    context.limiter.take(length as u64).await;
    if let Some(passed) = source.pass_part_on(target, what, (&large.upload, number), &context.pool).await {
        return Ok(passed);
    }
    let mut reads = 0;
    loop {
        reads += 1;
        let patience = context.patience();
        let read = source.read(&patience, what, &context.pool).await;
        let failure = match read {
            Ok(Piece { block, .. }) => {
                let block = Arc::new(block);
                match target.part(&patience, &large.upload, number, &block).await {
                    Ok(part) => return Ok((part, block.chaining())),
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        if failure.kind != FailureKind::Corrupt || reads >= FRESH_READS {
            return Err(failure);
        }
        Stats::add(&context.stats.retries, 1);
        context.limiter.take(length as u64).await;
    }
}

async fn finish(context: &Arc<Context>, large: &Arc<Large>) {
    let (parts, chaining): (Vec<_>, Vec<_>) =
        large.parts().iter().flatten().map(|(part, chaining)| (part.clone(), *chaining)).unzip();
    let root = hash::merge(&chaining, large.part_bytes);
    let target = &context.transfer.target.endpoint;
    match target.finish(&context.patience(), &large.upload, &parts, &root).await {
        Ok(target_version) => context.done(
            &large.job,
            Done {
                source: large.job.source.key.clone(),
                version: large.version.clone(),
                key: large.job.key.clone(),
                size: large.job.source.size,
                blake3: root.to_hex().to_string(),
                target_version,
                doubted: false,
            },
        ),
        Err(failure) => give_up(context, large, failure).await,
    }
}

/// Drops what arrived. A source that changed, or an upload that somebody ended, is begun again once.
async fn give_up(context: &Arc<Context>, large: &Arc<Large>, failure: Failure) {
    if large.broken.swap(true, Ordering::AcqRel) {
        return;
    }
    if !failure.ends_everything() {
        drop_upload(context, &large.upload).await;
    }
    let mut job = large.job.clone();
    let passes = match failure.kind {
        FailureKind::Changed => job.expected.is_none(),
        kind => kind == FailureKind::NotFound,
    };
    let again = passes && job.retries == 0;
    if !again {
        return context.failed(&job, failure);
    }
    job.retries += 1;
    if let Err(failure) = context.look_again(&mut job).await {
        return context.failed(&job, failure);
    }
    // By this lane alone: what happens rarely need not be fast.
    if let Some(large) = Box::pin(open(context, job)).await {
        while let Some(number) = large.claim() {
            Box::pin(part(context, &large, number)).await;
        }
    }
}

/// Gives an upload up, and records that. One that cannot be dropped now is left on record for the sweep.
pub(super) async fn drop_upload(context: &Context, upload: &Upload) {
    let target = &context.transfer.target.endpoint;
    if target.abort(&context.patience(), upload).await.is_ok() {
        context.record(&Record::Dropped { key: upload.key.clone(), upload: upload.id.clone() });
    }
}
