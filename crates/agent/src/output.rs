//! From a script's output to log events.
//!
//! Each read becomes one append of all its lines, so a flood costs one write for each 64 KiB. The
//! reader waits for the disk and the script waits for the reader; nothing piles up in between.

use crate::lines::LineSplitter;
use crate::mask::Masker;
use crate::step::StepRecord;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;
use welkin_provider::{EventKind, Stream};
use welkin_units::Bytes;

/// Most output of one step that is kept unless the provider says otherwise, both streams together. A
/// log is for reading; results are outputs. A thousand steps of a run then still fit a small disk.
pub const LOG_LIMIT: Bytes = Bytes::new(64 << 20);

/// Kept of a line beyond its text: an empty line is not free.
const LINE_COST_BYTES: u64 = 32;

/// Bytes of one read: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;

/// Between two glimpses of a line that is written over and over.
const GLIMPSE_PERIOD: Duration = Duration::from_secs(1);

/// How much of a step's output was kept and dropped.
#[derive(Debug)]
pub(crate) struct Volume {
    limit: Bytes,
    kept: AtomicU64,
    dropped: AtomicU64,
}

impl Volume {
    pub(crate) const fn new(limit: Bytes) -> Self {
        Self { limit, kept: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    /// Bytes beyond the limit.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Reads one stream to its end.
pub(crate) async fn pump(
    mut input: impl AsyncRead + Unpin,
    stream: Stream,
    record: Arc<StepRecord>,
    masker: Arc<Masker>,
    volume: Arc<Volume>,
) -> io::Result<()> {
    let mut splitter = LineSplitter::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut glimpsed = Instant::now();
    loop {
        let count = input.read(&mut buffer).await?;
        let mut lines = Vec::new();
        if count == 0 {
            splitter.finish(&masker, |line| lines.push(line));
        } else {
            splitter.push(&buffer[..count], &masker, |line| lines.push(line));
            if glimpsed.elapsed() >= GLIMPSE_PERIOD {
                glimpsed = Instant::now();
                lines.extend(splitter.glimpse(&masker));
            }
        }
        let events = admit(lines, stream, &volume);
        if !events.is_empty() {
            record.append(events)?;
        }
        if count == 0 {
            return Ok(());
        }
    }
}

/// The lines that are still within the limit, and the news of the cut with the first that is not.
fn admit(lines: Vec<String>, stream: Stream, volume: &Volume) -> Vec<EventKind> {
    let mut events = Vec::with_capacity(lines.len());
    for line in lines {
        let bytes = line.len() as u64;
        let kept = volume.kept.fetch_add(bytes + LINE_COST_BYTES, Ordering::Relaxed);
        if kept + bytes + LINE_COST_BYTES <= volume.limit.get() {
            events.push(EventKind::Log { stream, line });
        } else if volume.dropped.fetch_add(bytes + 1, Ordering::Relaxed) == 0 {
            let line = format!("log cut after {}; what follows is dropped", volume.limit);
            events.push(EventKind::Log { stream: Stream::Agent, line });
        }
    }
    events
}
