//! Notes which runs were written to, and has a thread of its own send what that means.

mod clerk;

use crate::options::Options;
use crate::send::Sender;
use clerk::Clerk;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use welkin_broker::{Observer, Progress, Reader, RunId};

/// How long records are gathered before they are sent: a request for each of them would cost more than all of their runs.
const GATHERS: Duration = Duration::from_secs(1);

/// Runs that wait, at most: some 2 MB of names.
const MOST_RUNS: usize = 10_000;

/// How long whoever ends waits for what was not sent yet.
const LAST: Duration = Duration::from_secs(2);

/// What became of spans. All of them only grow, but for `waiting`.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Spans that a collector took.
    pub sent: Arc<AtomicU64>,
    /// Spans that none took: it refused them, or did not answer until the end.
    pub dropped: Arc<AtomicU64>,
    /// Records of which no spans were made: too many runs waited, or their records could not be read.
    pub left_out: Arc<AtomicU64>,
    /// Runs with records of which spans are to be made.
    pub waiting: Arc<AtomicU64>,
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

/// Records of a run that this broker wrote and of which spans are to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    first: u64,
    last: u64,
    records: u64,
}

impl Written {
    fn and(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            records: self.records + other.records,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    runs: BTreeMap<RunId, Written>,
    ending: bool,
}

/// Where the broker leaves what the thread takes.
#[derive(Debug, Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    woken: Condvar,
    counts: Counts,
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was written of a run. Whoever does not fit is left out, so that what waits for longer is not lost for it.
    fn note(&self, run: &RunId, written: Written) {
        let mut waiting = self.waiting();
        let has_room = waiting.runs.len() < MOST_RUNS;
        match waiting.runs.get_mut(run) {
            Some(noted) => *noted = noted.and(written),
            None if has_room => {
                waiting.runs.insert(run.clone(), written);
            }
            None => add(&self.counts.left_out, written.records),
        }
        self.count(&waiting);
        self.woken.notify_one();
    }

    fn count(&self, waiting: &Waiting) {
        self.counts.waiting.store(waiting.runs.len() as u64, Ordering::Relaxed);
    }

    /// What waits, once something does and a moment has passed in which more may come; none at the end.
    fn next(&self, gathers: Duration) -> Option<BTreeMap<RunId, Written>> {
        let idle = |waiting: &mut Waiting| waiting.runs.is_empty() && !waiting.ending;
        let waiting = self.woken.wait_while(self.waiting(), idle).unwrap_or_else(PoisonError::into_inner);
        let more = self.woken.wait_timeout_while(waiting, gathers, |waiting| !waiting.ending);
        let (mut waiting, _) = more.unwrap_or_else(PoisonError::into_inner);
        let runs = std::mem::take(&mut waiting.runs);
        self.count(&waiting);
        (!runs.is_empty()).then_some(runs)
    }

    /// Pauses; whether the end has come.
    fn rest(&self, pause: Duration) -> bool {
        let waited = self.woken.wait_timeout_while(self.waiting(), pause, |waiting| !waiting.ending);
        waited.unwrap_or_else(PoisonError::into_inner).0.ending
    }
}

/// Who is told that a collector does not answer, and that it does again.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// An observer of a broker that has what becomes of its runs sent to a collector, and tells another observer everything.
pub struct Traces {
    inner: Arc<dyn Observer>,
    desk: Arc<Desk>,
    /// Says when the thread is done.
    done: Mutex<Option<mpsc::Receiver<()>>>,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Traces {
    /// Before another observer. Nothing is sent yet.
    #[must_use]
    pub fn over(inner: Arc<dyn Observer>) -> Self {
        Self { inner, desk: Arc::default(), done: Mutex::default() }
    }

    /// Begins to send, by these records.
    ///
    /// # Errors
    /// When there is no thread left.
    pub fn begin(&self, reader: Reader, options: Options, tell: Tell) -> io::Result<()> {
        let (ended, done) = mpsc::channel::<()>();
        let (desk, url) = (Arc::clone(&self.desk), options.url().to_owned());
        let sender = Sender::new(options);
        thread::Builder::new().name("traces".to_owned()).spawn(move || {
            // Dropped with the thread, which is what whoever waits for it sees.
            let _ended = ended;
            let say = move |words: &str| tell(&format!("traces to {url}: {words}"));
            Clerk::new(&desk, &reader, |spans| sender.send(spans), say).work(GATHERS);
        })?;
        *self.done() = Some(done);
        Ok(())
    }

    fn done(&self) -> MutexGuard<'_, Option<mpsc::Receiver<()>>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of spans.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.desk.counts.clone()
    }

    /// Has what was not sent yet sent, and waits for that a little while.
    pub fn finish(&self) {
        self.desk.waiting().ending = true;
        self.desk.woken.notify_all();
        if let Some(done) = self.done().take() {
            let _ = done.recv_timeout(LAST);
        }
    }
}

impl Observer for Traces {
    fn notice(&self, progress: &Progress) {
        self.inner.notice(progress);
        if let Progress::Recorded { run, seq, .. } = progress {
            self.desk.note(run, Written { first: *seq, last: *seq, records: 1 });
        }
    }
}

#[cfg(test)]
mod tests;
