//! A run as whoever follows it sees it: records and lines as they become known, in an order that makes sense.
//!
//! Followers share the steps in which what is known grew: what was found from one place on, as the bytes that are sent. A
//! thousand of them cost one look, one text and a thousand sends, though each comes to a step at another time: while the first
//! is at the end already and looks whether more has come, the last has not begun.
//!
//! *Rejected:* the last step alone. Whoever looked on from its end took it from those who had not taken it yet, so that each
//! follower looked for itself, twice.

use crate::hub::Channel;
use crate::problem::Problem;
use crate::served::Served;
use axum::body::Bytes;
use futures::stream::{self, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    pub(crate) record: u64,
    pub(crate) line: u64,
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
    /// Up to where the run is seen with it.
    to: Cursor,
    /// As it is sent.
    text: Bytes,
    /// Whether the end of the run is among it.
    ended: bool,
}

/// Steps that are kept, at most: followers that read as fast as they can are no more than a few apart.
const STEPS: usize = 16;

/// Bytes of them, at most, but for the last: of a run that is followed while it writes much.
const STEP_BYTES: usize = 256 << 10;

/// What followers of a run found last.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    steps: Mutex<Steps>,
    /// Held by the one that looks for the others.
    looking: tokio::sync::Mutex<()>,
}

/// See the head of the module.
#[derive(Debug, Default)]
struct Steps {
    /// The one that was found last comes last. What was found once stays true, since records and lines are added and never
    /// changed: whoever has it looks for the rest from its end.
    taken: VecDeque<Arc<Found>>,
    bytes: usize,
    /// From where nothing was found, and how often followers had been woken before that look: it holds until they are again.
    end: Option<(Arc<Found>, u64)>,
}

impl Steps {
    fn known(&self, from: Cursor, woken: u64) -> Option<Arc<Found>> {
        let taken = self.taken.iter().rev().find(|step| step.from == from);
        let end = || self.end.as_ref().filter(|(end, then)| end.from == from && *then >= woken);
        taken.or_else(|| end().map(|(end, _)| end)).cloned()
    }

    fn keep(&mut self, found: Arc<Found>, woken: u64) {
        if found.text.is_empty() {
            self.end = Some((found, woken));
            return;
        }
        self.bytes += found.text.len();
        self.taken.push_back(found);
        while self.taken.len() > STEPS || self.bytes > STEP_BYTES && self.taken.len() > 1 {
            let Some(first) = self.taken.pop_front() else { return };
            self.bytes -= first.text.len();
        }
    }
}

impl Shared {
    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is found from a place on, by whoever comes first. `woken` is how often followers had been woken: what is found
    /// holds all that they were woken for, or more is found from its end.
    async fn find(
        &self,
        from: Cursor,
        woken: u64,
        look: impl FnOnce() -> Result<Found, StoreError>,
    ) -> Result<Arc<Found>, StoreError> {
        if let Some(found) = self.steps().known(from, woken) {
            return Ok(found);
        }
        let _alone = self.looking.lock().await;
        if let Some(found) = self.steps().known(from, woken) {
            return Ok(found);
        }
        let found = Arc::new(look()?);
        self.steps().keep(Arc::clone(&found), woken);
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
        let found = self.channel.shared.find(self.at, woken, || self.look()).await?;
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
    fn look(&self) -> Result<Found, StoreError> {
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
        Ok(Found { from: self.at, to, text: text.into(), ended })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A run that has so many lines, and how often it was looked at.
    #[derive(Default)]
    struct Run {
        shared: Shared,
        lines: Cell<u64>,
        woken: Cell<u64>,
        looks: Cell<u64>,
    }

    impl Run {
        fn writes(&self) {
            self.lines.set(self.lines.get() + 1);
            self.woken.set(self.woken.get() + 1);
        }

        fn look(&self, from: u64, width: usize) -> Found {
            self.looks.set(self.looks.get() + 1);
            let (to, cursor) = (self.lines.get(), |line| Cursor { record: 0, line });
            let text = (from..to).map(|line| format!("{}{line} ", " ".repeat(width))).collect::<String>();
            Found { from: cursor(from), to: cursor(to), text: text.into(), ended: false }
        }

        /// One step of a follower from where it is; whether there was one. Adds what it is sent.
        async fn step(&self, at: &mut u64, sent: &mut String, width: usize) -> bool {
            let from = Cursor { record: 0, line: *at };
            let found = self.shared.find(from, self.woken.get(), || Ok(self.look(*at, width)));
            let found = found.await.expect("it is looked at");
            *at = found.to.line;
            sent.push_str(std::str::from_utf8(&found.text).expect("it is text"));
            !found.text.is_empty()
        }
    }

    /// A connection goes on until there is nothing more before the next one has begun: a step of the last follower must not
    /// be lost by then.
    #[tokio::test]
    async fn a_line_costs_two_looks_however_many_follow_one_after_the_other() {
        let run = Run::default();
        let mut followers = vec![(0, String::new()); 1000];
        for lines in 1..=20 {
            run.writes();
            for (at, sent) in &mut followers {
                while run.step(at, sent, 0).await {}
            }
            assert_eq!(run.looks.get(), 2 * lines);
        }
        let whole: String = (0..20).map(|line| format!("{line} ")).collect();
        assert!(followers.iter().all(|(_, sent)| *sent == whole));
    }

    #[tokio::test]
    async fn whoever_is_behind_sees_all_once_and_takes_nothing_from_the_others() {
        let run = Run::default();
        let (mut fast, mut slow) = ((0, String::new()), (0, String::new()));
        for number in 0..1000_u64 {
            run.writes();
            while run.step(&mut fast.0, &mut fast.1, 0).await {}
            // Further behind than there are steps, and back.
            if number % 50 == 0 {
                while run.step(&mut slow.0, &mut slow.1, 0).await {}
            }
        }
        while run.step(&mut slow.0, &mut slow.1, 0).await {}
        assert_eq!(fast, slow);
        // Two a line, and one each time that the slow one comes back.
        assert!(run.looks.get() <= 2 * 1000 + 3 * 21, "{}", run.looks.get());
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_but_for_the_last_step() {
        let run = Run::default();
        let (mut at, mut sent) = (0, String::new());
        for width in [1, STEP_BYTES / 2, STEP_BYTES / 2, 3 * STEP_BYTES, 1, 1] {
            run.writes();
            while run.step(&mut at, &mut sent, width).await {}
            let steps = run.shared.steps();
            let bytes: usize = steps.taken.iter().map(|step| step.text.len()).sum();
            assert_eq!(bytes, steps.bytes);
            assert!(bytes <= STEP_BYTES || steps.taken.len() == 1, "{bytes} in {}", steps.taken.len());
        }
        for _ in 0..2 * STEPS {
            run.writes();
            while run.step(&mut at, &mut sent, 1).await {}
        }
        assert_eq!(run.shared.steps().taken.len(), STEPS);
    }
}
