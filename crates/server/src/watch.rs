//! A run as whoever follows it sees it: records and lines as they become known, in an order that makes sense.

use crate::hub::Channel;
use crate::problem::Problem;
use crate::served::Served;
use axum::response::sse::Event;
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use welkin_api::wire::{Item, Line};
use welkin_broker::{HistoryLine, LogLine, Piece, Record, RunId, StoreError};
use welkin_provider::UnixMillis;

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
        _channel: channel,
        served,
        run,
        names,
        at,
        ready: VecDeque::new(),
        first: true,
        over: false,
    };
    Ok(stream::unfold(watcher, |mut watcher| async move {
        let item = watcher.next().await?;
        let event = Event::default().id(watcher.at.written());
        let event = event.json_data(&item).expect("an item can be written");
        Some((Ok(event), watcher))
    }))
}

struct Watcher {
    served: Arc<Served>,
    run: RunId,
    names: Vec<String>,
    at: Cursor,
    woken: watch::Receiver<u64>,
    live: broadcast::Receiver<Item>,
    ending: watch::Receiver<bool>,
    /// The channel lives as long as somebody holds it.
    _channel: Arc<Channel>,
    /// What was read and not given yet.
    ready: VecDeque<Item>,
    /// Whether nothing was read yet.
    first: bool,
    over: bool,
}

impl Watcher {
    /// The next item; none after the last.
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.pass(&item);
                return Some(item);
            }
            if self.over || *self.ending.borrow() {
                return None;
            }
            self.woken.borrow_and_update();
            if let Err(error) = self.read() {
                self.over = true;
                return Some(Item::Stopped { message: crate::driver::words(&error) });
            }
            if self.ready.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Marks an item as seen.
    fn pass(&mut self, item: &Item) {
        match item {
            Item::Record { seq, .. } => self.at.record = *seq,
            Item::Line(line) => self.at.line = line.id,
            _ => {}
        }
    }

    /// Reads what has become known: records before lines, so that of a run that has ended all lines are there.
    fn read(&mut self) -> Result<(), StoreError> {
        let stopped = self.served.driver.stopped(&self.run);
        let mut records = self.served.reader.events(&self.run, self.at.record)?;
        let lines = self.served.reader.output(&self.run, &self.names, self.at.line, PAGE)?;
        if lines.len() == PAGE as usize {
            // There are more lines: what is on record after the last of these waits until those were read.
            let last = lines.last().map_or(UnixMillis(0), |line| line.at);
            let early = records.iter().take_while(|line| line.at <= last && line.record != Record::RunEnded);
            records.truncate(early.count());
        }
        let ended = records.iter().any(|line| line.record == Record::RunEnded);
        self.ready = merged(records, lines);
        let first = std::mem::take(&mut self.first);
        // Whoever comes back after the last record has seen the end, but for its mark.
        self.over = ended || first && self.ready.is_empty() && self.is_over()?;
        match stopped {
            _ if self.over => self.ready.push_back(Item::End),
            Some(message) if self.ready.is_empty() => {
                self.over = true;
                self.ready.push_back(Item::Stopped { message });
            }
            _ => {}
        }
        Ok(())
    }

    fn is_over(&self) -> Result<bool, StoreError> {
        Ok(self.served.reader.status(&self.run)?.state.is_over())
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.woken.changed() => {}
            // What a slow follower missed is stale.
            item = self.live.recv() => self.ready.extend(item.ok()),
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
            items.push_back(line(early));
        }
        items.push_back(record(history));
    }
    items.extend(lines.map(line));
    items
}

fn record(line: HistoryLine) -> Item {
    Item::Record { seq: line.seq, at: line.at, record: line.record }
}

fn line(line: LogLine) -> Item {
    let last = line.piece.map(|piece| piece == Piece::Last);
    let LogLine { id, attempt, phase, rank, at, stream, line, .. } = line;
    Item::Line(Line { id, attempt, phase, rank, at, stream, line, last })
}
