//! Removing what the source does not have.

use crate::engine::context::Context;
use crate::engine::error::EngineError;
use crate::engine::merge::{Merge, below, takes_part};
use crate::engine::observe::Notice;
use crate::engine::options::{Guard, Transfer};
use crate::engine::stats::Stats;
use welkin_store::{Failure, FailureKind};

/// Keys removed at a time.
const BATCH: usize = 500;

/// Counts what would be removed, holds it against the guard, then removes it. Two passes over the listings, so that
/// nothing is held in memory and the guard speaks before the first removal.
pub(super) async fn surplus(context: &Context, guard: Guard) -> Result<(), EngineError> {
    let (mut there, mut surplus) = (0_u64, 0_u64);
    let mut walk = Walk::open(context);
    while let Some((_, stays)) = walk.next().await? {
        there += 1;
        surplus += u64::from(!stays);
    }
    // An empty source is a wrong name, or a disk that is not mounted, more often than it is one.
    if walk.sources == 0 && surplus > 0 && !context.options().empties {
        return Err(EngineError::NothingFound { there });
    }
    let most = guard.most(there);
    if surplus > most {
        return Err(EngineError::Guarded { surplus, there, most });
    }
    if surplus == 0 {
        return Ok(());
    }
    let mut batch = Vec::new();
    let mut walk = Walk::open(context);
    while let Some((key, stays)) = walk.next().await? {
        if !stays {
            batch.push(key);
        }
        if batch.len() >= BATCH {
            remove(context, std::mem::take(&mut batch)).await?;
        }
    }
    remove(context, batch).await
}

/// Every object at the target that passes the filter.
struct Walk<'a> {
    transfer: &'a Transfer,
    merge: Merge<'a>,
    /// Objects of the source that came by.
    sources: u64,
}

impl<'a> Walk<'a> {
    fn open(context: &'a Context) -> Self {
        let transfer = &context.transfer;
        Self { transfer, merge: Merge::open(transfer, true), sources: 0 }
    }

    /// The next key, and whether the source has it.
    async fn next(&mut self) -> Result<Option<(String, bool)>, EngineError> {
        while let Some(pair) = self.merge.next().await.map_err(EngineError::Listing)? {
            self.sources += u64::from(pair.source.is_some());
            let filter = &self.transfer.options.filter;
            // What cannot be looked at now may be all that the target has and the source seems not to have.
            if let Some(source) = &pair.source
                && source.is_out_of_sight()
                && takes_part(filter, below(&self.transfer.source, &source.key), source)
            {
                let operation = format!("look at {} of {}", source.key, self.transfer.source);
                let why = "it can be looked at no more, so nothing is removed";
                return Err(EngineError::Listing(Failure::new(FailureKind::Forbidden, operation, why)));
            }
            let Some(target) = pair.target else { continue };
            let name = below(&self.transfer.target, &target.key);
            if !name.is_empty() && takes_part(filter, name, &target) {
                return Ok(Some((target.key, pair.source.is_some())));
            }
        }
        Ok(None)
    }
}

async fn remove(context: &Context, keys: Vec<String>) -> Result<(), EngineError> {
    if keys.is_empty() {
        return Ok(());
    }
    let target = &context.transfer.target.endpoint;
    let kept = target.delete(&context.patience(), &keys).await.map_err(EngineError::Fatal)?;
    for key in keys.iter().filter(|key| !kept.iter().any(|(name, _)| name == *key)) {
        Stats::add(&context.stats.deleted_objects, 1);
        context.observer.notice(&Notice::Deleted { key });
    }
    for (key, failure) in kept {
        let why = failure.to_string();
        Stats::add(&context.stats.failed_objects, 1);
        context.observer.notice(&Notice::Failed { key: &key, why: &why });
        context.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((key, why));
    }
    Ok(())
}
