//! This broker among others that share its records: which runs it has taken, and how it leaves them.
//!
//! A run is taken before it is driven, and whoever drives it says with each write since which taking. When another broker
//! is to have it, or has taken this one for dead, its future is dropped as if this process had been killed: what it was
//! doing goes on elsewhere from the record.

use crate::broker::Broker;
use crate::error::{RunError, StoreError};
use crate::live::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use welkin_records::{Change, Fence, RunId};

/// The runs that this broker has taken.
#[derive(Debug, Default)]
pub(crate) struct Taken(Mutex<BTreeMap<RunId, (Fence, oneshot::Sender<()>)>>);

/// A run that was taken.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    fence: Option<Fence>,
    left: Option<oneshot::Receiver<()>>,
}

impl Hold {
    /// What stands before every write of the run.
    pub(crate) fn change(&self, run: &RunId) -> Option<Change> {
        self.fence.map(|fence| Change::Held { run: run.clone(), fence })
    }

    /// Returns once this broker has it no more.
    pub(crate) fn left(&mut self) -> impl Future<Output = ()> + use<> {
        let left = self.left.take();
        async move {
            match left {
                // An error says that it was taken anew: whoever drives it under this taking is to stop as well.
                Some(left) => drop(left.await),
                None => std::future::pending().await,
            }
        }
    }
}

impl Taken {
    /// Takes a run, if no other broker has it. A broker that is alone has all.
    pub(crate) async fn take(&self, world: &World, run: &RunId) -> Result<Option<Hold>, StoreError> {
        let Some(peers) = &world.options.peers else { return Ok(Some(Hold::default())) };
        let Some(fence) = peers.take(run).await? else { return Ok(None) };
        let (leave, left) = oneshot::channel();
        self.all().insert(run.clone(), (fence, leave));
        Ok(Some(Hold { fence: Some(fence), left: Some(left) }))
    }

    /// Stops driving a run that was taken under this fence or an earlier one. A later taking is newer than the question,
    /// and goes on.
    fn stop(&self, run: &RunId, fence: Fence) {
        let mut all = self.all();
        if all.get(run).is_none_or(|(taken, _)| *taken > fence) {
            return;
        }
        if let Some((_, leave)) = all.remove(run) {
            // Nobody drives it at present: it paused.
            let _ = leave.send(());
        }
    }

    fn stop_all(&self) {
        for (_, (_, leave)) in std::mem::take(&mut *self.all()) {
            let _ = leave.send(());
        }
    }

    /// It is over.
    pub(crate) fn forget(&self, run: &RunId) {
        self.all().remove(run);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<RunId, (Fence, oneshot::Sender<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a run under a taking that is no longer the last.
pub(crate) fn held_elsewhere(run: &RunId, error: RunError) -> RunError {
    match error {
        RunError::Store(StoreError::NotHeld { .. }) => RunError::AlreadyDriven { run: run.clone() },
        error => error,
    }
}

impl Broker {
    /// Whether there may be others.
    #[must_use]
    pub fn has_peers(&self) -> bool {
        self.world().options.peers.is_some()
    }

    /// Says that this broker lives, leaves runs that others are to have, and gives those that are free and that it may
    /// drive. To be called every second, or others take it for dead.
    ///
    /// # Errors
    /// [`StoreError`] when the records cannot be used.
    pub async fn stand(&self) -> Result<Vec<RunId>, StoreError> {
        let world = self.world();
        let Some(peers) = &world.options.peers else { return Ok(Vec::new()) };
        let standing = peers.stand().await?;
        if standing.buried {
            world.taken.stop_all();
        }
        for (run, fence) in standing.wanted {
            world.taken.stop(&run, fence);
            // Also one that is not known here: its driver was dropped before the answer of the taking came, or a give
            // failed after the run was stopped.
            peers.give(&run, fence).await?;
        }
        Ok(standing.free)
    }

    /// Asks for a run that another broker has: it is free for this one soon.
    ///
    /// # Errors
    /// [`StoreError`] when the records cannot be used.
    pub async fn want(&self, run: &RunId) -> Result<(), StoreError> {
        match &self.world().options.peers {
            Some(peers) => peers.want(run).await,
            None => Ok(()),
        }
    }

    /// Waits until other brokers have written something: about these runs, or about any. For ever where there are none.
    pub async fn written(&self) -> Option<BTreeSet<RunId>> {
        match &self.world().options.peers {
            Some(peers) => peers.written().await,
            None => std::future::pending().await,
        }
    }

    /// Leaves everything to the others. Nothing of any run is written afterwards.
    ///
    /// # Errors
    /// [`StoreError`] when the records cannot be used: they find out by themselves, some seconds later.
    pub async fn leave(&self) -> Result<(), StoreError> {
        let Some(peers) = &self.world().options.peers else { return Ok(()) };
        self.world().taken.stop_all();
        peers.leave().await
    }
}
