//! A cloud in memory, nastier than real ones, for tests under virtual time.
//!
//! [`MemoryCloud`] implements [`crate::Provider`] on tokio's timer: with the timer paused, a day of
//! boots, preemptions and retries passes in milliseconds. What goes wrong is decided
//! * by a seed and a [`Nastiness`] (how likely each fault is), for runs by the thousand, and
//! * by a [`Script`] (this fault at that call), for walking through every step of a saga.
//!
//! Machines are tables: a [`Workload`] says what a script prints, leaves behind and returns, and its
//! outputs are written to object stores ([`Stores`]) in whatever [`TreeFormat`] the data plane uses.
//! A test asks afterwards what no real cloud answers: [`MemoryCloud::billable`],
//! [`MemoryCloud::cost`], [`MemoryCloud::calls`], [`MemoryCloud::violations`].
//!
//! *Guarantee:* the same seed and the same calls at the same times give the same faults, states and
//! events, bit for bit, and the port's contract holds under every fault: a token makes one lease, a
//! released lease costs nothing. One simulation needs one single-threaded runtime, as steps run on
//! it while their broker may be gone.
//!
//! *Rejected:* a mock that returns canned answers, which would agree with whatever its test believes.

mod audit;
mod call;
mod clock;
mod cloud;
mod fate;
mod layout;
mod nastiness;
mod node;
mod record;
mod rng;
mod script;
mod shared;
mod slow;
mod step;
mod stores;
mod tree;
mod usage;
mod workload;

pub use call::Call;
pub use clock::SimClock;
pub use cloud::{MemoryCloud, MemoryCloudBuilder};
pub use fate::{Fate, Loss};
pub use layout::{Layout, Stock, StockKey};
pub use nastiness::Nastiness;
pub use script::{Fault, Op, Script};
pub use stores::Stores;
pub use tree::{PlainTrees, Tree, TreeFormat};
pub use workload::{Outcome, Work, Workload};
