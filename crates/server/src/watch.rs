//! A run as whoever follows it sees it: records and lines as they become known, in an order that makes sense.
//!
//! Followers that are as far as each other share one look at the records and one written form of what was found there: a
//! thousand of them cost one read and a thousand sends.

use crate::hub::Channel;
use crate::problem::Problem;
use crate::served::Served;
use axum::response::sse::Event;
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, watch};
use welkin_api::wire::{Item, Line};
use welkin_broker::{HistoryLine, LogLine, Piece, Record, RunId, StoreError};
use welkin_provider::UnixMillis;
use welkin_records::PAGE_BYTES;

/// Lines that are read at once.
const PAGE: u32 = 1000;

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

    fn written(self) -> String {
        format!("{}.{}", self.record, self.line)
    }
}

/// Follows a run from `at` to its end.
pub(crate) fn follow(
    served: Arc<Served>,
    run: RunId,
    at: Cursor,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + Send, Problem> {
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
        let text = watcher.next().await?;
        Some((Ok(Event::default().id(watcher.at.written()).data(&*text)), watcher))
    }))
}

/// An item as it is sent.
#[derive(Debug, Clone)]
struct Sent {
    text: Arc<str>,
    /// Up to where the run was seen with it.
    at: Cursor,
}

/// What was found from one place on.
#[derive(Debug)]
pub(crate) struct Found {
    from: Cursor,
    /// How often followers had been woken before it was looked for: it holds all that they were woken for.
    woken: u64,
    items: Vec<Sent>,
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

fn written(item: &Item) -> Arc<str> {
    serde_json::to_string(item).expect("an item can be written").into()
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
    ready: VecDeque<Sent>,
    /// Whether nothing was read yet.
    first: bool,
    over: bool,
}

impl Watcher {
    /// The next item; none after the last.
    async fn next(&mut self) -> Option<Arc<str>> {
        loop {
            if let Some(Sent { text, at }) = self.ready.pop_front() {
                self.at = at;
                return Some(text);
            }
            if self.over || *self.ending.borrow() {
                return None;
            }
            if let Err(error) = self.read().await {
                self.over = true;
                return Some(written(&Item::Stopped { message: crate::driver::words(&error) }));
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
        self.ready.extend(found.items.iter().cloned());
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
        let at = self.ready.back().map_or(self.at, |last| last.at);
        self.ready.push_back(Sent { text: written(item), at });
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
        let mut at = self.at;
        let sent = |item: Item| {
            match &item {
                Item::Record { seq, .. } => at.record = *seq,
                Item::Line(line) => at.line = line.id,
                _ => {}
            }
            Sent { text: written(&item), at }
        };
        let items = merged(records, lines).into_iter().map(sent).collect();
        Ok(Found { from: self.at, woken, items, ended })
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
