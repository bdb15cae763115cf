//! Buffers that are used again: fresh memory costs a page fault for each 4 KiB, which is more than
//! hashing them.
//!
//! *Bound:* what is lent and what is kept for later are within the budget together, but for one buffer that is larger
//! than the whole of it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Buffers kept for later, of each size: as many as a hundred busy lanes give back at once.
const KEEP: usize = 128;

/// Bounds what a transfer holds in memory, and lends buffers within that bound.
#[derive(Debug, Clone)]
pub struct BlockPool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Budget in units of [`UNIT`], since a semaphore counts in 32 bits.
    budget: Arc<Semaphore>,
    units: usize,
    free: Mutex<Vec<Vec<u8>>>,
}

/// Granularity of the budget. Small objects take one unit.
const UNIT: usize = 64 << 10;

impl BlockPool {
    /// A pool of at most `bytes` lent at any time.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).max(1);
        let budget = Arc::new(Semaphore::new(units));
        Self { inner: Arc::new(Inner { budget, units, free: Mutex::new(Vec::new()) }) }
    }

    /// A buffer of at least `bytes`, as soon as the budget allows. One that is larger than the whole
    /// budget is lent alone.
    pub async fn lend(&self, bytes: usize) -> Buffer {
        let units = bytes.div_ceil(UNIT).clamp(1, self.inner.units);
        let permit = Arc::clone(&self.inner.budget)
            .acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX))
            .await
            .expect("the budget is never closed");
        let size = bytes.div_ceil(UNIT).max(1) * UNIT;
        let memory = self.take(size).unwrap_or_else(|| vec![0; size]);
        Buffer { memory, loan: Some((self.clone(), permit)) }
    }

    /// Charges `bytes` without memory, for what is held elsewhere, until what is returned is dropped.
    pub async fn charge(&self, bytes: usize) -> Buffer {
        let units = bytes.div_ceil(UNIT).clamp(1, self.inner.units);
        let permit = Arc::clone(&self.inner.budget)
            .acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX))
            .await
            .expect("the budget is never closed");
        self.make_room(&mut self.free());
        Buffer { memory: Vec::new(), loan: Some((self.clone(), permit)) }
    }

    /// How many bytes may still be lent.
    #[must_use]
    pub fn available(&self) -> usize {
        self.inner.budget.available_permits() * UNIT
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.inner.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, size: usize) -> Option<Vec<u8>> {
        let mut free = self.free();
        // The last given back is the one that is still in the cache.
        let found = free.iter().rposition(|memory| memory.len() == size);
        let memory = found.map(|found| free.swap_remove(found));
        self.make_room(&mut free);
        memory
    }

    /// Lets go of kept buffers, oldest first, that do not fit beside what is lent.
    fn make_room(&self, free: &mut Vec<Vec<u8>>) {
        let most = self.available();
        let mut kept: usize = free.iter().map(Vec::len).sum();
        let gone = free.iter().take_while(|memory| {
            let goes = kept > most;
            kept -= if goes { memory.len() } else { 0 };
            goes
        });
        let gone = gone.count();
        free.drain(..gone);
    }

    fn give_back(&self, memory: Vec<u8>) {
        if memory.is_empty() || memory.len() > self.inner.units * UNIT {
            return;
        }
        let mut free = self.free();
        let kept: usize = free.iter().map(Vec::len).sum();
        if free.len() < KEEP && kept + memory.len() <= self.inner.units * UNIT {
            free.push(memory);
        } else if let Some(oldest) = free.first_mut() {
            // Sizes change during a transfer; what nobody asks for any more makes room.
            *oldest = memory;
        }
    }
}

/// A buffer; goes back to its pool when it is dropped.
#[derive(Debug)]
pub struct Buffer {
    memory: Vec<u8>,
    loan: Option<(BlockPool, OwnedSemaphorePermit)>,
}

impl Buffer {
    /// A buffer of no pool.
    #[must_use]
    pub fn detached(bytes: usize) -> Self {
        Self { memory: vec![0; bytes], loan: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some((pool, permit)) = self.loan.take() {
            pool.give_back(std::mem::take(&mut self.memory));
            drop(permit);
        }
    }
}
