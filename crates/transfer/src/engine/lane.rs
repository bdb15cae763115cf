//! One lane: takes a unit, does it, takes the next.

use crate::engine::context::Context;
use crate::engine::feed::{Feed, Unit};
use crate::engine::{content, large, whole};
use std::sync::Arc;

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
        Unit::Check(job) => match content::same(context, &job).await {
            Ok(true) => context.skipped(&job, "the content is the same"),
            Ok(false) => Box::pin(perform(context, feed, feed.copy(job))).await,
            Err(failure) => context.failed(&job, failure),
        },
    }
}
