//! A run as whoever follows it sees it: records and lines as they become known, in an order that makes sense.
//!
//! Followers that are as far as each other share one look at the records and the bytes that are sent of what was found there:
//! a thousand of them cost one read, one text and a thousand sends.

use crate::hub::Channel;
use crate::problem::Problem;
use crate::served::Served;
use axum::body::Bytes;
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;
use welkin_api::wire::{Item, Line};
use welkin_broker::{HistoryLine, LogLine, Piece, Record, RunId, StoreError};
use welkin_provider::UnixMillis;
use welkin_records::PAGE_BYTES;

/// Lines that are read at once.
const PAGE: u32 = 1000;

/// A stream on which nothing happens shows so often that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How it does: a comment, which readers pass over.
const ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// Up to where a run was seen: the number of a record, and that of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    record: u64,
    line: u64,
}

impl Cursor {
    /// From its written form; empty is the beginning.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let (record, line) = text.split_once('.')?;
        Some(Self { record: record.parse().ok()?, line: line.parse().ok()? })
    }

    /// Adds an item, as the stream has it, after which the run is seen up to here.
    fn write(self, item: &Item, text: &mut Vec<u8>) {
        let Self { record, line } = self;
        write!(text, "id: {record}.{line}\ndata: ").expect("memory takes what is written");
        // In one line: JSON writes ends of lines as letters.
        serde_json::to_writer(&mut *text, item).expect("an item can be written");
        text.extend_from_slice(b"\n\n");
    }
}

/// Follows a run from `at` to its end: pieces of a stream of events, each of whole ones.
pub(crate) fn follow(
    served: Arc<Served>,
    run: RunId,
    at: Cursor,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>> + Send, Problem> {
    let plan = served.reader.plan(&run)?;
    let names = plan.tasks.into_iter().map(|task| task.task).collect();
    let channel = served.hub.channel(&run);
    let watcher = Watcher {
        woken: channel.woken.subscribe(),
        live: channel.live.subscribe(),
        ending: served.ending.subscribe(),
        channel,
        served,
        run,
        names,
        at,
        ready: VecDeque::new(),
        first: true,
        over: false,
    };
    Ok(stream::unfold(watcher, |mut watcher| async move {
        let piece = watcher.next().await?;
        Some((Ok(piece), watcher))
    }))
}

/// What was found from one place on.
#[derive(Debug)]
pub(crate) struct Found {
    from: Cursor,
    /// How often followers had been woken before it was looked for: it holds all that they were woken for.
    woken: u64,
    /// Up to where the run is seen with it.
    to: Cursor,
    /// As it is sent.
    text: Bytes,
    /// Whether the end of the run is among it.
    ended: bool,
}

/// What followers of a run found last.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    found: Mutex<Option<Arc<Found>>>,
    /// Held by the one that looks for the others.
    looking: tokio::sync::Mutex<()>,
}

impl Shared {
    fn found(&self, from: Cursor, woken: u64) -> Option<Arc<Found>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.as_ref().filter(|found| found.from == from && found.woken >= woken).cloned()
    }

    /// What is found from a place on, by whoever comes first.
    async fn find(
        &self,
        from: Cursor,
        woken: u64,
        look: impl FnOnce() -> Result<Found, StoreError>,
    ) -> Result<Arc<Found>, StoreError> {
        if let Some(found) = self.found(from, woken) {
            return Ok(found);
        }
        let _alone = self.looking.lock().await;
        if let Some(found) = self.found(from, woken) {
            return Ok(found);
        }
        let found = Arc::new(look()?);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(found)
    }
}

struct Watcher {
    served: Arc<Served>,
    run: RunId,
    names: Vec<String>,
    at: Cursor,
    woken: watch::Receiver<u64>,
    live: broadcast::Receiver<Item>,
    ending: watch::Receiver<bool>,
    /// It lives as long as somebody holds it.
    channel: Arc<Channel>,
    /// What was found and not given yet.
    ready: VecDeque<Bytes>,
    /// Whether nothing was read yet.
    first: bool,
    over: bool,
}

impl Watcher {
    /// The next piece; none after the last.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            if self.over || *self.ending.borrow() {
                return None;
            }
            if let Err(error) = self.read().await {
                self.over = true;
                self.add(&Item::Stopped { message: crate::driver::words(&error) });
                continue;
            }
            if self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Looks for what has become known.
    async fn read(&mut self) -> Result<(), StoreError> {
        let stopped = self.served.driver.stopped(&self.run);
        let woken = *self.woken.borrow_and_update();
        let found = self.channel.shared.find(self.at, woken, || self.look(woken)).await?;
        self.at = found.to;
        self.ready.extend((!found.text.is_empty()).then(|| found.text.clone()));
        let first = std::mem::take(&mut self.first);
        // Whoever comes back after the last record has seen the end, but for its mark.
        self.over = found.ended || first && self.ready.is_empty() && self.is_over()?;
        match stopped {
            _ if self.over => self.add(&Item::End),
            Some(message) if self.ready.is_empty() => {
                self.over = true;
                self.add(&Item::Stopped { message });
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds what is not on record: it moves nobody on.
    fn add(&mut self, item: &Item) {
        let mut text = Vec::new();
        self.at.write(item, &mut text);
        self.ready.push_back(text.into());
    }

    /// Records before lines, so that of a run that has ended all lines are there.
    fn look(&self, woken: u64) -> Result<Found, StoreError> {
        let mut records = self.served.reader.events(&self.run, self.at.record)?;
        let lines = self.served.reader.output(&self.run, &self.names, None, self.at.line, PAGE)?;
        let bytes: usize = lines.iter().map(|line| line.line.len()).sum();
        if lines.len() == PAGE as usize || bytes >= PAGE_BYTES {
            // There are more lines: what is on record after the last of these waits until those were read.
            let last = lines.last().map_or(UnixMillis(0), |line| line.at);
            let early = records.iter().take_while(|line| line.at <= last && line.record != Record::RunEnded);
            records.truncate(early.count());
        }
        let ended = records.iter().any(|line| line.record == Record::RunEnded);
        let (mut to, mut text) = (self.at, Vec::new());
        for item in merged(records, lines) {
            match &item {
                Item::Record { seq, .. } => to.record = *seq,
                Item::Line(line) => to.line = line.id,
                _ => {}
            }
            to.write(&item, &mut text);
        }
        Ok(Found { from: self.at, woken, to, text: text.into(), ended })
    }

    fn is_over(&self) -> Result<bool, StoreError> {
        Ok(self.served.reader.status(&self.run)?.state.is_over())
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.woken.changed() => {}
            // What a slow follower missed is stale.
            item = self.live.recv() => item.ok().iter().for_each(|item| self.add(item)),
            _ = self.ending.changed() => {}
            () = sleep(HEARTBEAT) => self.ready.push_back(ALIVE),
        }
    }
}

/// Records and lines by their times; each kind keeps its own order, whatever clocks did.
fn merged(records: Vec<HistoryLine>, lines: Vec<LogLine>) -> VecDeque<Item> {
    let mut items = VecDeque::with_capacity(records.len() + lines.len());
    let mut lines = lines.into_iter().peekable();
    for history in records {
        while let Some(early) = lines.next_if(|line| line.at < history.at) {
            items.push_back(Item::Line(line(early)));
        }
        items.push_back(record(history));
    }
    items.extend(lines.map(|late| Item::Line(line(late))));
    items
}

fn record(line: HistoryLine) -> Item {
    Item::Record { seq: line.seq, at: line.at, record: line.record }
}

pub(crate) fn line(line: LogLine) -> Line {
    let last = line.piece.map(|piece| piece == Piece::Last);
    let LogLine { id, attempt, phase, rank, at, stream, line, unended, .. } = line;
    Line { id, attempt, phase, rank, at, stream, line, last, unended }
}
