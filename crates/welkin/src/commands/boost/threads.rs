//! Threads of this process, for as long as there are jobs. None of them spins: beside other work of the machine a training
//! takes no more of it than it uses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use welkin_boost::Workers;

/// So many threads.
pub(super) struct Threads(usize);

impl Threads {
    /// As many as asked for, or as there are cores for 0.
    pub(super) fn new(asked: usize) -> Self {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        Self(if asked == 0 { cores() } else { asked })
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
