//! The thread that makes spans of records and sends them.

use super::{Desk, Written, add};
use crate::send::Sent;
use crate::spans::{Span, Trace};
use std::collections::BTreeMap;
use std::time::Duration;
use welkin_broker::{HistoryLine, Reader, RunId, StoreError};

/// Spans of one request, at most: some half a megabyte.
const BATCH: usize = 512;

/// Records that are read at once.
const PAGE: u32 = 1000;

/// Runs whose spans that have begun are remembered; of others the records are read from the first one again.
const MOST_KNOWN: usize = 1024;

/// Pauses before a batch is sent again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What the thread reads.
pub(super) trait Source {
    /// A run nothing of whose history was taken in.
    fn trace(&self, run: &RunId) -> Result<Trace, StoreError>;

    /// Its history after a number, at most so much of it.
    fn page(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<HistoryLine>, StoreError>;
}

impl Source for Reader {
    fn trace(&self, run: &RunId) -> Result<Trace, StoreError> {
        self.status(run).map(|view| Trace::new(&view))
    }

    fn page(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<HistoryLine>, StoreError> {
        self.some_events(run, after, limit)
    }
}

/// A run up to a record.
struct Known {
    trace: Trace,
    after: u64,
}

pub(super) struct Clerk<'a, S, F, T> {
    desk: &'a Desk,
    source: &'a S,
    send: F,
    tell: T,
    known: BTreeMap<RunId, Known>,
    batch: Vec<Span>,
    /// Whether the last request was not taken.
    failing: bool,
    /// Whether the end has come and nobody takes anything.
    given_up: bool,
}

impl<'a, S: Source, F: FnMut(&[Span]) -> Sent, T: Fn(&str)> Clerk<'a, S, F, T> {
    pub(super) fn new(desk: &'a Desk, source: &'a S, send: F, tell: T) -> Self {
        let (known, batch) = (BTreeMap::new(), Vec::new());
        Self { desk, source, send, tell, known, batch, failing: false, given_up: false }
    }

    /// Works to the end.
    pub(super) fn work(&mut self, gathers: Duration) {
        while let Some(runs) = self.desk.next(gathers) {
            self.look(runs);
        }
    }

    /// Sends what was written of some runs.
    pub(super) fn look(&mut self, runs: BTreeMap<RunId, Written>) {
        for (run, written) in runs {
            self.take(&run, written);
        }
        self.flush();
    }

    /// Makes spans of what was written of a run.
    fn take(&mut self, run: &RunId, written: Written) {
        match self.read(run, written) {
            Ok(()) => {}
            // It comes back; the end does not wait for it.
            Err(StoreError::Away { .. }) if !self.desk.waiting().ending => self.desk.note(run, written),
            // Removed meanwhile, or damaged, which others tell of.
            Err(_) => add(&self.desk.counts.left_out, written.records),
        }
    }

    fn read(&mut self, run: &RunId, written: Written) -> Result<(), StoreError> {
        let source = self.source;
        let known = self.known.remove(run).filter(|known| known.after < written.first);
        let mut known = match known {
            Some(known) => known,
            None => Known { trace: source.trace(run)?, after: 0 },
        };
        let mut over = false;
        loop {
            let page = source.page(run, known.after, PAGE)?;
            // What is written meanwhile is noted, and comes next.
            for line in page.iter().take_while(|line| line.seq <= written.last) {
                known.after = line.seq;
                over |= Trace::is_over(&line.record);
                let ended = known.trace.take(line).into_iter();
                // What others wrote, or this one noted before, was sent.
                ended.filter(|span| span.ended_by >= written.first).for_each(|span| self.add(span));
            }
            if known.after >= written.last || page.len() < PAGE as usize {
                break;
            }
        }
        if !over {
            if self.known.len() >= MOST_KNOWN {
                self.known.pop_first();
            }
            self.known.insert(run.clone(), known);
        }
        Ok(())
    }

    fn add(&mut self, span: Span) {
        self.batch.push(span);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    /// Sends what is there until it is taken, refused, or the end has come.
    fn flush(&mut self) {
        let spans = std::mem::take(&mut self.batch);
        if spans.is_empty() {
            return;
        }
        let (counts, count) = (&self.desk.counts, spans.len() as u64);
        let mut pause = PAUSES.0;
        while !self.given_up {
            let (why, again) = match (self.send)(&spans) {
                Sent::Taken(left_out) => {
                    if std::mem::take(&mut self.failing) {
                        (self.tell)("they are taken again");
                    }
                    add(&counts.sent, count - left_out);
                    add(&counts.dropped, left_out);
                    return;
                }
                Sent::Refused(why) => (why, None),
                Sent::Later(why, after) => (why, Some(after.unwrap_or(pause))),
            };
            if !std::mem::replace(&mut self.failing, true) {
                (self.tell)(&why);
            }
            let Some(after) = again else { break };
            self.given_up = self.desk.rest(after);
            pause = (pause * 2).min(PAUSES.1);
        }
        add(&counts.dropped, count);
    }
}
