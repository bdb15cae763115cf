//! Forgetting runs: their records, logs, uploads, and what they keep in the stores of providers.
//!
//! *Order:* what lies at providers goes first, then the logs in portions, then everything else of the run in
//! one transaction. So a run is on record until nothing of it is left anywhere else, and whoever is killed
//! in the middle finds it again. At last the database gives the room back to the disk.
//!
//! *Guarantee:* nothing of a run goes that is not over, that has a lease which may still cost, or whose
//! lease a provider cannot be asked about. The sums of the month stay, so that no later run pays less for
//! having forgotten an earlier one. A forgotten id is not given again: leases are asked for by it.
//!
//! *Rejected:* to mark runs as forgotten and sweep later: what is not deleted is still paid for.

mod held;
mod weight;

pub use weight::Weight;

use crate::broker::Broker;
use crate::error::StoreError;
use crate::gc::PATIENCE;
use crate::live::{Story, World, read};
use crate::patience::trying;
use crate::shelf;
use crate::view::RunView;
use held::Held;
use serde::Serialize;
use welkin_provider::Location;
use welkin_records::{Change, RunId};
use welkin_transfer::{TransferError, objects_below, remove_objects, unfinished_below};
use welkin_units::Bytes;

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Runs of which nothing is left.
    pub runs: Vec<RunId>,
    /// Objects that were deleted from the stores of providers.
    pub objects: u64,
    /// Their size.
    pub object_bytes: Bytes,
    /// By how much the database became smaller.
    pub database_bytes: Bytes,
    /// Runs that were left as they are, each with the reason.
    pub kept: Vec<Kept>,
    /// What failed besides, in words.
    pub failures: Vec<String>,
}

/// A run that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Which.
    pub run: RunId,
    /// Why.
    pub why: String,
}

/// Lines of logs that go in one transaction: a cancel request of another process waits no longer for
/// them than for a few megabytes.
const PORTION: u32 = 10_000;

impl Broker {
    /// Forgets these runs, as far as nothing of them may still cost. One that is gone already, since
    /// somebody else was faster, is passed over.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written. What was done before stays done.
    pub async fn prune(&self, ids: &[RunId]) -> Result<Pruned, StoreError> {
        let before = self.world().store.records().await?.size().await;
        let held = if ids.is_empty() { Held::default() } else { Held::ask(self.world()).await };
        let mut pruned = Pruned::default();
        for id in ids {
            match self.may_go(id, &held).await? {
                Some(Ok(view)) => self.forget(&view, &mut pruned).await?,
                Some(Err(why)) => pruned.kept.push(Kept { run: id.clone(), why }),
                None => {}
            }
        }
        let records = self.world().store.records().await?;
        if let Err(error) = records.shrink().await {
            pruned.failures.push(format!("the database cannot be made smaller now: {}", error.chain()));
        }
        pruned.database_bytes = Bytes::new(before.saturating_sub(records.size().await));
        Ok(pruned)
    }

    /// The run, if nothing of it may still cost; otherwise why it stays. `None` when there is none.
    async fn may_go(&self, id: &RunId, held: &Held) -> Result<Option<Result<RunView, String>>, StoreError> {
        let story = match read(self.world().store.records().await?, id).await {
            Err(StoreError::NoSuchRun { .. }) => return Ok(None),
            story => story.map_err(|error| format!("its records cannot be read: {}", error.chain())),
        };
        Ok(Some(story.and_then(|Story { view, .. }| match held.objection(&view) {
            Some(why) => Err(why),
            None => Ok(view),
        })))
    }

    async fn forget(&self, view: &RunView, pruned: &mut Pruned) -> Result<(), StoreError> {
        if let Err(why) = self.forget_elsewhere(view, pruned).await {
            pruned.kept.push(Kept { run: view.id.clone(), why });
            return Ok(());
        }
        self.world().snapshots.drop_of(&view.id);
        while self.forget_lines(&view.id).await? > 0 {}
        self.world().store.write(Change::Forgotten { run: view.id.clone() }).await?;
        pruned.runs.push(view.id.clone());
        Ok(())
    }

    /// What lies at providers: objects, and records of leases that are over.
    async fn forget_elsewhere(&self, view: &RunView, pruned: &mut Pruned) -> Result<(), String> {
        for place in weight::places(view) {
            let emptied = empty(self.world(), &place, &view.id, pruned).await;
            emptied.map_err(|why| format!("the store of {place}: {why}"))?;
        }
        for attempt in view.attempts() {
            let Some(lease) = &attempt.lease_id else { continue };
            let provider = self.world().provider(&attempt.place.location.provider);
            let provider = provider.map_err(|error| error.to_string())?;
            let gone = trying(PATIENCE, &self.world().rng, |_| {}, || provider.forget(lease)).await;
            gone.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn forget_lines(&self, id: &RunId) -> Result<u64, StoreError> {
        let portion = Change::LinesForgotten { run: id.clone(), most: PORTION };
        Ok(self.world().store.write(portion).await?.lines)
    }
}

/// Deletes everything that a run has in the store of a place.
async fn empty(world: &World, place: &Location, run: &RunId, pruned: &mut Pruned) -> Result<(), String> {
    let words = |error: TransferError| error.chain();
    let provider = world.provider(&place.provider).map_err(|error| error.to_string())?;
    let open = || shelf::opened(&**provider, &*world.options.stores, place, &world.owner);
    let shelf = trying(PATIENCE, &world.rng, |_| {}, open).await.map_err(|error| error.to_string())?;
    let objects = objects_below(&shelf.store, &run.folder()).await.map_err(words)?;
    let unfinished = unfinished_below(&shelf.store, &run.folder()).await.map_err(words)?;
    let (count, bytes) = (objects.len() as u64, objects.iter().map(|object| object.size).sum());
    let keys = objects.into_iter().map(|object| object.key).collect();
    remove_objects(&shelf.store, keys, &unfinished).await.map_err(words)?;
    pruned.objects += count;
    pruned.object_bytes += Bytes::new(bytes);
    Ok(())
}
