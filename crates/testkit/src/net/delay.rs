//! Delay and loss between two nodes, made in user space.
//!
//! Each node gets a TUN device; a thread reads the packets of one, keeps each for the delay, and writes
//! it to the other.
//!
//! 1. Wait until a packet comes or one falls due.
//! 2. Read up to [`BATCH`] packets of each side, drop what the seed says, queue the others with the
//!    time they fall due. The delay is one for all, so the queue is sorted.
//! 3. Write what is due. A packet that the other side does not take is lost, as on a full link.
//!
//! *Guarantee:* which packets of a direction are lost depends on the seed and their numbers alone. Only
//! IPv4 is carried: what the kernel sends for IPv6 on its own account would disturb the count.
//!
//! *Limit:* without offloads each packet is one read and one write, so the CPU bounds the rate.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::bed::Bed;
use super::node::Node;
use super::shell::NetError;
use super::tun;
use crate::s3::mixed;

/// Read from one side before the other gets its turn.
const BATCH: usize = 64;

/// Queued at most: 100 ms of 1500-byte packets at 8 Gbit/s. What comes on top is lost.
const QUEUED: usize = 65_536;

/// The thread looks so often whether it is to end.
const PATIENCE: Duration = Duration::from_millis(20);

/// How the two nodes see each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayOptions {
    /// In each direction: half the round trip.
    pub delay: Duration,
    /// The share of packets that are lost in each direction, 0 to 1.
    pub loss: f64,
    /// What the losses depend on.
    pub seed: u64,
    /// The largest packet.
    pub mtu: u32,
}

impl Default for DelayOptions {
    fn default() -> Self {
        Self { delay: Duration::ZERO, loss: 0.0, seed: 0, mtu: 1_500 }
    }
}

/// Joins two nodes until it is dropped.
#[derive(Debug)]
pub struct DelayBox {
    ends: [String; 2],
    addresses: [Ipv4Addr; 2],
    settings: Arc<Settings>,
    thread: Option<JoinHandle<()>>,
}

/// What may change, and what happened.
#[derive(Debug, Default)]
struct Settings {
    delay_ns: AtomicU64,
    /// Of 2^32.
    loss: AtomicU64,
    stop: AtomicBool,
    carried: AtomicU64,
    lost: AtomicU64,
}

impl DelayBox {
    /// Joins two nodes of a bed.
    pub fn new(bed: &Bed, a: &Node, b: &Node, options: DelayOptions) -> Result<Self, NetError> {
        let number = bed.next_link();
        let addresses = [1, 2].map(|host| Ipv4Addr::new(10, 78, number, host));
        let device = format!("wd{number}");
        let own = tun::create(a, &device, (addresses[0], addresses[1]), options.mtu)?;
        let other = tun::create(b, &device, (addresses[1], addresses[0]), options.mtu)?;
        let settings = Arc::new(Settings::default());
        let ends = [a.namespace().to_owned(), b.namespace().to_owned()];
        let carrier = Carrier {
            sides: [own, other],
            settings: Arc::clone(&settings),
            seed: options.seed,
            mtu: options.mtu as usize,
            seen: [0; 2],
            queue: VecDeque::new(),
            spare: Vec::new(),
        };
        let mut own = Self { ends, addresses, settings, thread: None };
        own.set_delay(options.delay);
        own.set_loss(options.loss);
        let spawned = std::thread::Builder::new().name("delay-box".to_owned()).spawn(move || carrier.run());
        own.thread = Some(spawned.map_err(|source| NetError::system("start the delay box", source))?);
        Ok(own)
    }

    /// The address of one of its two nodes.
    ///
    /// # Panics
    /// If the node is not one of them.
    pub fn address(&self, node: &Node) -> IpAddr {
        let end = self.ends.iter().position(|end| end == node.namespace());
        IpAddr::V4(self.addresses[end.unwrap_or_else(|| panic!("node {} is not here", node.name()))])
    }

    /// Delays what comes from now on so long.
    pub fn set_delay(&self, delay: Duration) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.settings.delay_ns.store(nanos, Ordering::Relaxed);
    }

    /// Loses this share of what comes from now on.
    pub fn set_loss(&self, loss: f64) {
        let of = (loss.clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64;
        self.settings.loss.store(of, Ordering::Relaxed);
    }

    /// Packets delivered so far.
    pub fn carried(&self) -> u64 {
        self.settings.carried.load(Ordering::Relaxed)
    }

    /// Packets lost so far, on purpose or because a queue was full.
    pub fn lost(&self) -> u64 {
        self.settings.lost.load(Ordering::Relaxed)
    }
}

impl Drop for DelayBox {
    fn drop(&mut self) {
        self.settings.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let panicked = thread.join().is_err();
            assert!(!panicked || std::thread::panicking(), "the delay box panicked");
        }
    }
}

struct Carrier {
    sides: [OwnedFd; 2],
    settings: Arc<Settings>,
    seed: u64,
    mtu: usize,
    /// Packets read so far, of each side.
    seen: [u64; 2],
    queue: VecDeque<Waiting>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
}

struct Waiting {
    due: Instant,
    to: usize,
    packet: Vec<u8>,
    len: usize,
}

impl Carrier {
    fn run(mut self) {
        while !self.settings.stop.load(Ordering::Relaxed) {
            let Ok(ready) = self.wait() else { return };
            for from in (0..2).filter(|from| ready[*from]) {
                self.take(from);
            }
            self.deliver();
        }
    }

    /// Which sides have a packet.
    fn wait(&self) -> rustix::io::Result<[bool; 2]> {
        let now = Instant::now();
        let due = self.queue.front().map_or(PATIENCE, |waiting| waiting.due.saturating_duration_since(now));
        let due = due.min(PATIENCE);
        let timeout = Timespec { tv_sec: due.as_secs() as i64, tv_nsec: due.subsec_nanos().into() };
        let [a, b] = &self.sides;
        let mut fds = [PollFd::new(a, PollFlags::IN), PollFd::new(b, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {
                Ok([0, 1].map(|side| fds[side].revents().contains(PollFlags::IN)))
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, from: usize) {
        let delay = Duration::from_nanos(self.settings.delay_ns.load(Ordering::Relaxed));
        let loss = self.settings.loss.load(Ordering::Relaxed);
        let due = Instant::now() + delay;
        for _ in 0..BATCH {
            let mut packet = self.spare.pop().unwrap_or_else(|| vec![0; self.mtu]);
            // Empty, or the device is gone and the namespace with it.
            let Ok(len) = rustix::io::read(&self.sides[from], &mut packet[..]) else {
                self.spare.push(packet);
                return;
            };
            if packet[0] >> 4 != 4 {
                self.spare.push(packet);
                continue;
            }
            self.seen[from] += 1;
            let number = self.seen[from] * 2 + from as u64;
            if mixed(self.seed ^ mixed(number)) >> 32 < loss || self.queue.len() >= QUEUED {
                self.settings.lost.fetch_add(1, Ordering::Relaxed);
                self.spare.push(packet);
                continue;
            }
            self.queue.push_back(Waiting { due, to: 1 - from, packet, len });
        }
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        while self.queue.front().is_some_and(|waiting| waiting.due <= now)
            && let Some(waiting) = self.queue.pop_front()
        {
            let written = rustix::io::write(&self.sides[waiting.to], &waiting.packet[..waiting.len]);
            let counter = if written.is_ok() { &self.settings.carried } else { &self.settings.lost };
            counter.fetch_add(1, Ordering::Relaxed);
            self.spare.push(waiting.packet);
        }
    }
}
