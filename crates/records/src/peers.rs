//! What several brokers on one store of records agree about: which of them drives which run.

use crate::error::StoreError;
use crate::id::RunId;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::fmt;

type Result<T> = std::result::Result<T, StoreError>;

/// The number of a taking: it grows each time a run is taken, whoever takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub u64);

/// How things stand among the brokers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Runs that are not over and that no broker has: as many of them as are this broker's share.
    pub free: Vec<RunId>,
    /// Runs of this broker that another one is to have, and the number of the taking by which this one has them: it may
    /// know of none, when it stopped before the answer of [`Peers::take`] came.
    pub wanted: Vec<(RunId, Fence)>,
    /// Whether the others took this broker for dead meanwhile: it has no run any more.
    pub buried: bool,
}

/// Brokers that share a store of records.
///
/// *Promises*: of all brokers at most one has a run; a write with [`crate::Change::Held`] is made only if its fence is
/// that of the last taking, which is found out in the transaction that makes it and by no clock but the store's; a
/// broker that dies has no run some seconds later.
#[async_trait]
pub trait Peers: fmt::Debug + Send + Sync {
    /// Takes a run, also one that this broker has; none when another one has it, or it is over. What is read afterwards
    /// holds all that was written under earlier fences.
    async fn take(&self, run: &RunId) -> Result<Option<Fence>>;

    /// Asks whoever has a run to leave it to this broker.
    async fn want(&self, run: &RunId) -> Result<()>;

    /// Gives up a run, in favour of whoever wants it. Nothing happens when the fence is an earlier one.
    async fn give(&self, run: &RunId, fence: Fence) -> Result<()>;

    /// Says that this broker lives, and asks how things stand.
    async fn stand(&self) -> Result<Standing>;

    /// The runs that brokers have which live.
    async fn driven(&self) -> Result<BTreeSet<RunId>>;

    /// Waits until other brokers have written something, and gives the runs that it is about; none where it may be about
    /// any.
    async fn written(&self) -> Option<BTreeSet<RunId>>;

    /// Gives everything up, as the last that this broker does.
    async fn leave(&self) -> Result<()>;
}
