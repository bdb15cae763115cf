//! What the lanes take from.

use crate::engine::job::Job;
use crate::engine::large::Large;
use crate::engine::steps::Step;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};

/// What a lane does next.
#[derive(Debug)]
pub(super) enum Unit {
    /// Move an object of one part.
    Whole(Job),
    /// Compare, then move if need be.
    Check(Job),
    /// Begin an object of several parts; [`Feed::opened`] must follow.
    Open(Job),
    /// Move a part.
    Part(Arc<Large>, u32),
}

/// Steps and parts, for any number of lanes.
pub(super) struct Feed {
    steps: tokio::sync::Mutex<mpsc::Receiver<Step>>,
    parts: Mutex<Parts>,
    /// Told when parts appear, or when none will.
    news: Notify,
    /// Longest object that is moved in one part.
    whole_bytes: u64,
}

#[derive(Default)]
struct Parts {
    large: VecDeque<Arc<Large>>,
    opening: usize,
    over: bool,
}

impl Feed {
    pub(super) fn new(steps: mpsc::Receiver<Step>, whole_bytes: u64) -> Self {
        Self {
            steps: tokio::sync::Mutex::new(steps),
            parts: Mutex::default(),
            news: Notify::new(),
            whole_bytes,
        }
    }

    /// The next unit; `None` when there will be none. Parts come first: what is open is finished before more is opened.
    pub(super) async fn next(&self) -> Option<Unit> {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Registered before looking, so that nothing that happens in between is missed.
            news.as_mut().enable();
            if let Some(unit) = self.part() {
                return Some(unit);
            }
            let over = {
                let parts = self.parts();
                if parts.over && parts.opening == 0 {
                    return None;
                }
                parts.over
            };
            if over {
                news.await;
                continue;
            }
            let step = tokio::select! {
                biased;
                () = &mut news => continue,
                step = async { self.steps.lock().await.recv().await } => step,
            };
            match step {
                Some(step) => return Some(self.unit(step)),
                None => {
                    self.parts().over = true;
                    self.news.notify_waiters();
                }
            }
        }
    }

    /// How many steps are there for each of so many lanes.
    pub(super) fn share(&self, lanes: usize) -> usize {
        self.steps.try_lock().map_or(0, |steps| steps.len() / lanes.max(1))
    }

    /// The next step as a unit, if it is there already.
    pub(super) fn ready(&self) -> Option<Unit> {
        // Who has the lock waits for a step.
        let step = self.steps.try_lock().ok()?.try_recv().ok()?;
        Some(self.unit(step))
    }

    fn unit(&self, step: Step) -> Unit {
        match step {
            Step::Check(job) => Unit::Check(job),
            Step::Copy(job) => self.copy(job),
        }
    }

    /// Whether a job is moved in one part.
    pub(super) fn fits(&self, job: &Job) -> bool {
        job.source.size <= self.whole_bytes
    }

    /// How a job is moved.
    pub(super) fn copy(&self, job: Job) -> Unit {
        if self.fits(&job) {
            return Unit::Whole(job);
        }
        self.parts().opening += 1;
        Unit::Open(job)
    }

    /// Ends what a [`Unit::Open`] began: with an object whose parts may be taken, or without.
    pub(super) fn opened(&self, large: Option<Arc<Large>>) {
        let mut parts = self.parts();
        parts.opening -= 1;
        parts.large.extend(large);
        drop(parts);
        self.news.notify_waiters();
    }

    fn part(&self) -> Option<Unit> {
        let mut parts = self.parts();
        while let Some(large) = parts.large.front() {
            if let Some(number) = large.claim() {
                return Some(Unit::Part(Arc::clone(large), number));
            }
            parts.large.pop_front();
        }
        None
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
