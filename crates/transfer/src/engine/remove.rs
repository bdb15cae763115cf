//! Removing what the source does not have.

use crate::engine::context::Context;
use crate::engine::error::EngineError;
use crate::engine::merge::{Merge, below, takes_part};
use crate::engine::observe::Notice;
use crate::engine::options::{Guard, Transfer};
use crate::engine::stats::Stats;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use welkin_store::{Failure, FailureKind};

/// Keys removed at a time.
const BATCH: usize = 500;

/// Counts what would be removed, holds it against the guard, then removes it; says whether it got to the end before
/// `stop` completed, which is looked at before each batch. Two passes over the listings, so that the guard speaks before
/// the first removal. Of the first nothing is kept but a number for each key: only what it counted is removed.
pub(super) async fn surplus(
    context: &Context,
    guard: Guard,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<bool, EngineError> {
    let (mut there, mut nameless, mut counted) = (0_u64, 0_u64, Counted::default());
    let mut walk = Walk::open(context);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop => return Ok(false),
            next = walk.next() => next?,
        };
        let Some((key, fate)) = next else { break };
        there += 1;
        match fate {
            Fate::Stays => {}
            Fate::Surplus => counted.add(&key),
            Fate::Nameless => {
                nameless += 1;
                failed(context, key, "its name is not UTF-8, so that it cannot be removed".to_owned());
            }
        }
    }
    let surplus = counted.seal() + nameless;
    // It listed objects when they were copied.
    walk.lists_no_less(context.stats.source_objects.load(Ordering::Relaxed))?;
    // An empty source is a wrong name, or a disk that is not mounted, more often than it is one.
    if walk.sources == 0 && surplus > 0 && !context.options().empties {
        return Err(EngineError::NothingFound { there });
    }
    let most = guard.most(there);
    if surplus > most {
        return Err(EngineError::Guarded { surplus, there, most });
    }
    if surplus == 0 {
        return Ok(true);
    }
    let mut batch = Vec::new();
    let mut walk = Walk::open_again(context, walk.sources).await?;
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop => return Ok(false),
            next = walk.next() => next?,
        };
        let over = next.is_none();
        let goes = next.filter(|(key, fate)| *fate == Fate::Surplus && counted.holds(key));
        batch.extend(goes.map(|(key, _)| key));
        if batch.len() >= BATCH || over {
            remove(context, std::mem::take(&mut batch)).await?;
        }
        if over {
            return Ok(true);
        }
    }
}

/// Keys that were counted: 8 bytes of each, under a key that nobody knows.
#[derive(Default)]
struct Counted {
    by: RandomState,
    keys: Vec<u64>,
}

impl Counted {
    fn add(&mut self, key: &str) {
        self.keys.push(self.by.hash_one(key));
    }

    /// Ends the counting; how many they are.
    fn seal(&mut self) -> u64 {
        self.keys.sort_unstable();
        self.keys.len() as u64
    }

    fn holds(&self, key: &str) -> bool {
        self.keys.binary_search(&self.by.hash_one(key)).is_ok()
    }
}

/// What becomes of an object at the target.
#[derive(PartialEq, Eq)]
enum Fate {
    Stays,
    Surplus,
    /// It would be removed, and its name is not known.
    Nameless,
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

    /// The same where the source listed so many objects a moment ago.
    async fn open_again(context: &'a Context, before: u64) -> Result<Self, EngineError> {
        let mut walk = Self::open(context);
        if walk.merge.source_is_empty().await.map_err(EngineError::Listing)? {
            walk.lists_no_less(before)?;
        }
        Ok(walk)
    }

    /// Fails where the source lists nothing, and listed something before: a disk that was unmounted, or a store that does
    /// not know better.
    fn lists_no_less(&self, before: u64) -> Result<(), EngineError> {
        if self.sources > 0 || before == 0 {
            return Ok(());
        }
        let operation = format!("compare with {}", self.transfer.source);
        let why = format!("it lists nothing now, and listed {before} objects before, so nothing is removed");
        Err(EngineError::Listing(Failure::new(FailureKind::Changed, operation, why)))
    }

    /// The next key, and what becomes of it.
    async fn next(&mut self) -> Result<Option<(String, Fate)>, EngineError> {
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
                let fate = match pair.source {
                    Some(_) => Fate::Stays,
                    None if target.is_nameless() => Fate::Nameless,
                    None => Fate::Surplus,
                };
                return Ok(Some((target.key, fate)));
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
        failed(context, key, failure.to_string());
    }
    Ok(())
}

/// What is not removed though it is surplus.
fn failed(context: &Context, key: String, why: String) {
    Stats::add(&context.stats.failed_objects, 1);
    context.observer.notice(&Notice::Failed { key: &key, why: &why });
    context.failures.lock().unwrap_or_else(PoisonError::into_inner).push((key, why));
}
