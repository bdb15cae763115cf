//! From listings to what is to be done, as a stream.

use crate::engine::compare::Verdict;
use crate::engine::context::Context;
use crate::engine::error::EngineError;
use crate::engine::job::Job;
use crate::engine::ledger::Ledger;
use crate::engine::merge::{Merge, Pair, below, takes_part};
use crate::engine::observe::Notice;
use crate::engine::options::{Expected, Scope, Transfer};
use crate::engine::stats::Stats;
use crate::engine::times::Judge;
use crate::journal::{Done, JournalError, PairsWriter, Past};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use welkin_store::{Failure, FailureKind, LeftOut, Listed};

/// Steps ahead of the lanes: two pages.
pub(super) const AHEAD: usize = 2000;

/// Something to be done.
#[derive(Debug)]
pub(super) enum Step {
    Copy(Job),
    /// Look at the content on both sides first.
    Check(Job),
}

/// Lists and compares, and sends what is to be done. What it saw to be the same comes back, for the next transfer.
pub(super) async fn produce(
    context: &Context,
    past: Option<Past>,
    steps: mpsc::Sender<Step>,
) -> Option<PairsWriter> {
    let judge = Judge::new(&context.transfer, context.journal.is_some());
    let mut producer = Producer { context, past, judge, steps };
    let result = match &context.transfer.scope {
        Scope::One { source, target } => producer.one(source, target).await,
        Scope::Tree => producer.tree().await,
        Scope::Listed(objects) => {
            producer.listed(objects).await;
            Ok(())
        }
    };
    if let Err(error) = result {
        context.halt(error);
    }
    context.stats.listed_all.store(true, Ordering::Relaxed);
    producer.judge.into_seen()
}

struct Producer<'a> {
    context: &'a Context,
    /// What an earlier process brought to the target, if this one goes on with it.
    past: Option<Past>,
    judge: Judge,
    steps: mpsc::Sender<Step>,
}

impl Producer<'_> {
    async fn one(&mut self, source: &str, target: &str) -> Result<(), EngineError> {
        let Transfer { source: from, target: to, .. } = &self.context.transfer;
        let patience = self.context.patience();
        let found = from.endpoint.find(&patience, source).await.map_err(EngineError::Listing)?;
        let Some(found) = found else {
            let operation = format!("read {}{source}", from.endpoint.name());
            let failure = Failure::new(FailureKind::NotFound, operation, "there is no such object");
            return Err(EngineError::Listing(failure));
        };
        let there = match self.looks() {
            true => to.endpoint.find(&patience, target).await.map_err(EngineError::Listing)?,
            false => None,
        };
        let pair = Pair { source: Some(found.listed), target: there.map(|found| found.listed) };
        self.step(pair, Some(target)).await
    }

    async fn listed(&mut self, objects: &[Expected]) {
        for object in objects {
            let source =
                Listed { key: object.source.clone(), size: object.size, modified_ms: None, version: None };
            self.count_listed(&source);
            let step = Some(self.ledger().begin(&object.source));
            let (key, expected) = (object.target.clone(), Some(object.blake3));
            let _ = self
                .steps
                .send(Step::Check(Job {
                    step,
                    source,
                    key,
                    retries: 0,
                    expected,
                    contradicted: false,
                    doubted: None,
                }))
                .await;
        }
    }

    /// From the beginning, whatever a journal says: what lies before its mark may have changed since.
    async fn tree(&mut self) -> Result<(), EngineError> {
        let mut merge = Merge::open(&self.context.transfer, self.looks());
        while let Some(pair) = merge.next().await.map_err(EngineError::Listing)? {
            self.tell_left_out(&mut merge);
            self.step(pair, None).await?;
            if self.context.is_halted() {
                break;
            }
        }
        self.tell_left_out(&mut merge);
        Ok(())
    }

    /// Tells what takes no part though it is there, of what the filter lets through.
    fn tell_left_out(&self, merge: &mut Merge<'_>) {
        let transfer = &self.context.transfer;
        for LeftOut { key, why } in merge.left_out() {
            if transfer.options.filter.names(below(&transfer.source, &key)) {
                self.context.observer.notice(&Notice::LeftOut { key: &key, why: why.text() });
            }
        }
    }

    /// Whether the target is looked at: to compare, or to see whether what is on record is still there.
    fn looks(&self) -> bool {
        self.context.options().compare.looks() || self.past.is_some()
    }

    async fn step(&mut self, pair: Pair, key: Option<&str>) -> Result<(), EngineError> {
        let transfer = &self.context.transfer;
        let Some(source) = pair.source else { return Ok(()) };
        Stats::add(&self.context.stats.source_objects, 1);
        let name = below(&transfer.source, &source.key);
        if name.is_empty() || !takes_part(&transfer.options.filter, name, &source) {
            self.ledger().pass(&source.key);
            return Ok(());
        }
        self.count_listed(&source);
        let key = || key.map_or_else(|| format!("{}{name}", transfer.target.prefix), str::to_owned);
        if let Some(done) = self.still_so(&source, pair.target.as_ref())? {
            if done.doubted && !transfer.target.endpoint.keeps_parts() {
                let (key, step) = (key(), Some(self.ledger().begin(&source.key)));
                let doubted = Some(Box::new(done));
                let job = Job { step, source, key, retries: 0, expected: None, contradicted: false, doubted };
                // As below.
                let _ = self.steps.send(Step::Check(job)).await;
                return Ok(());
            }
            self.context.kept(done);
            self.ledger().pass(&source.key);
            return Ok(());
        }
        let (verdict, contradicted) = match source.is_out_of_sight() {
            // Reading it says what is the matter.
            true => (Verdict::Different, false),
            false => self.judge.judge(&source, pair.target.as_ref()),
        };
        if verdict == Verdict::Same {
            Stats::add(&self.context.stats.skipped_objects, 1);
            Stats::add(&self.context.stats.skipped_bytes, source.size);
            self.ledger().pass(&source.key);
            return Ok(());
        }
        let (key, step) = (key(), Some(self.ledger().begin(&source.key)));
        let job = Job { step, source, key, retries: 0, expected: None, contradicted, doubted: None };
        if let Some(failure) = self.ambiguous(&job).await {
            self.context.failed(&job, failure);
            return Ok(());
        }
        // Nobody takes it only when the transfer has been ended.
        let _ =
            self.steps.send(if verdict == Verdict::Look { Step::Check(job) } else { Step::Copy(job) }).await;
        Ok(())
    }

    /// Why an object cannot be moved without being taken for another.
    async fn ambiguous(&self, job: &Job) -> Option<Failure> {
        let Transfer { source, target, scope, options } = &self.context.transfer;
        let operation = || format!("copy {} of {}", job.source.key, source.endpoint.name());
        if job.source.is_nameless() {
            let why = "its name is not UTF-8";
            return Some(Failure::new(FailureKind::Invalid, operation(), why));
        }
        let twin = target.endpoint.twin_of(&job.key).filter(|_| *scope == Scope::Tree)?;
        let twin = twin.strip_prefix(&target.prefix)?;
        let beside = format!("{}{twin}", source.prefix);
        match source.endpoint.find(&self.context.patience(), &beside).await {
            Ok(Some(found)) if takes_part(&options.filter, twin, &found.listed) => {
                let why = format!("it would be a link in the place of the file {twin:?}, which is there too");
                Some(Failure::new(FailureKind::Unsupported, operation(), why))
            }
            Ok(_) => None,
            Err(failure) => Some(failure),
        }
    }

    /// The record of an earlier process that this object arrived, if both ends still have what it speaks of.
    fn still_so(&mut self, source: &Listed, target: Option<&Listed>) -> Result<Option<Done>, JournalError> {
        let Some(past) = &mut self.past else { return Ok(None) };
        let done = past.find(&source.key)?;
        Ok(done.filter(|done| target.is_some_and(|target| done.holds(source, target))))
    }

    fn count_listed(&self, listed: &Listed) {
        Stats::add(&self.context.stats.listed_objects, 1);
        Stats::add(&self.context.stats.listed_bytes, listed.size);
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.context.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
