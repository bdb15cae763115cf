//! The orphan sweep: what providers hold for this owner that no run needs.
//!
//! Leases whose token no open attempt of any run carries are given back. Trees that were published by
//! attempts which did not commit, and uploads and copies of runs that are over, are deleted. Committed outputs stay.

use crate::among::Hold;
use crate::broker::Broker;
use crate::error::{RunError, StoreError};
use crate::limits::RELEASE_WITHIN;
use crate::live::{Live, World, read};
use crate::patience::{Patience, trying, unless_final};
use crate::shelf;
use crate::view::{AttemptView, RunView};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thiserror::Error;
use welkin_name::Name;
use welkin_provider::{Lease, Location, ProviderError, ProviderId};
use welkin_records::{RUNS, RunId, Which};
use welkin_transfer::{TransferError, objects_below, remove_objects, unfinished_below};

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// Leases that were given back, by their names where they can have one.
    pub leases: Vec<String>,
    /// Objects that were deleted.
    pub objects: u64,
    /// What could not be looked at or given back, in words; sweep again later.
    pub failures: Vec<String>,
    /// Runs whose records cannot be read, in words. Nothing of theirs is touched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
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
        let mut collected = Collected::default();
        // What there is before what is needed: a run that goes on meanwhile has put on record
        // whatever it made before it was listed, so nothing new is taken for an orphan.
        let leases = listed(self.world(), &mut collected).await;
        let known = Known::read(self.world()).await.map_err(GcError::Store)?;
        collected.unreadable = known.unreadable.iter().map(|(_, why)| why.clone()).collect();
        let needed: BTreeSet<String> =
            known.runs.iter().flat_map(|run| needed_tokens(self.world(), run)).collect();
        let is_orphan = |token: &str| !needed.contains(token) && !known.may_be_of_unreadable(token);
        let asked = known.runs.iter().flat_map(|run| asked(self.world(), run)).collect();
        release(self.world(), leases, is_orphan, &asked, &mut collected).await;
        let attempts = known.runs.iter().flat_map(RunView::attempts);
        let places: BTreeSet<Location> = attempts.map(|attempt| attempt.place.location.clone()).collect();
        for place in places {
            if let Err(failure) = sweep_store(self.world(), &place, &mut collected).await {
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
        let live = Live::load(self.world(), run, Hold::default()).await?;
        let (tokens, asked): (BTreeSet<String>, _) = {
            let view = live.view.borrow();
            let tokens = view.attempts().map(|attempt| live.token(attempt.id).0).collect();
            (tokens, asked(self.world(), &view).collect())
        };
        let mut collected = Collected::default();
        let leases = listed(self.world(), &mut collected).await;
        release(self.world(), leases, |token| tokens.contains(token), &asked, &mut collected).await;
        Ok(collected)
    }
}

/// What the record says of every run.
struct Known {
    runs: Vec<RunView>,
    /// Runs that cannot be read, each with the reason.
    unreadable: Vec<(RunId, String)>,
}

impl Known {
    /// One damaged run must not keep the others from being swept.
    async fn read(world: &World) -> Result<Self, StoreError> {
        let records = world.store.records().await?;
        let mut known = Self { runs: Vec::new(), unreadable: Vec::new() };
        for line in records.runs(Which::All).await? {
            match read(records, &line.id).await {
                Ok(story) => known.runs.push(story.view),
                Err(error) => {
                    let why = format!("the records of {} cannot be read: {}", line.id, error.chain());
                    known.unreadable.push((line.id, why));
                }
            }
        }
        Ok(known)
    }

    /// Whether a lease may belong to a run that cannot be read.
    fn may_be_of_unreadable(&self, token: &str) -> bool {
        self.unreadable.iter().any(|(run, _)| token.starts_with(&format!("{run}-t")))
    }

    fn kept_prefixes(&self) -> impl Iterator<Item = String> {
        let unreadable = self.unreadable.iter().map(|(run, _)| run.folder());
        self.runs.iter().flat_map(kept_prefixes).chain(unreadable)
    }

    fn written_prefixes(&self) -> impl Iterator<Item = String> {
        let unreadable = self.unreadable.iter().map(|(run, _)| run.folder());
        self.runs.iter().flat_map(written_prefixes).chain(unreadable)
    }
}

/// Tokens whose lease is the business of whoever drives the run: those of leases that are not over.
fn needed_tokens(world: &World, run: &RunView) -> Vec<String> {
    let open = run.attempts().filter(|attempt| !run.state.is_over() && !attempt.lease.is_over());
    open.map(|attempt| attempt.id.token(&run.id, &world.salt).0).collect()
}

pub(crate) const PATIENCE: Patience = Patience { within: RELEASE_WITHIN, passes: unless_final };

/// Every lease of this owner, by provider.
async fn listed(world: &World, collected: &mut Collected) -> Vec<(ProviderId, Lease)> {
    let mut leases = Vec::new();
    for (name, provider) in &world.options.providers {
        match trying(PATIENCE, &world.rng, |_| {}, || provider.list(&world.owner)).await {
            Ok(list) => leases.extend(list.into_iter().map(|lease| (name.clone(), lease))),
            Err(error) => collected.failures.push(error.to_string()),
        }
    }
    leases
}

/// Gives back those that nobody needs. `asked` is what leases of runs on record were asked for as, by token.
pub(crate) async fn release(
    world: &World,
    leases: Vec<(ProviderId, Lease)>,
    is_orphan: impl Fn(&str) -> bool,
    asked: &BTreeMap<String, Name>,
    collected: &mut Collected,
) {
    for (name, lease) in leases {
        if lease.state.is_over() || !is_orphan(&lease.token.0) {
            continue;
        }
        match release_orphan(world, &name, &lease).await {
            Ok(true) => collected.leases.push(called(&lease, asked.get(&lease.token.0))),
            Ok(false) => {}
            Err(error) => collected.failures.push(error.to_string()),
        }
    }
}

/// What the attempts of a run asked for, by the tokens of their leases.
fn asked(world: &World, run: &RunView) -> impl Iterator<Item = (String, Name)> {
    let of =
        move |attempt: &AttemptView| Some((attempt.id.token(&run.id, &world.salt).0, attempt.name.clone()?));
    run.attempts().filter_map(of)
}

/// A lease as plans, runs and bills call it. Of one that is in no record it is not known what it is, only where; the
/// provider's own words have the last word where they cannot stand in a name.
pub(crate) fn called(lease: &Lease, asked: Option<&Name>) -> String {
    let name = match asked {
        Some(name) => name.with_instance(&lease.id.0),
        None => lease.location.offers("vm", "-").instance(&lease.id.0).build(),
    };
    name.map_or_else(|_| format!("{}: {}", lease.location.provider, lease.id), |name| name.to_string())
}

/// Whether it was still there: lists lag, and may show what a run has given back meanwhile.
async fn release_orphan(world: &World, name: &str, lease: &Lease) -> Result<bool, ProviderError> {
    let provider = world.provider(name)?;
    let now = trying(PATIENCE, &world.rng, |_| {}, || provider.observe(&lease.id)).await;
    if now.is_ok_and(|lease| lease.state.is_over()) {
        return Ok(false);
    }
    trying(PATIENCE, &world.rng, |_| {}, || provider.release(&lease.id)).await.map(|()| true)
}

async fn sweep_store(world: &Arc<World>, place: &Location, collected: &mut Collected) -> Result<(), String> {
    let words = |error: TransferError| error.chain();
    let provider = world.provider(&place.provider).map_err(|error| error.to_string())?;
    let open = || shelf::opened(&**provider, &*world.options.stores, place, &world.owner);
    let shelf = trying(PATIENCE, &world.rng, |_| {}, open).await.map_err(|error| error.to_string())?;
    let objects = objects_below(&shelf.store, RUNS).await.map_err(words)?;
    let unfinished = unfinished_below(&shelf.store, RUNS).await.map_err(words)?;
    // Read after the listing, for the same reason as leases.
    let known = Known::read(world).await.map_err(|error| error.to_string())?;
    let folder = |prefix: &str| format!("{}/", prefix.trim_end_matches('/'));
    let below = |folders: &[String], key: &str| folders.iter().any(|folder| key.starts_with(folder));
    let kept: Vec<String> = known.kept_prefixes().map(|prefix| folder(&prefix)).collect();
    let garbage: Vec<String> =
        objects.into_iter().map(|object| object.key).filter(|key| !below(&kept, key)).collect();
    // What is committed is whole: whoever began to write there was killed.
    let written: Vec<String> = known.written_prefixes().map(|prefix| folder(&prefix)).collect();
    let unfinished: Vec<_> = unfinished.into_iter().filter(|upload| !below(&written, &upload.key)).collect();
    let count = garbage.len() as u64;
    remove_objects(&shelf.store, garbage, &unfinished).await.map_err(words)?;
    collected.objects += count;
    Ok(())
}

/// What must stay: committed outputs of every run; of a run that is not over, also what its live
/// attempts publish and what any attempt may fetch.
fn kept_prefixes(run: &RunView) -> Vec<String> {
    let outputs = run.tasks.iter().flat_map(|task| task.outputs.values());
    outputs.map(|tree| tree.prefix.clone()).chain(written_prefixes(run)).collect()
}

/// Of a run that is not over: what may be written at this moment.
fn written_prefixes(run: &RunView) -> Vec<String> {
    if run.state.is_over() {
        return Vec::new();
    }
    let live = run.tasks.iter().filter_map(|task| Some((task, task.live()?)));
    let live = live.map(|(task, attempt)| attempt.id.folder(&run.id, &task.name));
    std::iter::once(run.id.shared()).chain(live).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::{LeaseId, LeaseState, Owner, Token, UnixMillis};

    #[test]
    fn a_lease_is_called_by_its_name_where_it_can_have_one() {
        let lease = |region: &str| Lease {
            id: LeaseId("i-1".to_owned()),
            token: Token("t".to_owned()),
            owner: Owner("o".to_owned()),
            location: Location {
                provider: ProviderId::from_static("aws"),
                region: region.to_owned(),
                zone: None,
            },
            state: LeaseState::Ready,
            nodes: Vec::new(),
            started: UnixMillis(0),
            ended: None,
        };
        let asked = "sky:aws/us-east-1/vm/m7i.large?tier=spot".parse().unwrap();
        assert_eq!(called(&lease("us-east-1"), Some(&asked)), "sky:aws/us-east-1/vm/m7i.large?tier=spot#i-1");
        assert_eq!(called(&lease("us-east-1"), None), "sky:aws/us-east-1/vm/-#i-1");
        assert_eq!(called(&lease("Denmark, DK, EU"), None), "aws: i-1");
    }
}
