//! Who does the work: the caller's threads, or nobody but the caller.
//!
//! The crate starts no thread. What it can do at once it hands to [`Workers`] as numbered jobs, and no result depends on
//! which worker did which job, or in what order: sums are of integers.

use std::sync::{Mutex, PoisonError};

/// Somebody who can do several jobs at once.
pub trait Workers: Sync {
    /// How many jobs it does at once.
    fn count(&self) -> usize;

    /// Calls `job` with each number below `jobs` once, in any order, and returns when all calls have.
    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync));
}

/// The caller's own thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Workers for Alone {
    fn count(&self) -> usize {
        1
    }

    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        (0..jobs).for_each(job);
    }
}

/// Gives each piece of `size` elements of `all` to a job, with the number of its first element.
pub(crate) fn each_piece<T: Send>(
    workers: &dyn Workers,
    all: &mut [T],
    size: usize,
    job: impl Fn(usize, &mut [T]) + Sync,
) {
    let size = size.max(1);
    each(workers, &mut all.chunks_mut(size).collect::<Vec<_>>(), |index, piece| job(index * size, piece));
}

/// Gives each element of `all` to a job, with its number.
pub(crate) fn each<T: Send>(workers: &dyn Workers, all: &mut [T], job: impl Fn(usize, &mut T) + Sync) {
    let slots: Vec<Mutex<&mut T>> = all.iter_mut().map(Mutex::new).collect();
    workers.run(slots.len(), &|index| {
        // One job has one slot, so that nobody waits, and a job that panicked takes the others along.
        let mut slot = slots[index].lock().unwrap_or_else(PoisonError::into_inner);
        job(index, &mut slot);
    });
}

/// The size of pieces that gives each worker `shares` of them, and none less than `least` to do.
pub(crate) fn piece_size(workers: &dyn Workers, all: usize, least: usize, shares: usize) -> usize {
    all.div_ceil(workers.count().max(1) * shares).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_given_once_with_its_place() {
        let mut all = vec![0; 10];
        each_piece(&Alone, &mut all, 3, |first, piece| {
            piece.iter_mut().enumerate().for_each(|(at, slot)| *slot = first + at);
        });
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(piece_size(&Alone, 10, 4, 1), 10);
        assert_eq!(piece_size(&Alone, 10, 4, 5), 4);
    }
}
