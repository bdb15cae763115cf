//! One lane: takes a unit, does it, takes the next.

use crate::engine::context::Context;
use crate::engine::feed::{Feed, Unit};
use crate::engine::{content, large, whole};
use std::sync::Arc;

/// Works until there is nothing left, or until there are lanes enough without it.
pub(super) async fn work(context: Arc<Context>, feed: Arc<Feed>, number: usize) {
    let mut taken = None;
    // What was taken is done: nobody else has it.
    while taken.is_some() || number < context.tuner.lanes() && !context.is_halted() {
        let unit = match taken.take() {
            Some(unit) => unit,
            None => match feed.next().await {
                Some(unit) => unit,
                None => return,
            },
        };
        taken = perform(&context, &feed, unit).await;
    }
}

/// Does a unit. Returns another that was taken on the way.
async fn perform(context: &Arc<Context>, feed: &Arc<Feed>, unit: Unit) -> Option<Unit> {
    match unit {
        Unit::Whole(job) => return whole::copy_ready(context, feed, job).await,
        Unit::Part(large, number) => large::part(context, &large, number).await,
        Unit::Open(job) => {
            let opened = large::open(context, job).await;
            feed.opened(opened);
        }
        Unit::Check(mut job) => match content::same(context, &job).await {
            Ok(true) => match job.doubted.take() {
                Some(done) => context.seen(&job, *done),
                None => context.skipped(&job, "the content is the same"),
            },
            Ok(false) => return Box::pin(perform(context, feed, feed.copy(job))).await,
            Err(failure) => context.failed(&job, failure),
        },
    }
    None
}
