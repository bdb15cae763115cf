//! A store, as trees use it: by keys, each call repeated as long as its failure passes.
//!
//! Objects are read and written in parts of [`PART_BYTES`], several at a time, so that a store across a network is
//! waited for once and not once for each part. Every byte is hashed as it is first read and compared when it is last
//! written.
//!
//! *Memory:* [`MEMORY`], whatever the size and number of files.

use crate::engine::{Patience, Retrying};
use crate::tree::error::TransferError;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;
use welkin_store::block::{Block, BlockPool, BlockWriter};
use welkin_store::hash::{self, ChainingValue};
use welkin_store::{Endpoint, Failure, FailureKind, Found, Listed, Metadata, Part, Read, Upload};

/// Size of a part: above the 5 MiB that S3 asks for, small enough to hold several in memory. Longer ones are taken only
/// where a store would not take as many.
pub const PART_BYTES: u64 = 8 << 20;

/// Bytes on their way at a time: four parts.
const MEMORY: usize = 4 * PART_BYTES as usize;

/// Files on their way at a time, and parts of each.
pub(crate) const AT_ONCE: usize = 8;

/// Tries of a call: with pauses that double from 100 ms, some 6 s. Eight calls at a time meet a busy store eight times as
/// often as one. A broker has patience of its own beside this; a node has not.
pub(crate) const TRIES: u32 = 7;

/// Keys that are removed by one call: what S3 takes.
const REMOVED_AT_ONCE: usize = 1000;

pub(crate) struct Shelf {
    store: Retrying,
    pool: BlockPool,
    patience: Patience<'static>,
}

impl Shelf {
    pub(crate) fn new(store: &Arc<dyn Endpoint>) -> Self {
        let store = Retrying::new(Arc::clone(store));
        Self { store, pool: BlockPool::new(MEMORY), patience: Patience::alone(TRIES) }
    }

    pub(crate) async fn find(&self, key: &str) -> Result<Option<Found>, TransferError> {
        Ok(self.store.find(&self.patience, key).await?)
    }

    /// Everything whose key begins with this.
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>, TransferError> {
        let mut pages = self.store.list(prefix, None);
        let mut all = Vec::new();
        while let Some(page) = pages.next_page().await? {
            all.extend(page);
        }
        match all.iter().find(|listed| listed.is_out_of_sight()) {
            // Looking at it says why it cannot be looked at.
            Some(unseen) => Err(self.why_unseen(&unseen.key).await),
            None => Ok(all),
        }
    }

    async fn why_unseen(&self, key: &str) -> TransferError {
        let what = Read { key, offset: 0, length: 0, whole: false, version: None };
        match self.store.read(&self.patience, what, &self.pool).await {
            Err(failure) => failure.into(),
            Ok(_) => {
                let operation = format!("list {key} of {}", self.store.name());
                Failure::new(FailureKind::Changed, operation, "it was out of sight and came back").into()
            }
        }
    }

    /// Removes objects, in this order; those that are not there are no failure.
    pub(crate) async fn remove(&self, keys: &[String]) -> Result<(), TransferError> {
        for keys in keys.chunks(REMOVED_AT_ONCE) {
            let kept = self.store.delete(&self.patience, keys).await?;
            if let Some((_, failure)) = kept.into_iter().next() {
                return Err(failure.into());
            }
        }
        Ok(())
    }

    /// What somebody began to write below a folder and did not finish.
    pub(crate) async fn unfinished(&self, folder: &str) -> Result<Vec<Upload>, TransferError> {
        let left = self.store.dangling(&self.patience, folder).await?;
        Ok(left.into_iter().map(|left| left.upload).collect())
    }

    pub(crate) async fn give_up(&self, unfinished: &[Upload]) -> Result<(), TransferError> {
        for upload in unfinished {
            self.store.abort(&self.patience, upload).await?;
        }
        Ok(())
    }

    pub(crate) async fn put(&self, key: &str, block: &Arc<Block>) -> Result<(), TransferError> {
        self.store.put(&self.patience, key, &Metadata::default(), block).await?;
        Ok(())
    }

    /// An object of this size, whose parts come from `part`, which also hears when they have arrived.
    pub(crate) async fn write<'a, S: Source + 'a>(
        &self,
        key: &str,
        size: u64,
        source: &'a S,
    ) -> Result<blake3::Hash, TransferError> {
        let parts = Parts::of(size, self.part_bytes(key, size)?);
        let [only] = parts.0[..] else { return self.write_parts(key, size, &parts, source).await };
        let block = self.block(source, only).await?;
        self.put(key, &block).await?;
        source.written(only.length);
        Ok(hash::merge(&[block.chaining()], PART_BYTES))
    }

    async fn write_parts<S: Source>(
        &self,
        key: &str,
        size: u64,
        parts: &Parts,
        source: &S,
    ) -> Result<blake3::Hash, TransferError> {
        let (metadata, length) = (Metadata::default(), (size, parts.1));
        let forget = || self.forget(key);
        let upload = self.store.begin(&self.patience, key, &metadata, length, forget).await?;
        let sent = self.send(&upload, parts, source).await;
        let finished = match sent {
            Ok((receipts, root)) => {
                let finish = self.store.finish(&self.patience, &upload, &receipts, &root).await;
                finish.map(|_| root).map_err(TransferError::from)
            }
            Err(error) => Err(error),
        };
        if finished.is_err() {
            // It has failed already; a store that keeps the parts is asked again with the next publication.
            let _ = self.store.abort(&Patience::alone(1), &upload).await;
        }
        finished
    }

    /// Gives up what a call began whose answer was lost.
    async fn forget(&self, key: &str) {
        let once = Patience::alone(1);
        // What cannot be given up now is with the next publication.
        for left in self.store.dangling(&once, key).await.unwrap_or_default() {
            if left.upload.key == key {
                let _ = self.store.abort(&once, &left.upload).await;
            }
        }
    }

    async fn send<S: Source>(
        &self,
        upload: &Upload,
        parts: &Parts,
        source: &S,
    ) -> Result<(Vec<Part>, blake3::Hash), TransferError> {
        let at_once = if self.store.limits().parts_in_any_order { AT_ONCE } else { 1 };
        let sent = futures::stream::iter((0..).zip(parts.0.clone()))
            .map(|(number, piece)| async move {
                let block = self.block(source, piece).await?;
                let part = self.store.part(&self.patience, upload, number, &block).await?;
                source.written(piece.length);
                Ok::<_, TransferError>((part, block.chaining()))
            })
            .buffered(at_once);
        let (receipts, sums): (Vec<_>, Vec<_>) = sent.try_collect::<Vec<_>>().await?.into_iter().unzip();
        Ok((receipts, hash::merge(&sums, parts.1)))
    }

    async fn block<S: Source>(&self, source: &S, piece: Span) -> Result<Arc<Block>, TransferError> {
        let buffer = self.pool.lend(piece.length).await;
        let writer = BlockWriter::new(buffer, piece.offset, piece.length, piece.whole);
        source.read(writer).await.map(Arc::new)
    }

    fn part_bytes(&self, key: &str, size: u64) -> Result<u64, TransferError> {
        self.store.limits().part_bytes(size, Some(PART_BYTES)).map_err(|why| {
            let operation = format!("write {key} to {}", self.store.name());
            Failure::new(FailureKind::TooLarge, operation, why).into()
        })
    }

    /// The hash of an object that has this size, after each part of it was taken by `target`.
    pub(crate) async fn read<T: Target>(
        &self,
        key: &str,
        size: u64,
        target: &T,
    ) -> Result<blake3::Hash, TransferError> {
        let parts = Parts::of(size, PART_BYTES);
        let version = match parts.0[..] {
            // The whole of an object is read as such: the store says when it is longer.
            [_] => None,
            _ => self.version(key, size).await?,
        };
        let version = version.as_deref();
        let read = futures::stream::iter(parts.0.clone())
            .map(|piece| async move {
                let Span { offset, length, whole } = piece;
                let what = Read { key, offset, length, whole, version };
                let read = self.store.read(&self.patience, what, &self.pool).await;
                let block = match read {
                    Ok(piece) => Arc::new(piece.block),
                    Err(failure) => return Err(self.why(key, size, failure).await),
                };
                target.take(&block).await?;
                Ok::<_, TransferError>(block.chaining())
            })
            .buffered(AT_ONCE);
        let sums: Vec<ChainingValue> = read.try_collect().await?;
        Ok(hash::merge(&sums, PART_BYTES))
    }

    /// The version of an object that must have this size.
    async fn version(&self, key: &str, size: u64) -> Result<Option<String>, TransferError> {
        let found = self.find(key).await?.ok_or_else(|| TransferError::Missing { object: key.to_owned() })?;
        if found.listed.size == size { Ok(found.listed.version) } else { Err(wrong_size(key, size, &found)) }
    }

    /// A read that failed, by what there is now.
    async fn why(&self, key: &str, size: u64, failure: Failure) -> TransferError {
        match failure.kind {
            FailureKind::NotFound => TransferError::Missing { object: key.to_owned() },
            FailureKind::Changed => match self.find(key).await {
                Ok(Some(found)) if found.listed.size != size => wrong_size(key, size, &found),
                _ => failure.into(),
            },
            _ => failure.into(),
        }
    }
}

fn wrong_size(key: &str, expected: u64, found: &Found) -> TransferError {
    TransferError::WrongSize { object: key.to_owned(), expected, found: found.listed.size }
}

/// What is written to a store.
pub(crate) trait Source: Sync {
    /// Fills a block.
    fn read(&self, writer: BlockWriter) -> impl Future<Output = Result<Block, TransferError>> + Send;

    /// Hears that so many bytes arrived.
    fn written(&self, bytes: usize);
}

/// What is read from a store goes here.
pub(crate) trait Target: Sync {
    /// Takes a part.
    fn take(&self, block: &Arc<Block>) -> impl Future<Output = Result<(), TransferError>> + Send;
}

/// A part of an object.
#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u64,
    length: usize,
    whole: bool,
}

/// All of them, and the length of each but the last.
struct Parts(Vec<Span>, u64);

impl Parts {
    fn of(size: u64, part_bytes: u64) -> Self {
        let count = size.div_ceil(part_bytes).max(1);
        let part = |number: u64| {
            let offset = number * part_bytes;
            // No part is longer than what fits into memory.
            let length = (size - offset).min(part_bytes) as usize;
            Span { offset, length, whole: count == 1 }
        };
        Self((0..count).map(part).collect(), part_bytes)
    }
}
