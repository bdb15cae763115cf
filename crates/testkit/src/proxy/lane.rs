//! One direction of a proxy: what happens to its bytes, and how many there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What happens to a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Turns over one bit of the byte with this number, from 0, and is over.
    Flip {
        /// Bytes that pass before it.
        after: u64,
        /// From the lowest, 0 to 7.
        bit: u8,
    },
    /// Ends the connection that carries the byte with this number, once all before it went on: its
    /// sender sees a reset, its receiver the end.
    Cut {
        /// Bytes that pass before it.
        after: u64,
    },
    /// Takes in and throws away everything from the byte with this number on, of all connections; they
    /// stay open.
    Hole {
        /// Bytes that pass before it.
        after: u64,
    },
    /// Lets all connections together have this rate.
    Rate {
        /// Bytes a second.
        bytes_per_s: u64,
    },
}

/// What a pump does with the bytes it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Forward so many and throw the others away.
    Forward(usize),
    /// Forward so many, then end the connection.
    Cut(usize),
}

/// At a limited rate a direction may catch up so much after a pause.
const BURST: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Lane {
    read: AtomicU64,
    forwarded: AtomicU64,
    troubles: Mutex<Troubles>,
}

#[derive(Default)]
struct Troubles {
    /// Each with the bytes that passed since it was set.
    active: Vec<(Trouble, u64)>,
    /// When a direction at a limited rate is free again.
    free_at: Option<Instant>,
}

impl Lane {
    pub(super) fn set(&self, trouble: Trouble) {
        let mut troubles = self.lock();
        if matches!(trouble, Trouble::Rate { .. }) {
            troubles.active.retain(|(other, _)| !matches!(other, Trouble::Rate { .. }));
        }
        troubles.active.push((trouble, 0));
    }

    pub(super) fn heal(&self) {
        *self.lock() = Troubles::default();
    }

    pub(super) fn is_troubled(&self) -> bool {
        !self.lock().active.is_empty()
    }

    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn forwarded(&self) -> u64 {
        self.forwarded.load(Ordering::Relaxed)
    }

    /// Counts what a pump has read, spoils it, and says what to do with it.
    pub(super) fn judge(&self, data: &mut [u8]) -> Verdict {
        let len = data.len() as u64;
        self.read.fetch_add(len, Ordering::Relaxed);
        let mut troubles = self.lock();
        let mut verdict = Verdict::Forward(data.len());
        troubles.active.retain_mut(|(trouble, passed)| {
            let before = *passed;
            *passed += len;
            // Where the position lies within this piece, if it does.
            let within =
                |after: u64| (before..before + len).contains(&after).then(|| (after - before) as usize);
            match *trouble {
                Trouble::Flip { after, bit } => {
                    let Some(at) = within(after) else { return true };
                    data[at] ^= 1 << (bit % 8);
                    false
                }
                Trouble::Cut { after } => {
                    let Some(at) = within(after) else { return true };
                    verdict = Verdict::Cut(at.min(verdict.forwarded()));
                    false
                }
                Trouble::Hole { after } => {
                    let left = after.saturating_sub(before).min(len) as usize;
                    if let Verdict::Forward(count) = verdict {
                        verdict = Verdict::Forward(count.min(left));
                    }
                    true
                }
                Trouble::Rate { .. } => true,
            }
        });
        self.forwarded.fetch_add(verdict.forwarded() as u64, Ordering::Relaxed);
        verdict
    }

    /// Waits until so many bytes may pass.
    pub(super) async fn pace(&self, count: usize) {
        let due = {
            let mut troubles = self.lock();
            let rate = troubles.active.iter().find_map(|(trouble, _)| match trouble {
                Trouble::Rate { bytes_per_s } => Some((*bytes_per_s).max(1)),
                _ => None,
            });
            let Some(rate) = rate else { return };
            let now = Instant::now();
            let earliest = now.checked_sub(BURST).unwrap_or(now);
            let start = troubles.free_at.map_or(now, |free| free.max(earliest));
            let due = start + Duration::from_secs_f64(count as f64 / rate as f64);
            troubles.free_at = Some(due);
            due
        };
        sleep_until(due).await;
    }

    fn lock(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verdict {
    pub(super) fn forwarded(self) -> usize {
        match self {
            Self::Forward(count) | Self::Cut(count) => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_counted_over_pieces() {
        let lane = Lane::default();
        lane.set(Trouble::Flip { after: 5, bit: 1 });
        lane.set(Trouble::Cut { after: 7 });
        let mut first = [0; 4];
        assert_eq!((lane.judge(&mut first), first), (Verdict::Forward(4), [0; 4]));
        let mut second = [0; 4];
        assert_eq!((lane.judge(&mut second), second), (Verdict::Cut(3), [0, 2, 0, 0]));
        assert_eq!(lane.judge(&mut [0; 4]), Verdict::Forward(4));
        assert_eq!((lane.read(), lane.forwarded(), lane.is_troubled()), (12, 11, false));
    }

    #[test]
    fn a_hole_stays_until_it_is_healed() {
        let lane = Lane::default();
        lane.set(Trouble::Hole { after: 6 });
        let judge = || lane.judge(&mut [0; 4]);
        assert_eq!([judge(), judge(), judge()].map(Verdict::forwarded), [4, 2, 0]);
        lane.heal();
        assert_eq!(judge(), Verdict::Forward(4));
    }
}
