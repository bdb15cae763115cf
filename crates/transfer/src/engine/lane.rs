//! One lane: takes a unit, does it, takes the next.

use crate::engine::context::Context;
use crate::engine::feed::{Feed, Unit};
use crate::engine::job::Job;
use crate::engine::{large, whole};
use std::sync::Arc;
use welkin_store::{Failure, FailureKind};

/// Works until there is nothing left, or until there are lanes enough without it.
pub(super) async fn work(context: Arc<Context>, feed: Arc<Feed>, number: usize) {
    while number < context.tuner.lanes() && !context.is_halted() {
        match feed.next().await {
            Some(unit) => perform(&context, &feed, unit).await,
            None => return,
        }
    }
}

async fn perform(context: &Arc<Context>, feed: &Arc<Feed>, unit: Unit) {
    match unit {
        Unit::Whole(job) => whole::copy(context, feed, job).await,
        Unit::Part(large, number) => large::part(context, &large, number).await,
        Unit::Open(job) => {
            let opened = large::open(context, job).await;
            feed.opened(opened);
        }
        Unit::Check(job) => match whole::same(context, &job).await {
            Ok(true) => context.skipped(&job, "the content is the same"),
            Ok(false) => Box::pin(perform(context, feed, feed.copy(job))).await,
            Err(failure) => context.failed(&job, failure),
        },
    }
}

/// Whether a job that failed is to be skipped: a marker of a folder, where the target has real folders.
pub(super) fn is_marker(job: &Job, failure: &Failure) -> bool {
    job.source.size == 0 && job.source.key.ends_with('/') && failure.kind == FailureKind::Unsupported
}
