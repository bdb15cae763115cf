//! One object from a stream of bytes, or to one: nothing is kept on disk, and memory is bounded by the pool.
//!
//! *In* ([`receive`]): the stream is cut into parts of a length that leaves room for a long object. If it ends within
//! the first, that is put at once; if not, a write in parts begins, and as many parts are under way as memory
//! allows. *Out* ([`send`]): parts are read ahead and handed on in order, each checked as it leaves.
//!
//! *Guarantee:* an object that appears is what came, and its hash is the one that is returned; when the stream, the
//! place or the user gives up, the write is given up too. Nothing can be gone on with later: a stream does
//! not come twice. What a killed process leaves is on record before it begins, for whoever cleans up.
//!
//! *No deadlock:* a part that is written has its buffer and asks for no other. A part that is read again does, so
//! two parts less are under way than fit: one that waits to be handed on, and one that is.

use crate::engine::context::now_ms;
use crate::engine::large;
use crate::engine::limiter::Limiter;
use crate::engine::observe::Observer;
use crate::engine::retry::Patience;
use crate::engine::retrying::Retrying;
use crate::engine::stats::Stats;
use crate::journal::{Journal, JournalError, Record};
use futures::StreamExt;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use welkin_store::block::{Block, BlockPool, BlockWriter};
use welkin_store::hash::{self, ChainingValue};
use welkin_store::{Failure, FailureKind, Metadata, Part, Read, Upload};

/// Parts under way at most: beyond this, one line is full.
const AT_ONCE: usize = 32;

/// Times a part that was damaged on the way is sent, or read, again.
const FRESH_TRIES: u32 = 3;

/// Shortest part that is read for want of memory.
const READ_LEAST: u64 = 64 << 10;

/// An object that a stream is, and how it is moved.
pub struct Flow<'a> {
    /// The place.
    pub endpoint: &'a Retrying,
    /// The object.
    pub key: &'a str,
    /// Length of parts, if it is to be another than what suits the place.
    pub part_bytes: Option<u64>,
    /// Bytes of content in memory at most (one part, if that is longer).
    pub memory_bytes: usize,
    /// Tries of a call that fails in a way that passes.
    pub attempts: u32,
    /// Bound on the rate.
    pub limiter: &'a Limiter,
    /// Where it is put on record that a write in parts begins, so that one that was killed leaves no unknown upload.
    pub journal: Option<&'a Journal>,
    /// Counts what is moved.
    pub stats: &'a Stats,
    /// Hears of it.
    pub observer: &'a dyn Observer,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All of it was moved, and has this hash.
    Whole(blake3::Hash),
    /// Whoever read it wanted no more.
    Unwanted,
}

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed {
    /// Bytes.
    pub bytes: u64,
    /// How it ended.
    pub end: End,
}

/// Why a stream was not moved. Of one that came in, nothing is left at the place.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The stream itself.
    #[error("the stream broke off")]
    Stream(#[source] io::Error),
    /// The place.
    #[error(transparent)]
    Place(#[from] Failure),
    /// What must be on record could not be put there.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was told to stop.
    #[error("it was told to stop")]
    Stopped,
}

impl Flow<'_> {
    fn patience(&self) -> Patience<'_> {
        Patience::new(self.attempts, self.stats, self.observer)
    }

    fn on(&self, verb: &str) -> String {
        format!("{verb} {} of {}", self.key, self.endpoint.name())
    }
}

/// Makes an object of what comes, until its end or until `stop` completes.
///
/// # Errors
/// [`StreamError`]; the write was given up then.
pub async fn receive(
    flow: &Flow<'_>,
    metadata: &Metadata,
    input: impl AsyncRead + Unpin,
    stop: impl Future<Output = ()>,
) -> Result<Streamed, StreamError> {
    let writing = Writing { flow, begun: Mutex::new(Begun::default()) };
    let result = tokio::select! {
        result = writing.write(metadata, input) => result,
        () = stop => Err(StreamError::Stopped),
    };
    if result.is_err() {
        writing.give_up().await;
    } else {
        Stats::add(&flow.stats.copied_objects, 1);
    }
    result
}

/// What was begun at the place.
#[derive(Default)]
struct Begun {
    /// When the first call was made whose answer is not known.
    asked_ms: Option<i64>,
    upload: Option<Upload>,
}

struct Writing<'a> {
    flow: &'a Flow<'a>,
    begun: Mutex<Begun>,
}

impl Writing<'_> {
    async fn write(
        &self,
        metadata: &Metadata,
        input: impl AsyncRead + Unpin,
    ) -> Result<Streamed, StreamError> {
        let flow = self.flow;
        let patience = flow.patience();
        let limits = flow.endpoint.limits();
        let part_bytes = limits.stream_part_bytes(flow.part_bytes);
        let mut cutter =
            Cutter { input, pool: BlockPool::new(flow.memory_bytes), part_bytes, offset: 0, peeked: None };
        let first = cutter.first(flow).await?;
        let bytes = first.len() as u64;
        if first.is_whole() {
            let root = hash::merge(&[first.chaining()], part_bytes);
            let first = Arc::new(first);
            flow.resend(&first, || flow.endpoint.put(&patience, flow.key, metadata, &first)).await?;
            Stats::add(&flow.stats.copied_bytes, bytes);
            return Ok(Streamed { bytes, end: End::Whole(root) });
        }
        let upload = self.begin(metadata, part_bytes).await?;
        let at_once = if limits.parts_in_any_order { AT_ONCE } else { 1 };
        let (sender, mut receiver) = mpsc::channel(1);
        let cutting = async {
            let mut next = Some(first);
            let mut number = 0;
            while let Some(block) = next {
                if number >= limits.parts {
                    let message = format!(
                        "it has more than {} parts of {} MiB; longer parts let it be longer",
                        limits.parts,
                        part_bytes >> 20
                    );
                    return Err(Failure::new(FailureKind::TooLarge, flow.on("write"), message).into());
                }
                if sender.send((number, block)).await.is_err() {
                    break;
                }
                number += 1;
                next = cutter.next(flow).await?;
            }
            drop(sender);
            Ok::<_, StreamError>(cutter.offset)
        };
        let moving = async {
            let blocks = futures::stream::poll_fn(|context| receiver.poll_recv(context));
            let mut moved = blocks
                .map(|(number, block)| {
                    let (block, upload, patience) = (Arc::new(block), &upload, &patience);
                    async move {
                        let send = || flow.endpoint.part(patience, upload, number, &block);
                        let sent = flow.resend(&block, send).await?;
                        Stats::add(&flow.stats.copied_bytes, block.len() as u64);
                        Ok::<_, Failure>((sent, block.chaining()))
                    }
                })
                .buffer_unordered(at_once);
            let mut parts: Vec<(Part, ChainingValue)> = Vec::new();
            while let Some(part) = moved.next().await {
                parts.push(part?);
            }
            Ok::<_, StreamError>(parts)
        };
        let (bytes, mut parts) = futures::try_join!(cutting, moving)?;
        parts.sort_unstable_by_key(|(part, _)| part.number);
        let (parts, chaining): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let root = hash::merge(&chaining, part_bytes);
        flow.endpoint.finish(&patience, &upload, &parts, &root).await?;
        Ok(Streamed { bytes, end: End::Whole(root) })
    }

    async fn begin(&self, metadata: &Metadata, part_bytes: u64) -> Result<Upload, StreamError> {
        let flow = self.flow;
        let at_ms = now_ms();
        self.record(&Record::Intent { key: flow.key.to_owned(), at_ms })?;
        self.begun().asked_ms = Some(at_ms);
        let patience = flow.patience();
        let forget = || large::forget_unknown(flow.endpoint, &patience, flow.key, at_ms, |_| false);
        let upload = flow.endpoint.begin(&patience, flow.key, metadata, (0, part_bytes), forget).await?;
        *self.begun() = Begun { asked_ms: None, upload: Some(upload.clone()) };
        let (key, id) = (upload.key.clone(), upload.id.clone());
        self.record(&Record::Begun { key, upload: id, version: None, size: 0, part_bytes })?;
        Ok(upload)
    }

    fn record(&self, record: &Record) -> Result<(), JournalError> {
        self.flow.journal.map_or(Ok(()), |journal| journal.write(record))
    }

    async fn give_up(&self) {
        let Begun { asked_ms, upload } = std::mem::take(&mut *self.begun());
        if let Some(upload) = upload {
            // What cannot be dropped now is found by whoever looks for what dangles.
            if self.flow.endpoint.abort(&self.flow.patience(), &upload).await.is_ok() {
                let _ = self.record(&Record::Dropped { key: upload.key, upload: upload.id });
            }
        } else if let Some(at_ms) = asked_ms {
            let Flow { endpoint, key, .. } = self.flow;
            large::forget_unknown(endpoint, &self.flow.patience(), key, at_ms, |_| false).await;
        }
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, Begun> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow<'_> {
    /// Sends a block again that was damaged on the way, as long as it is intact here: it cannot be read again.
    async fn resend<T, F>(&self, block: &Block, mut call: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            match call().await {
                Err(failure)
                    if failure.kind == FailureKind::Corrupt
                        && tries < FRESH_TRIES
                        && block.check().is_ok() =>
                {
                    Stats::add(&self.stats.retries, 1);
                }
                result => return result,
            }
        }
    }
}

/// Cuts a stream into parts.
struct Cutter<R> {
    input: R,
    pool: BlockPool,
    part_bytes: u64,
    /// Where the next part begins.
    offset: u64,
    /// A byte of it that was read to see whether there is one.
    peeked: Option<u8>,
}

impl<R: AsyncRead + Unpin> Cutter<R> {
    /// The first part, which may be empty. To know whether it is all there is, one byte more is read.
    async fn first(&mut self, flow: &Flow<'_>) -> Result<Block, StreamError> {
        let writer = self.fill().await?;
        if writer.missing() == 0 {
            let mut byte = [0];
            if self.input.read(&mut byte).await.map_err(StreamError::Stream)? > 0 {
                self.peeked = Some(byte[0]);
            }
        }
        let whole = self.peeked.is_none();
        Stats::add(&flow.stats.listed_objects, 1);
        Ok(self.seal(writer, whole, flow).await)
    }

    async fn next(&mut self, flow: &Flow<'_>) -> Result<Option<Block>, StreamError> {
        // After a part that is shorter, nothing comes.
        if !self.offset.is_multiple_of(self.part_bytes) {
            return Ok(None);
        }
        let writer = self.fill().await?;
        if writer.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.seal(writer, false, flow).await))
    }

    async fn seal(&mut self, writer: BlockWriter, whole: bool, flow: &Flow<'_>) -> Block {
        let length = writer.len() as u64;
        flow.limiter.take(length).await;
        self.offset += length;
        Stats::add(&flow.stats.listed_bytes, length);
        writer.end(whole)
    }

    /// Reads a part, or what is left.
    async fn fill(&mut self) -> Result<BlockWriter, StreamError> {
        let wanted = usize::try_from(self.part_bytes).unwrap_or(usize::MAX);
        let mut writer = BlockWriter::new(self.pool.lend(wanted).await, self.offset, wanted, false);
        if let Some(byte) = self.peeked.take() {
            writer.extend(&[byte]);
        }
        while writer.missing() > 0 {
            match self.input.read(writer.spare()).await {
                Ok(0) => break,
                Ok(count) => writer.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StreamError::Stream(error)),
            }
        }
        Ok(writer)
    }
}

/// Hands an object on, until its end, until nobody wants more of it, or until `stop` completes.
///
/// # Errors
/// [`StreamError`]. What was handed on before was right.
pub async fn send(
    flow: &Flow<'_>,
    output: impl AsyncWrite + Unpin,
    stop: impl Future<Output = ()>,
) -> Result<Streamed, StreamError> {
    tokio::select! {
        result = hand_on(flow, output) => result,
        () = stop => Err(StreamError::Stopped),
    }
}

async fn hand_on(flow: &Flow<'_>, mut output: impl AsyncWrite + Unpin) -> Result<Streamed, StreamError> {
    let found = flow.endpoint.find(&flow.patience(), flow.key).await?;
    let found =
        found.ok_or_else(|| Failure::new(FailureKind::NotFound, flow.on("read"), "it is not there"))?;
    let (size, version) = (found.listed.size, found.listed.version);
    Stats::add(&flow.stats.listed_objects, 1);
    Stats::add(&flow.stats.listed_bytes, size);
    flow.stats.listed_all.store(true, Ordering::Relaxed);
    let mut part_bytes =
        flow.part_bytes.unwrap_or(flow.endpoint.limits().part_bytes_best).max(READ_LEAST).next_power_of_two();
    while part_bytes > READ_LEAST && part_bytes * 3 > flow.memory_bytes as u64 {
        part_bytes /= 2;
    }
    let fitting = flow.memory_bytes / usize::try_from(part_bytes).unwrap_or(usize::MAX);
    let at_once = fitting.saturating_sub(2).clamp(1, AT_ONCE);
    // Three parts: one that is read, one that waits, one that is handed on.
    let pool = BlockPool::new(flow.memory_bytes.max(3 * usize::try_from(part_bytes).unwrap_or(usize::MAX)));
    let (sender, mut receiver) = mpsc::channel(1);
    let reading = async {
        let offsets = (0..size.div_ceil(part_bytes).max(1)).map(|number| number * part_bytes);
        let mut blocks = futures::stream::iter(offsets)
            .map(|offset| {
                let length = usize::try_from((size - offset).min(part_bytes)).unwrap_or(usize::MAX);
                let version = version.as_deref();
                let what = Read { key: flow.key, offset, length, whole: size <= part_bytes, version };
                read(flow, &pool, what)
            })
            .buffered(at_once);
        while let Some(block) = blocks.next().await {
            if sender.send(block?).await.is_err() {
                break;
            }
        }
        drop(blocks);
        drop(sender);
        Ok::<_, StreamError>(())
    };
    let writing = async {
        let (mut bytes, mut chaining) = (0, Vec::new());
        while let Some(block) = receiver.recv().await {
            let block: Block = block;
            let checked = block
                .check()
                .map_err(|error| Failure::new(FailureKind::Corrupt, flow.on("read"), error.to_string()))?;
            match output.write_all(checked).await {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Streamed { bytes, end: End::Unwanted });
                }
                written => written.map_err(StreamError::Stream)?,
            }
            bytes += block.len() as u64;
            Stats::add(&flow.stats.copied_bytes, block.len() as u64);
            chaining.push(block.chaining());
        }
        match output.flush().await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(Streamed { bytes, end: End::Unwanted });
            }
            flushed => flushed.map_err(StreamError::Stream)?,
        }
        Ok::<_, StreamError>(Streamed { bytes, end: End::Whole(hash::merge(&chaining, part_bytes)) })
    };
    tokio::pin!(reading);
    tokio::pin!(writing);
    let streamed = tokio::select! {
        // Who wants no more ends the reading as well.
        streamed = &mut writing => streamed?,
        read = &mut reading => {
            read?;
            writing.await?
        }
    };
    Stats::add(&flow.stats.copied_objects, 1);
    Ok(streamed)
}

async fn read(flow: &Flow<'_>, pool: &BlockPool, what: Read<'_>) -> Result<Block, Failure> {
    let mut reads = 0;
    loop {
        reads += 1;
        flow.limiter.take(what.length as u64).await;
        match flow.endpoint.read(&flow.patience(), what, pool).await {
            Ok(piece) => return Ok(piece.block),
            Err(failure) if failure.kind == FailureKind::Corrupt && reads < FRESH_TRIES => {
                Stats::add(&flow.stats.retries, 1);
            }
            Err(failure) => return Err(failure),
        }
    }
}
