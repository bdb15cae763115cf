//! The one way to the records: writes that wait share a commit, looks see every write that was asked for.
//!
//! A write is put in line, and a task of the runtime commits all that are in line, again and again until there
//! are none. While one commit waits for the disk, whoever can go on does, and the writes it asks for are the next
//! commit: a thousand tasks that go on at once cost one `fsync`, not a thousand. A task of its own, since the
//! future of a write may be dropped and its neighbours still want their answers. After the hook said `Break`, no
//! write and no look returns any more: whoever waits for one waits for ever, which is what a killed process looks
//! like from inside.
//!
//! *Guarantee:* writes are made in the order in which they were asked for; one that fails leaves nothing of
//! itself and does not touch its neighbours; a look waits for every write that was asked for before it, and what is
//! to be told of a write is told when it is made, so the future of a write may be dropped.
//!
//! *Rejected:* a transaction that stays open while others join it: its lock would outlive a future that
//! is dropped, and keep the cancel requests of other processes out.

use crate::error::StoreError;
use crate::lock::Lock;
use crate::options::Hook;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{oneshot, watch};
use welkin_records::{Records, RunId, RunRow, Write, Written};

type Result<T> = std::result::Result<T, StoreError>;

/// The records of a broker.
pub(crate) struct Store {
    line: Arc<Line>,
}

struct Line {
    records: Arc<dyn Records>,
    waiting: Mutex<Waiting>,
    hook: Option<Hook>,
    dead: watch::Sender<bool>,
    /// Held by a commit too: the directory is not given up before the last one is done.
    lock: Mutex<Option<Arc<Lock>>>,
}

#[derive(Default)]
struct Waiting {
    writes: Vec<Asked>,
    /// Whether a task commits them.
    served: bool,
    /// How many commits were made.
    commits: u64,
}

struct Asked {
    write: Write,
    told: Tell,
    answer: oneshot::Sender<Result<Written>>,
}

/// What is done with the numbers of a write as soon as it is durable.
type Tell = Box<dyn FnOnce(&Written) + Send>;

impl Store {
    pub(crate) fn new(records: Arc<dyn Records>, lock: Arc<Lock>, hook: Option<Hook>) -> Self {
        let line = Line {
            records,
            waiting: Mutex::default(),
            hook,
            dead: watch::Sender::new(false),
            lock: Mutex::new(Some(lock)),
        };
        Self { line: Arc::new(line) }
    }

    /// One durable write. Nothing of it is visible when it fails; when it returns, all of it stays.
    pub(crate) async fn write(&self, write: impl Into<Write>) -> Result<Written> {
        self.write_and(write.into(), Box::new(|_| {})).await
    }

    /// The same, and `told` once it is durable, in the order of the writes: also when whoever asked for it has gone, since
    /// the write is made all the same.
    pub(crate) async fn write_and(&self, write: Write, told: Tell) -> Result<Written> {
        match self.ask(write, told).await {
            Ok(done) => done,
            // The hook ended the broker before there was an answer.
            Err(_) => std::future::pending().await,
        }
    }

    fn ask(&self, write: Write, told: Tell) -> oneshot::Receiver<Result<Written>> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.line.waiting();
        waiting.writes.push(Asked { write, told, answer });
        if !std::mem::replace(&mut waiting.served, true) {
            tokio::spawn(serve(Arc::downgrade(&self.line)));
        }
        answered
    }

    /// The records, with everything in them that was asked for.
    pub(crate) async fn records(&self) -> Result<&dyn Records> {
        if self.line.waiting().served {
            // It changes nothing, and is answered when all before it were.
            self.write(Write::default()).await?;
        }
        Ok(&*self.line.records)
    }

    /// Returns once the hook ended the broker.
    pub(crate) async fn died(&self) {
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = self.line.dead.subscribe().wait_for(|dead| *dead).await;
    }

    pub(crate) async fn run(&self, id: &RunId) -> Result<RunRow> {
        let story = self.records().await?.story(id).await?;
        story.map(|(row, _)| row).ok_or_else(|| StoreError::NoSuchRun { run: id.clone() })
    }
}

/// What nobody waits for any more is not written: another broker may have the directory.
impl Drop for Store {
    fn drop(&mut self) {
        self.line.waiting().writes.clear();
        held(&self.line.lock).take();
    }
}

/// Commits writes until none is in line. Between commits it holds nothing: whoever drops a broker has closed its
/// records.
async fn serve(line: Weak<Line>) {
    loop {
        // Whoever else can go on now asks for its write meanwhile.
        tokio::task::yield_now().await;
        let Some(line) = line.upgrade() else { return };
        let asked = {
            let mut waiting = line.waiting();
            if waiting.writes.is_empty() {
                waiting.served = false;
                return;
            }
            std::mem::take(&mut waiting.writes)
        };
        let (writes, answers): (Vec<Write>, Vec<_>) =
            asked.into_iter().map(|Asked { write, told, answer }| (write, (told, answer))).unzip();
        let done = match writes.iter().all(|write| write.0.is_empty()) {
            true => writes.iter().map(|_| Ok(Written::default())).collect(),
            false => match line.commit(writes).await {
                Some(done) => done,
                None => return,
            },
        };
        for ((told, answer), done) in answers.into_iter().zip(done) {
            if let Ok(written) = &done {
                told(written);
            }
            // Whoever asked may have gone; what was written stays.
            drop(answer.send(done));
        }
    }
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        held(&self.waiting)
    }

    /// `None` when the hook ended the broker with it: nobody is told of it.
    async fn commit(&self, writes: Vec<Write>) -> Option<Vec<Result<Written>>> {
        let lock = held(&self.lock).clone();
        let done = self.records.commit(writes).await;
        drop(lock);
        let commits = {
            let mut waiting = self.waiting();
            waiting.commits += 1;
            waiting.commits
        };
        if self.hook.as_ref().is_some_and(|hook| hook(commits).is_break()) {
            self.dead.send_replace(true);
            return None;
        }
        Some(done)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
