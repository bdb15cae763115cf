//! An endpoint that is only called with patience.
//!
//! The engine, and whoever looks at a place for it, never has an endpoint itself but this, and none of its methods can
//! be called without saying how long one goes on. So no call is left whose first 503 ends a transfer.
//!
//! *Listings:* a page that fails is asked for again. What comes after a failure is that page or a failure:
//! `None` in its place is not believed, because a listing that seems to be over and is not is what a mirror
//! removes objects for.

use crate::engine::retry::{Patience, pause_after};
use futures::FutureExt as _;
use std::sync::Arc;
use welkin_store::block::{Block, BlockPool};
use welkin_store::hash::ChainingValue;
use welkin_store::thread::at_once;
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, LeftOut, Limits, Listed, Lister, Metadata, Part, Piece,
    Read, Upload, Whereabouts,
};

/// Tries of a page: with pauses that double from 100 ms, some 12 s.
const PAGE_TRIES: u32 = 8;

/// An endpoint, for calls that are repeated.
#[derive(Clone)]
pub struct Retrying {
    endpoint: Arc<dyn Endpoint>,
}

impl Retrying {
    /// The endpoint, to be called like this from here on.
    #[must_use]
    pub fn new(endpoint: Arc<dyn Endpoint>) -> Self {
        Self { endpoint }
    }

    /// As [`Endpoint::name`].
    #[must_use]
    pub fn name(&self) -> String {
        self.endpoint.name()
    }

    /// As [`Endpoint::identity`].
    #[must_use]
    pub fn identity(&self) -> String {
        self.endpoint.identity()
    }

    /// As [`Endpoint::whereabouts`].
    pub async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        self.endpoint.whereabouts(prefix).await
    }

    /// As [`Endpoint::lists_mtimes`].
    #[must_use]
    pub fn lists_mtimes(&self) -> bool {
        self.endpoint.lists_mtimes()
    }

    /// As [`Endpoint::keeps_parts`].
    #[must_use]
    pub fn keeps_parts(&self) -> bool {
        self.endpoint.keeps_parts()
    }

    /// As [`Endpoint::twin_of`].
    #[must_use]
    pub fn twin_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        self.endpoint.twin_of(key)
    }

    /// As [`Endpoint::limits`].
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.endpoint.limits()
    }

    /// As [`Endpoint::list`].
    #[must_use]
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Pages {
        Pages { lister: Arc::clone(&self.endpoint).list(prefix, after) }
    }

    /// As [`Endpoint::find`].
    ///
    /// # Errors
    /// The last failure.
    pub async fn find(&self, patience: &Patience<'_>, key: &str) -> Result<Option<Found>, Failure> {
        patience.call(|| self.endpoint.find(key)).await
    }

    /// As [`Endpoint::read`], into a buffer of the pool.
    pub(crate) async fn read(
        &self,
        patience: &Patience<'_>,
        what: Read<'_>,
        pool: &BlockPool,
    ) -> Result<Piece, Failure> {
        let call = || async {
            let buffer = pool.lend(what.length).await;
            self.endpoint.read(what, buffer).await
        };
        patience.call(call).await
    }

    /// As [`Endpoint::put`].
    pub(crate) async fn put(
        &self,
        patience: &Patience<'_>,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        patience.call(|| self.endpoint.put(key, metadata, block)).await
    }

    /// Whether both places are folders, so that one thread may read and write.
    pub(super) fn is_beside(&self, to: &Self) -> bool {
        self.endpoint.is_files() && to.endpoint.is_files()
    }

    /// Reads objects and writes each as the key beside it, one after the other on one thread, where both places are folders.
    /// `None` for each where they are not, and of what failed in any way: whoever asks reads and writes that with
    /// patience then.
    pub(super) async fn pass_on<'a>(
        &self,
        to: &Self,
        objects: impl Iterator<Item = (Read<'a>, &'a str)>,
        pool: &BlockPool,
    ) -> Vec<Option<PassedOn>> {
        let objects: Vec<_> = objects.map(|(what, key)| (Wanted::new(what), key.to_owned())).collect();
        let count = objects.len();
        let mut passed = Vec::new();
        if self.is_beside(to) {
            let (source, target, pool) = (Arc::clone(&self.endpoint), Arc::clone(&to.endpoint), pool.clone());
            let waiting = Arc::new(());
            let waited_for = Arc::downgrade(&waiting);
            let all = at_once(move || async move {
                let mut passed = Vec::with_capacity(objects.len());
                // None is begun after whoever asks is gone.
                for (what, key) in objects.iter().take_while(|_| waited_for.strong_count() > 0) {
                    passed.push(pass(&*source, &*target, what, key, &pool).await);
                }
                Some(passed)
            });
            passed = all.await.unwrap_or_default();
            drop(waiting);
        }
        passed.resize_with(count, || None);
        passed
    }

    /// The same with a part of an upload.
    pub(super) async fn pass_part_on(
        &self,
        to: &Self,
        what: Read<'_>,
        (upload, number): (&Upload, u32),
        pool: &BlockPool,
    ) -> Option<(Part, ChainingValue)> {
        if !self.is_beside(to) {
            return None;
        }
        let buffer = pool.lend(what.length).await;
        let (source, target) = (Arc::clone(&self.endpoint), Arc::clone(&to.endpoint));
        let (what, upload) = (Wanted::new(what), upload.clone());
        at_once(move || async move {
            let block = Arc::new(source.read(what.read(), buffer).await.ok()?.block);
            let part = target.part(&upload, number, &block).await.ok()?;
            Some((part, block.chaining()))
        })
        .await
    }

    /// As [`Endpoint::begin`]. Before a repetition `forget` is awaited: the answer to the call before may be all that
    /// was lost of it.
    pub(crate) async fn begin<F: Future<Output = ()>>(
        &self,
        patience: &Patience<'_>,
        key: &str,
        metadata: &Metadata,
        (size, part_bytes): (u64, u64),
        forget: impl Fn() -> F,
    ) -> Result<Upload, Failure> {
        let mut first = true;
        let call = || {
            let lost = (!std::mem::take(&mut first)).then(&forget);
            async {
                if let Some(lost) = lost {
                    lost.await;
                }
                self.endpoint.begin(key, metadata, size, part_bytes).await
            }
        };
        patience.call(call).await
    }

    /// As [`Endpoint::part`].
    pub(crate) async fn part(
        &self,
        patience: &Patience<'_>,
        upload: &Upload,
        number: u32,
        block: &Arc<Block>,
    ) -> Result<Part, Failure> {
        patience.call(|| self.endpoint.part(upload, number, block)).await
    }

    /// As [`Endpoint::finish`].
    pub(crate) async fn finish(
        &self,
        patience: &Patience<'_>,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        patience.call(|| self.endpoint.finish(upload, parts, root)).await
    }

    /// As [`Endpoint::abort`].
    ///
    /// # Errors
    /// The last failure.
    pub async fn abort(&self, patience: &Patience<'_>, upload: &Upload) -> Result<(), Failure> {
        patience.call(|| self.endpoint.abort(upload)).await
    }

    /// As [`Endpoint::dangling`].
    ///
    /// # Errors
    /// The last failure.
    pub async fn dangling(&self, patience: &Patience<'_>, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        patience.call(|| self.endpoint.dangling(prefix)).await
    }

    /// As [`Endpoint::delete`]; what could not be removed for a reason that passes is tried again by itself.
    pub(crate) async fn delete(
        &self,
        patience: &Patience<'_>,
        keys: &[String],
    ) -> Result<Vec<(String, Failure)>, Failure> {
        let (mut left, mut kept, mut attempt) = (keys.to_vec(), Vec::new(), 0);
        loop {
            let failed = patience.call(|| self.endpoint.delete(&left)).await?;
            attempt += 1;
            let (again, for_good): (Vec<_>, Vec<_>) =
                failed.into_iter().partition(|(_, failure)| failure.passes());
            kept.extend(for_good);
            let Some((_, failure)) = again.first() else { return Ok(kept) };
            if !patience.waits(attempt, failure).await {
                kept.extend(again);
                return Ok(kept);
            }
            left = again.into_iter().map(|(key, _)| key).collect();
        }
    }
}

/// A [`Read`] that waits for nobody.
struct Wanted {
    key: String,
    offset: u64,
    length: usize,
    whole: bool,
    version: Option<String>,
}

impl Wanted {
    fn new(what: Read<'_>) -> Self {
        let Read { key, offset, length, whole, version } = what;
        Self { key: key.to_owned(), offset, length, whole, version: version.map(str::to_owned) }
    }

    fn read(&self) -> Read<'_> {
        let Self { key, offset, length, whole, version } = self;
        Read { key, offset: *offset, length: *length, whole: *whole, version: version.as_deref() }
    }
}

/// Reads an object and writes it as `key`. Memory that is not there at once is not waited for.
async fn pass(
    source: &dyn Endpoint,
    target: &dyn Endpoint,
    what: &Wanted,
    key: &str,
    pool: &BlockPool,
) -> Option<PassedOn> {
    let buffer = pool.lend(what.length).now_or_never()?;
    let Piece { block, metadata, version } = source.read(what.read(), buffer).await.ok()?;
    let block = Arc::new(block);
    let target_version = target.put(key, &metadata, &block).await.ok()?;
    Some(PassedOn { chaining: block.chaining(), version, target_version })
}

/// An object that was read and written.
pub(super) struct PassedOn {
    pub(super) chaining: ChainingValue,
    /// What was read.
    pub(super) version: Option<String>,
    /// What was written.
    pub(super) target_version: Option<String>,
}

/// Pages of a listing; one that fails in a way that passes is asked for again.
pub struct Pages {
    lister: Box<dyn Lister>,
}

impl Pages {
    /// As [`Lister::left_out`].
    pub fn left_out(&mut self) -> Vec<LeftOut> {
        self.lister.left_out()
    }

    /// As [`Lister::next_page`].
    ///
    /// # Errors
    /// The last failure of the page.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        let mut failed: Option<Failure> = None;
        let mut tries = 0;
        loop {
            match (self.lister.next_page().await, failed.take()) {
                (Ok(None), Some(failure)) => return Err(unfinished(failure)),
                (Ok(page), _) => return Ok(page),
                (Err(failure), _) => {
                    tries += 1;
                    if !failure.passes() || tries >= PAGE_TRIES {
                        return Err(failure);
                    }
                    tokio::time::sleep(pause_after(tries, &failure)).await;
                    failed = Some(failure);
                }
            }
        }
    }
}

fn unfinished(failure: Failure) -> Failure {
    let message = format!("{}; asked again, it did not say what follows", failure.message);
    Failure::new(FailureKind::Transient, failure.operation, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;

    /// Fails once in a way that passes, and says then that it is over.
    struct Loses(u32);

    #[async_trait]
    impl Lister for Loses {
        async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
            self.0 += 1;
            match self.0 {
                1 => Ok(Some(Vec::new())),
                2 => Err(Failure::new(FailureKind::Transient, "list x", "EIO")),
                _ => Ok(None),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_listing_is_not_believed_in_place_of_a_page_that_failed() {
        let mut pages = Pages { lister: Box::new(Loses(0)) };
        assert_eq!(pages.next_page().await.unwrap(), Some(Vec::new()));
        let failure = pages.next_page().await.unwrap_err();
        assert!(failure.to_string().contains("EIO; asked again"), "{failure}");
    }
}
