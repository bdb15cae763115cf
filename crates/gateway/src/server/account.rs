//! What one client may have of a gateway: sessions, lanes, memory.
//!
//! Whoever is known by a fingerprint has one account, however many sessions and lanes it opens; where nobody is asked,
//! an address has one. All that a client can make a gateway hold is charged here, in parts of
//! [`crate::ServeOptions::client_bytes`] (128 MiB unless told otherwise):
//!
//! | what | of 128 MiB |
//! |---|---|
//! | bodies of calls, of all sessions together | 38 |
//! | bodies of answers that are not acknowledged yet | 38 |
//! | frames on their way in, that cannot be read into place: a slow lane has one for as long as it takes | 14 |
//! | frames on their way out, sealed or compressed or within TLS | 14 |
//! | [`MAX_LANES`] lanes of some 250 KiB: what is read ahead, TLS | 23 |
//!
//! A session has a share of the first two for itself, so that two sessions never wait for what the other holds half of.
//! The first has the largest; later ones have less, and what ends gives its share back.
//!
//! *Rejected:* one pool for all sessions (half-arrived messages of two can wait for each other); equal shares (the one
//! session that most clients have would move an eighth of what it could over a long line, and over paths of unlike speed wait
//! for the slowest: nearly every message has a piece there).

use crate::trust::identity::Fingerprint;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use welkin_store::block::{BlockPool, Buffer};

/// Shares of the sessions, in 128ths of a client's memory, for calls and for answers: 38 each.
const SHARES: [usize; 6] = [16, 6, 4, 4, 4, 4];

/// Frames on their way in and out, in 128ths.
const READING: usize = 14;
const WRITING: usize = 14;

/// Parts that a client's memory is divided into.
const PARTS: usize = 128;

/// Smallest share that carries anything: one piece of the longest.
const SMALLEST: usize = 1 << 20;

/// Lanes that end here, of one client. Of two paths with the most that pay.
pub(crate) const MAX_LANES: usize = 96;

/// Lanes of one client that are passed on. Each has two buffers of 256 KiB, and TLS on both sides.
pub(crate) const MAX_PASSED: usize = 64;

/// Whose an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Known(Fingerprint),
    /// Where nobody is asked.
    From(IpAddr),
    /// At the other end of a pair of pipes.
    Pipe,
}

impl Owner {
    pub(crate) fn fingerprint(self) -> Option<Fingerprint> {
        match self {
            Self::Known(fingerprint) => Some(fingerprint),
            Self::From(_) | Self::Pipe => None,
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Account {
    bytes: usize,
    taken: Mutex<[bool; SHARES.len()]>,
    lanes: Arc<Semaphore>,
    passed: Arc<Semaphore>,
    pub(crate) frames: Frames,
}

impl Account {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            taken: Mutex::default(),
            lanes: Arc::new(Semaphore::new(MAX_LANES)),
            passed: Arc::new(Semaphore::new(MAX_PASSED)),
            frames: Frames::new(bytes),
        }
    }

    fn taken(&self) -> MutexGuard<'_, [bool; SHARES.len()]> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the largest share that is free; 0 where none is.
    pub(crate) fn free_bytes(&self) -> usize {
        let slot = self.taken().iter().position(|taken| !taken);
        slot.map_or(0, |slot| self.share_bytes(slot))
    }

    fn share_bytes(&self, slot: usize) -> usize {
        (self.bytes / PARTS * SHARES[slot]).max(SMALLEST)
    }

    /// The largest share that is free.
    pub(crate) fn share(self: &Arc<Self>) -> Option<Share> {
        let mut taken = self.taken();
        let slot = taken.iter().position(|taken| !taken)?;
        taken[slot] = true;
        Some(Share { account: Arc::clone(self), slot, bytes: self.share_bytes(slot) })
    }

    /// Room for a lane that ends here.
    pub(crate) fn lane(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.lanes).try_acquire_owned().ok()
    }

    /// Room for a lane that is passed on.
    pub(crate) fn pass(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.passed).try_acquire_owned().ok()
    }
}

/// Sessions of one client, at most.
pub(crate) const MAX_SESSIONS: usize = SHARES.len();

/// What a session has for itself, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) account: Arc<Account>,
    slot: usize,
    /// For calls, and the same again for answers.
    pub(crate) bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.account.taken()[self.slot] = false;
    }
}

/// Memory for frames that are on their way. Whoever holds some of it waits for nothing but its own connection.
#[derive(Debug)]
pub(crate) struct Frames {
    reading: BlockPool,
    writing: Arc<Semaphore>,
    /// Told when there is room again.
    pub(crate) freed: Notify,
}

/// Granularity of what is written.
const UNIT: usize = 64 << 10;

impl Frames {
    fn new(bytes: usize) -> Self {
        let part = bytes / PARTS;
        Self {
            // The largest frame and what it is expanded to, twice.
            reading: BlockPool::new((part * READING).max(4 * SMALLEST)),
            writing: Arc::new(Semaphore::new((part * WRITING).max(4 * SMALLEST) / UNIT)),
            freed: Notify::new(),
        }
    }

    /// Memory to read a frame into.
    pub(crate) async fn lend(&self, bytes: usize) -> Buffer {
        self.reading.lend(bytes).await
    }

    /// Room for a batch of so many bytes and its copy in TLS, until it is written.
    pub(crate) fn write(&self, bytes: usize) -> Option<Writing<'_>> {
        let units = u32::try_from((2 * bytes).div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.writing).try_acquire_many_owned(units).ok()?;
        Some(Writing { frames: self, permit: Some(permit) })
    }
}

/// A batch that is being written.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    frames: &'a Frames,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.frames.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_within_the_memory_and_come_back() {
        let account = Arc::new(Account::new(128 << 20));
        let shares: Vec<_> = std::iter::from_fn(|| account.share()).collect();
        let bytes: Vec<_> = shares.iter().map(|share| share.bytes >> 20).collect();
        assert_eq!(bytes, [16, 6, 4, 4, 4, 4]);
        let all = 2 * SHARES.iter().sum::<usize>() + READING + WRITING;
        assert!(all + MAX_LANES * 250 / 1024 <= PARTS, "{all}");
        drop(shares);
        assert_eq!(account.share().unwrap().bytes, 16 << 20);
    }

    #[test]
    fn what_is_written_is_bounded_until_it_is() {
        let account = Account::new(128 << 20);
        let batches: Vec<_> = std::iter::from_fn(|| account.frames.write(1 << 20)).collect();
        assert_eq!(batches.len(), 7);
        drop(batches);
        assert!(account.frames.write(1 << 20).is_some());
    }
}
