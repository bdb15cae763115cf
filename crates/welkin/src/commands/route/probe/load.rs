//! Load on the way to a gateway, and what of it arrives.
//!
//! 1. A few small questions on the idle way give its round trip.
//! 2. Writers write blocks of random bytes, each writer to a key of its own again and again, until time or bytes are
//!    used up. Blocks grow until a write takes a noticeable time, so that a slow way is not waited for long and a fast
//!    one is full.
//! 3. The rate is that of the second half: by then the connections are as many as pay.
//! 4. For the way back, the keys are read.
//!
//! *Bounds:* at most [`Bounds::bytes`] each way, and [`WRITERS`] blocks at the gateway, whatever was written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};
use welkin_gateway::Agent;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{Endpoint, Failure, FailureKind, Metadata, Read};

/// Calls at a time. Sixteen of the longest blocks are more than a gateway grants.
const WRITERS: usize = 16;

/// Shortest and longest block, as powers of two: 64 KiB, what a connection carries at once, to 8 MiB, a usual part.
const BLOCK_BITS: std::ops::RangeInclusive<u32> = 16..=23;

/// A call that takes less is followed by one twice as long.
const NOTICEABLE: Duration = Duration::from_millis(250);

/// Questions whose shortest answer is the round trip.
const QUESTIONS: usize = 5;

/// How often it is noted what arrived.
const NOTE_EVERY: Duration = Duration::from_millis(50);

/// How long calls under way may take beyond the time: a write is about a quarter second, or sixteen of the shortest
/// blocks on a way of 300 kbit/s.
const GRACE: Duration = Duration::from_secs(30);

/// How much of one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) time: Duration,
    pub(super) bytes: u64,
}

/// What one direction carried.
#[derive(Debug, Clone)]
pub(super) struct Measurement {
    pub(super) bits_per_s: u64,
    pub(super) round_trip: Duration,
    pub(super) connections: usize,
    /// Moved in all.
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// Keys of a gateway for as long as it is probed.
pub(super) struct Load {
    agent: Arc<Agent>,
    keys: Vec<String>,
    /// From the shortest to the longest.
    blocks: Vec<Arc<Block>>,
}

/// What the calls of one direction share.
struct Shared {
    over: AtomicBool,
    left: AtomicU64,
    moved: AtomicU64,
}

impl Load {
    pub(super) fn new(agent: Arc<Agent>, folder: &str) -> Self {
        let now = jiff::Timestamp::now().as_nanosecond();
        let seed = blake3::hash(format!("{now}-{}", std::process::id()).as_bytes());
        let slash = if folder.is_empty() || folder.ends_with('/') { "" } else { "/" };
        let prefix = format!("{folder}{slash}welkin-probe-{}", &seed.to_hex()[..12]);
        let keys = (0..WRITERS).map(|writer| format!("{prefix}/{writer}")).collect();
        Self { agent, keys, blocks: BLOCK_BITS.map(|bits| random_block(&seed, 1 << bits)).collect() }
    }

    /// There, and back if asked for.
    pub(super) async fn measure(
        &self,
        bounds: Bounds,
        back: bool,
    ) -> Result<(Measurement, Option<Measurement>), Failure> {
        let round_trip = self.round_trip().await?;
        let sizes: Vec<_> = self.keys.iter().map(|_| AtomicU64::new(0)).collect();
        let there = self.direction(bounds, round_trip, async |shared, writer| {
            self.write(shared, &self.keys[writer], &sizes[writer]).await
        });
        let there = there.await?;
        if !back {
            return Ok((there, None));
        }
        let back = self.direction(bounds, round_trip, async |shared, writer| {
            self.read(shared, &self.keys[writer], sizes[writer].load(Ordering::Relaxed)).await
        });
        Ok((there, Some(back.await?)))
    }

    /// Removes what was written.
    pub(super) async fn clean(&self) -> Result<(), Failure> {
        match self.agent.delete(&self.keys).await?.into_iter().next() {
            None => Ok(()),
            Some((_, failure)) => Err(failure),
        }
    }

    async fn round_trip(&self) -> Result<Duration, Failure> {
        let mut shortest = Duration::MAX;
        for _ in 0..QUESTIONS {
            let asked = Instant::now();
            self.agent.find(&self.keys[0]).await?;
            shortest = shortest.min(asked.elapsed());
        }
        Ok(shortest)
    }

    async fn direction(
        &self,
        bounds: Bounds,
        round_trip: Duration,
        work: impl AsyncFn(&Shared, usize) -> Result<(), Failure>,
    ) -> Result<Measurement, Failure> {
        let shared = Shared {
            over: AtomicBool::new(false),
            left: AtomicU64::new(bounds.bytes),
            moved: AtomicU64::new(0),
        };
        let began = Instant::now();
        let working = futures::future::try_join_all((0..WRITERS).map(|writer| work(&shared, writer)));
        tokio::pin!(working);
        // Bytes by time, from the beginning to the end.
        let mut notes = vec![(Duration::ZERO, 0)];
        let mut connections = 0;
        let mut ticks = interval(NOTE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let ended = tokio::select! {
                ended = &mut working => Some(ended),
                _ = ticks.tick() => None,
            };
            let time = began.elapsed();
            if ended.is_some() || time <= bounds.time {
                notes.push((time, shared.moved.load(Ordering::Relaxed)));
                connections = self.agent.paths().iter().map(|path| path.lanes).sum();
            }
            shared.over.fetch_or(time >= bounds.time, Ordering::Relaxed);
            if let Some(ended) = ended {
                ended?;
                break;
            }
            if time > bounds.time + GRACE {
                let why = "what was under way when the time was over did not arrive";
                return Err(Failure::new(FailureKind::Transient, "probe the gateway", why));
            }
        }
        let bytes = shared.moved.load(Ordering::Relaxed);
        Ok(Measurement {
            bits_per_s: late_rate(&notes),
            round_trip,
            connections,
            bytes,
            time: began.elapsed(),
        })
    }

    async fn write(&self, shared: &Shared, key: &str, size: &AtomicU64) -> Result<(), Failure> {
        let mut step = 0;
        while let Some(block) = self.blocks.get(step).filter(|block| shared.claims(block.len() as u64)) {
            let began = Instant::now();
            self.agent.put(key, &Metadata::default(), block).await?;
            shared.moved.fetch_add(block.len() as u64, Ordering::Relaxed);
            size.store(block.len() as u64, Ordering::Relaxed);
            step = if began.elapsed() < NOTICEABLE { (step + 1).min(self.blocks.len() - 1) } else { step };
        }
        Ok(())
    }

    async fn read(&self, shared: &Shared, key: &str, size: u64) -> Result<(), Failure> {
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        while length > 0 && shared.claims(size) {
            let what = Read { key, offset: 0, length, whole: true, version: None };
            self.agent.read(what, Buffer::detached(length)).await?;
            shared.moved.fetch_add(size, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Shared {
    /// Whether so many bytes may still be moved.
    fn claims(&self, bytes: u64) -> bool {
        let take = |left: u64| left.checked_sub(bytes);
        !self.over.load(Ordering::Relaxed)
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Bits a second from the middle of the time on. At least one, so that it is a rate.
fn late_rate(notes: &[(Duration, u64)]) -> u64 {
    let Some((end, all)) = notes.last() else { return 1 };
    let middle = notes.iter().rfind(|(time, _)| *time * 2 <= *end);
    let (since, before) = middle.copied().unwrap_or_default();
    let seconds = (*end - since).as_secs_f64();
    if seconds > 0.0 { (((all - before) * 8) as f64 / seconds).max(1.0) as u64 } else { 1 }
}

fn random_block(seed: &blake3::Hash, length: usize) -> Arc<Block> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new_keyed(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    let mut writer = BlockWriter::new(Buffer::detached(length), 0, length, true);
    writer.extend(&bytes);
    Arc::new(writer.finish().expect("it has all of its bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_second_half() {
        let note = |ms, bytes| (Duration::from_millis(ms), bytes);
        assert_eq!(late_rate(&[note(0, 0), note(500, 10), note(1000, 1010)]), 16_000);
        assert_eq!(late_rate(&[note(0, 0), note(100, 1000)]), 80_000);
        assert_eq!(late_rate(&[note(0, 0)]), 1);
        assert_eq!(late_rate(&[]), 1);
    }

    #[test]
    fn no_more_is_claimed_than_there_is() {
        let shared =
            Shared { over: AtomicBool::new(false), left: AtomicU64::new(10), moved: AtomicU64::new(0) };
        assert!(shared.claims(6) && !shared.claims(6) && shared.claims(4) && !shared.claims(1));
    }
}
