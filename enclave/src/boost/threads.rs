//! Threads of the engine, for as long as there are jobs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use welkin_boost::Workers;

/// So many threads.
pub(super) struct Threads(usize);

/// More than machines have: each has a stack.
const MOST: usize = 512;

impl Threads {
    pub(super) fn new(count: usize) -> Self {
        Self(count.clamp(1, MOST))
    }
}

impl Workers for Threads {
    fn count(&self) -> usize {
        self.0
    }

    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= jobs {
                    break;
                }
                job(index);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.0.min(jobs) {
                // Where no thread can be had, those that are there do its work.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
    }
}
