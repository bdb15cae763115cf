//! What all lanes of a transfer share.

use crate::engine::error::EngineError;
use crate::engine::job::Job;
use crate::engine::ledger::Ledger;
use crate::engine::limiter::Limiter;
use crate::engine::observe::{Notice, Observer};
use crate::engine::options::{Options, Transfer};
use crate::engine::retry::Patience;
use crate::engine::stats::Stats;
use crate::engine::tuner::Tuner;
use crate::journal::{Done, Journal, JournalError, Marks, Partial, Record};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;
use welkin_store::block::BlockPool;
use welkin_store::{Failure, FailureKind};

/// Failures that are kept for the report; the rest is counted.
const KEEP_FAILURES: usize = 100;

pub(super) struct Context {
    pub(super) transfer: Transfer,
    pub(super) pool: BlockPool,
    pub(super) limiter: Arc<Limiter>,
    pub(super) tuner: Tuner,
    pub(super) stats: Arc<Stats>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) journal: Option<Journal>,
    pub(super) ledger: Mutex<Ledger>,
    /// Uploads that an earlier process left, by key of the target.
    pub(super) partials: Mutex<HashMap<String, Partial>>,
    pub(super) failures: Mutex<Vec<(String, String)>>,
    halt: Mutex<Option<EngineError>>,
    pub(super) halted: Notify,
}

impl Context {
    pub(super) fn new(
        transfer: Transfer,
        limiter: Arc<Limiter>,
        stats: Arc<Stats>,
        observer: Arc<dyn Observer>,
        journal: Option<Journal>,
        partials: HashMap<String, Partial>,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool: BlockPool::new(transfer.options.memory_bytes),
            tuner: Tuner::new(transfer.options.lanes),
            transfer,
            limiter,
            stats,
            observer,
            journal,
            ledger: Mutex::new(Ledger::default()),
            partials: Mutex::new(partials),
            failures: Mutex::new(Vec::new()),
            halt: Mutex::new(None),
            halted: Notify::new(),
        })
    }

    pub(super) fn options(&self) -> &Options {
        &self.transfer.options
    }

    /// How calls of this transfer are repeated.
    pub(super) fn patience(&self) -> Patience<'_> {
        Patience::new(self.options().attempts, &self.stats, &*self.observer).with_tuner(&self.tuner)
    }

    /// Puts something on record; a journal that cannot be written ends the transfer.
    pub(super) fn record(&self, record: &Record) {
        if let Some(journal) = &self.journal
            && let Err(error) = journal.write(record)
        {
            self.halt(EngineError::Journal(error));
        }
    }

    /// Ends the transfer; the first reason counts.
    pub(super) fn halt(&self, error: EngineError) {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.halted.notify_waiters();
        // For who begins to wait only now.
        self.halted.notify_one();
    }

    pub(super) fn take_halt(&self) -> Option<EngineError> {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// An object that arrived.
    pub(super) fn done(&self, job: &Job, done: Done) {
        self.arrived(job, done, Self::record);
    }

    /// Several that did: they are put on record in one call of the system.
    pub(super) fn done_together(&self, mut arrived: Vec<(Job, Done)>) {
        let Some((last, last_done)) = arrived.pop() else { return };
        for (job, done) in arrived {
            self.arrived(&job, done, Self::note);
        }
        self.done(&last, last_done);
    }

    fn arrived(&self, job: &Job, done: Done, put: fn(&Self, &Record)) {
        if job.expected.is_some_and(|expected| expected.to_hex().as_str() != done.blake3) {
            self.observer.notice(&Notice::Unexpected { key: &done.source, blake3: &done.blake3 });
            let operation = format!("copy {} to {}", done.source, self.transfer.target);
            let message = format!("its hash is {}, not the one that is expected", done.blake3);
            return self.failed(job, Failure::new(FailureKind::Corrupt, operation, message));
        }
        self.observer.notice(&Notice::Copied(&done));
        Stats::add(&self.stats.copied_objects, 1);
        put(self, &Record::Done(done));
        self.settle(job);
    }

    /// An object that an earlier process brought there, and that is still so: recorded again, so that the records of
    /// this process are all there is to know.
    pub(super) fn kept(&self, mut done: Done) {
        done.doubted = false;
        Stats::add(&self.stats.resumed_objects, 1);
        Stats::add(&self.stats.resumed_bytes, done.size);
        self.note(&Record::Done(done));
    }

    /// The same of one that was doubted, and whose content was looked at.
    pub(super) fn seen(&self, job: &Job, done: Done) {
        self.kept(done);
        self.settle(job);
    }

    /// An object that was asked for its time, and need not be the next time.
    pub(super) fn paired(&self, key: &str, marks: Marks) {
        self.note(&Record::Paired { source: key.to_owned(), ours: marks.source, theirs: marks.target });
    }

    fn note(&self, record: &Record) {
        if let Some(journal) = &self.journal
            && let Err(error) = journal.note(record)
        {
            self.halt(EngineError::Journal(error));
        }
    }

    pub(super) fn skipped(&self, job: &Job, why: &'static str) {
        Stats::add(&self.stats.skipped_objects, 1);
        Stats::add(&self.stats.skipped_bytes, job.source.size);
        self.observer.notice(&Notice::Skipped { key: &job.source.key, why });
        self.settle(job);
    }

    pub(super) fn failed(&self, job: &Job, failure: Failure) {
        // Stores may say as much as they like; what is kept of it has a bound.
        let why = Record::short(failure.to_string());
        Stats::add(&self.stats.failed_objects, 1);
        self.observer.notice(&Notice::Failed { key: &job.source.key, why: &why });
        let (source, key) = (job.source.key.clone(), job.key.clone());
        self.record(&Record::Failed { source, key, why: why.clone() });
        if failure.ends_everything() {
            self.halt(EngineError::Fatal(failure));
        } else {
            let mut kept = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEEP_FAILURES {
                kept.push((job.source.key.clone(), why));
            }
        }
        self.settle(job);
    }

    /// The job as the source has it now.
    pub(super) async fn look_again(&self, job: &mut Job) -> Result<(), Failure> {
        let source = &self.transfer.source.endpoint;
        match source.find(&self.patience(), &job.source.key).await? {
            Some(found) => {
                job.source = found.listed;
                Ok(())
            }
            None => {
                let operation = format!("read {} of {}", job.source.key, source.name());
                Err(Failure::new(FailureKind::NotFound, operation, "it is not there any more"))
            }
        }
    }

    fn settle(&self, job: &Job) {
        if let Some(step) = job.step {
            self.ledger.lock().unwrap_or_else(PoisonError::into_inner).settle(step);
        }
    }

    /// Puts the mark on record if it moved. Call it now and then.
    pub(super) fn mark(&self) {
        // A key with a failed step counts as settled: failures are on record by themselves.
        let mark = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).mark();
        if let Some(source) = mark {
            self.record(&Record::Mark { source });
        }
    }

    pub(super) fn sync(&self, now: bool) -> Result<(), JournalError> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.sync(now))
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
