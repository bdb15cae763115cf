//! An endpoint that is only called with patience.
//!
//! The engine, and whoever looks at a place for it, never has an endpoint itself but this, and none of its methods can
//! be called without saying how long one goes on. So no call is left whose first 503 ends a transfer.
//!
//! *Listings:* a page that fails is asked for again. What comes after a failure is that page or a failure:
//! `None` in its place is not believed, because a listing that seems to be over and is not is what a mirror
//! removes objects for.

use crate::engine::retry::{Patience, pause_after};
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

    /// Reads an object and writes it as `key`, on one thread, where both places are folders. `None` where they are not,
    /// and where anything failed: whoever asks reads and writes with patience then.
    pub(super) async fn pass_on(
        &self,
        to: &Self,
        what: Read<'_>,
        key: &str,
        pool: &BlockPool,
    ) -> Option<PassedOn> {
        if !self.endpoint.is_files() || !to.endpoint.is_files() {
            return None;
        }
        let buffer = pool.lend(what.length).await;
        let (source, target) = (Arc::clone(&self.endpoint), Arc::clone(&to.endpoint));
        let (from, version, key) = (what.key.to_owned(), what.version.map(str::to_owned), key.to_owned());
        let (offset, length, whole) = (what.offset, what.length, what.whole);
        at_once(move || async move {
            let what = Read { key: &from, offset, length, whole, version: version.as_deref() };
            let Piece { block, metadata, version } = source.read(what, buffer).await.ok()?;
            let block = Arc::new(block);
            let target_version = target.put(&key, &metadata, &block).await.ok()?;
            Some(PassedOn { chaining: block.chaining(), version, target_version })
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
