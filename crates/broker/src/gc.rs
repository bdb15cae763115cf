//! The orphan sweep: what providers hold for this owner that no run needs.
//!
//! Leases whose token no open attempt of any run carries are given back. Trees that were published by
//! attempts which did not commit, uploads of runs that are over, and copies that no open run may
//! still fetch are deleted. Committed outputs stay.

use crate::broker::Broker;
use crate::error::{RunError, StoreError};
use crate::id::{RUNS, RunId, TREES};
use crate::limits::RELEASE_WITHIN;
use crate::live::{Live, World, read};
use crate::patience::{Patience, trying, unless_final};
use crate::sql;
use crate::view::RunView;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use thiserror::Error;
use welkin_provider::{Location, ProviderError};

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Leases that were given back: `provider: id`.
    pub leases: Vec<String>,
    /// Objects that were deleted.
    pub objects: u64,
    /// What could not be looked at or given back, in words; sweep again later.
    pub failures: Vec<String>,
}

/// Why a sweep could not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GcError {
    /// The store.
    #[error("reading what is needed")]
    Store(#[source] StoreError),
}

impl Broker {
    /// Sweeps every provider for what no run needs.
    ///
    /// # Errors
    /// [`GcError`] when the store cannot tell what is needed; nothing is touched then.
    pub async fn gc(&self) -> Result<Collected, GcError> {
        let runs = views(self.world()).map_err(GcError::Store)?;
        let mut collected = Collected::default();
        let needed: BTreeSet<String> = runs.iter().flat_map(|run| needed_tokens(self.world(), run)).collect();
        sweep_leases(self.world(), |token| !needed.contains(token), &mut collected).await;
        let places: BTreeSet<Location> =
            runs.iter().flat_map(RunView::attempts).map(|attempt| attempt.place.location.clone()).collect();
        for place in places {
            if let Err(failure) = sweep_store(self.world(), &place, &runs, &mut collected).await {
                collected.failures.push(format!("the store of {place}: {failure}"));
            }
        }
        Ok(collected)
    }

    /// Gives everything back that a run holds: cancels it unless it is over, then looks for leases
    /// with its tokens at every provider.
    ///
    /// # Errors
    /// [`RunError`] as for [`Broker::cancel`].
    pub async fn down(&self, run: &RunId) -> Result<Collected, RunError> {
        self.cancel(run).await?;
        let live = Live::load(self.world(), run)?;
        let tokens: BTreeSet<String> =
            live.view.borrow().attempts().map(|attempt| live.token(attempt.id).0).collect();
        let mut collected = Collected::default();
        sweep_leases(self.world(), |token| tokens.contains(token), &mut collected).await;
        Ok(collected)
    }
}

fn views(world: &World) -> Result<Vec<RunView>, StoreError> {
    let db = world.store.db();
    sql::runs(&db)?.iter().map(|row| Ok(read(&db, row)?.1)).collect()
}

/// Tokens whose lease is the business of whoever drives the run: those of leases that are not over.
fn needed_tokens(world: &World, run: &RunView) -> Vec<String> {
    let open = run.attempts().filter(|attempt| !run.state.is_over() && !attempt.lease.is_over());
    open.map(|attempt| attempt.id.token(&run.id, &world.salt).0).collect()
}

async fn sweep_leases(world: &World, is_orphan: impl Fn(&str) -> bool, collected: &mut Collected) {
    let patience = Patience { within: RELEASE_WITHIN, passes: unless_final };
    for (name, provider) in &world.options.providers {
        let list = trying(patience, &world.rng, |_| {}, || provider.list(&world.owner)).await;
        let leases = match list {
            Ok(leases) => leases,
            Err(error) => {
                collected.failures.push(error.to_string());
                continue;
            }
        };
        for lease in leases {
            if lease.state.is_over() || !is_orphan(&lease.token.0) {
                continue;
            }
            let released: Result<(), ProviderError> =
                trying(patience, &world.rng, |_| {}, || provider.release(&lease.id)).await;
            match released {
                Ok(()) => collected.leases.push(format!("{name}: {}", lease.id)),
                Err(error) => collected.failures.push(error.to_string()),
            }
        }
    }
}

async fn sweep_store(
    world: &Arc<World>,
    place: &Location,
    runs: &[RunView],
    collected: &mut Collected,
) -> Result<(), String> {
    let provider = world.provider(&place.provider).map_err(|error| error.to_string())?;
    let patience = Patience { within: RELEASE_WITHIN, passes: unless_final };
    let store = trying(patience, &world.rng, |_| {}, || provider.store(place, &world.owner))
        .await
        .map_err(|error| error.to_string())?;
    let kept: Vec<Path> = runs.iter().flat_map(kept_prefixes).map(Path::from).collect();
    for root in [RUNS, TREES] {
        let objects: Vec<Path> = store
            .list(Some(&Path::from(root)))
            .map_ok(|object| object.location)
            .try_collect()
            .await
            .map_err(|error| error.to_string())?;
        // Manifests go first, so that no tree is ever seen half deleted.
        let mut garbage: Vec<Path> = objects
            .into_iter()
            .filter(|object| !kept.iter().any(|prefix| object.prefix_matches(prefix)))
            .collect();
        garbage.sort_by_key(|object| object.filename() != Some("manifest.json"));
        for object in garbage {
            store.delete(&object).await.map_err(|error| error.to_string())?;
            collected.objects += 1;
        }
    }
    Ok(())
}

/// What must stay: committed outputs of every run; of a run that is not over, everything it
/// published or may fetch.
fn kept_prefixes(run: &RunView) -> Vec<String> {
    let outputs = run.tasks.iter().flat_map(|task| task.outputs.values());
    let mut kept: Vec<String> = outputs.map(|tree| tree.prefix.clone()).collect();
    if !run.state.is_over() {
        kept.push(format!("{RUNS}/{}/{}", run.id, crate::stage::INPUTS));
        for task in &run.tasks {
            // A copy may be under way for a task that has not recorded it yet.
            kept.extend(task.outputs.values().map(|tree| format!("{TREES}/{}", tree.digest)));
            if let Some(attempt) = task.live() {
                kept.push(attempt.id.folder(&run.id, &task.name));
            }
        }
    }
    kept
}
