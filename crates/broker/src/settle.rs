//! Giving machines back: a reconciler that sees to it that no lease outlives its attempt.
//!
//! Nobody else releases anything: whoever ends an attempt records that it ended, and this loop finds
//! leases whose attempt is over while they are not. So every way an attempt can end (commit, failure,
//! loss, cancel, crash of the broker) leads through the same code.

use crate::error::StoreError;
use crate::lease::request;
use crate::limits::{DOUBT_POLL, ENDED_WITHIN, RELEASE_WITHIN};
use crate::live::{Fact, Live};
use crate::meter::over;
use crate::patience::{Patience, as_told, trying, unless_final};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::sleep;
use welkin_ledger::EntryKind;
use welkin_provider::{ErrorKind, Lease, LeaseId, LeaseState as Provided, Provider, ProviderError, Token};
use welkin_records::{AttemptId, LeaseState, Record, RunState};

/// Why a lease could not be settled.
#[derive(Debug)]
pub(crate) enum Unsettled {
    Store(StoreError),
    Provider(ProviderError),
}

impl From<StoreError> for Unsettled {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs beside the tasks until the run is ending and nothing is left to settle. Returns the leases
/// that could not be given back, with the last error of each.
pub(crate) async fn janitor(live: &Live) -> Result<Vec<(String, ProviderError)>, StoreError> {
    let mut view = live.view.subscribe();
    let mut busy = FuturesUnordered::new();
    // None = being settled.
    let mut seen: BTreeMap<AttemptId, Option<ProviderError>> = BTreeMap::new();
    loop {
        let ending = {
            let now = view.borrow_and_update();
            for attempt in now.unsettled().map(|attempt| attempt.id) {
                if let std::collections::btree_map::Entry::Vacant(free) = seen.entry(attempt) {
                    free.insert(None);
                    busy.push(async move { (attempt, settle(live, attempt).await) });
                }
            }
            now.state == RunState::Ending
        };
        if busy.is_empty() && ending {
            let failed = seen.into_iter().filter_map(|(id, error)| Some((live.token(id).0, error?)));
            return Ok(failed.collect());
        }
        tokio::select! {
            Some((id, done)) = busy.next(), if !busy.is_empty() => match done {
                // Its lease is over: the view does not list it any more.
                Ok(()) => { seen.remove(&id); }
                Err(Unsettled::Store(error)) => return Err(error),
                Err(Unsettled::Provider(error)) => { seen.insert(id, Some(error)); }
            },
            _ = view.changed() => {}
        }
    }
}

/// Takes the lease of an attempt that is over to its own end.
async fn settle(live: &Live, id: AttemptId) -> Result<(), Unsettled> {
    let attempt = live.attempt(id)?;
    let provider = live.world.provider(&attempt.place.location.provider).map_err(Unsettled::Provider)?;
    let lease = match attempt.lease_id {
        Some(lease) => lease,
        None => match resolve(live, id, provider).await? {
            Some(lease) => lease,
            None => return Ok(()),
        },
    };
    release(live, id, provider, &lease).await
}

/// Finds out whether a lease exists whose answer never came. Asking again with the same token is what
/// settles it: the token never makes a second one. Where that is refused, a request that is still on
/// its way may yet take effect, so the list is watched until that can no longer be.
async fn resolve(
    live: &Live,
    id: AttemptId,
    provider: &Arc<dyn Provider>,
) -> Result<Option<LeaseId>, Unsettled> {
    let attempt = live.attempt(id)?;
    let request = request(live, &attempt);
    // A list that fails here shows nothing: asking again is as good.
    let mut found = listed(live, provider, &request.token).await.unwrap_or_default();
    if found.is_none() {
        let patience = Patience { within: RELEASE_WITHIN, passes: as_told };
        let notice = |error: &ProviderError| live.retrying(error);
        found = match trying(patience, &live.world.rng, notice, || provider.acquire(&request)).await {
            Ok(lease) => Some(lease),
            Err(error) if as_told(&error) => return Err(Unsettled::Provider(error)),
            Err(_) => awaited(live, provider, &request.token).await?,
        };
    }
    match found {
        Some(lease) => {
            let (lease, started) = (lease.id, lease.started);
            let requested = Record::LeaseRequested { attempt: id, lease: lease.clone(), started };
            live.record(vec![Fact::Record(requested)]).await?;
            Ok(Some(lease))
        }
        None => {
            live.record(vec![
                Fact::Record(Record::LeaseRefused { attempt: id }),
                Fact::Booked(EntryKind::Void { lease: request.token.0 }),
            ])
            .await?;
            Ok(None)
        }
    }
}

/// The lease of a request that may still take effect; `None` once a list shows that it has not and no
/// longer can.
async fn awaited(
    live: &Live,
    provider: &Arc<dyn Provider>,
    token: &Token,
) -> Result<Option<Lease>, Unsettled> {
    let certain = live.world.options.clock.now().after(provider.doubt());
    loop {
        let now = live.world.options.clock.now();
        match listed(live, provider, token).await {
            Ok(Some(lease)) => return Ok(Some(lease)),
            Ok(None) if now >= certain => return Ok(None),
            Err(error) if now >= certain.after(RELEASE_WITHIN) => return Err(Unsettled::Provider(error)),
            Ok(None) => {}
            Err(error) => live.retrying(error),
        }
        sleep(DOUBT_POLL.duration()).await;
    }
}

async fn listed(
    live: &Live,
    provider: &Arc<dyn Provider>,
    token: &Token,
) -> Result<Option<Lease>, ProviderError> {
    let leases = provider.list(&live.world.owner).await?;
    Ok(leases.into_iter().find(|lease| lease.token == *token))
}

/// Finds out whether machines whose start was asked for cost again: the answer may not have come.
async fn begun(
    live: &Live,
    id: AttemptId,
    provider: &Arc<dyn Provider>,
    lease: &LeaseId,
) -> Result<(), Unsettled> {
    let patience = Patience { within: ENDED_WITHIN, passes: unless_final };
    let notice = |error: &ProviderError| live.retrying(error);
    let seen = trying(patience, &live.world.rng, notice, || provider.observe(lease)).await.ok();
    let stopped = live.attempt(id)?.stopped;
    if let Some(lease) = seen.filter(|lease| Some(lease.started) > stopped) {
        let started = Record::LeaseStarted { attempt: id, started: lease.started };
        live.record(vec![Fact::Record(started)]).await?;
    }
    Ok(())
}

async fn release(
    live: &Live,
    id: AttemptId,
    provider: &Arc<dyn Provider>,
    lease: &LeaseId,
) -> Result<(), Unsettled> {
    if live.attempt(id)?.lease == LeaseState::Starting {
        begun(live, id, provider, lease).await?;
    }
    if live.attempt(id)?.lease != LeaseState::Releasing {
        live.record(vec![Fact::Record(Record::LeaseReleasing { attempt: id })]).await?;
    }
    let patience = Patience { within: RELEASE_WITHIN, passes: unless_final };
    let notice = |error: &ProviderError| live.retrying(error);
    match trying(patience, &live.world.rng, notice, || provider.release(lease)).await {
        Ok(()) => {}
        // What is not there any more does not cost any more.
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::LeaseLost) => {}
        Err(error) => return Err(Unsettled::Provider(error)),
    }
    // Only for the moment it ceased to cost; without an answer that is now.
    let patience = Patience { within: ENDED_WITHIN, passes: unless_final };
    let seen = trying(patience, &live.world.rng, notice, || provider.observe(lease)).await.ok();
    if let Some(Provided::Lost { reason, preempted }) = seen.as_ref().map(|lease| &lease.state) {
        let ended = seen.as_ref().and_then(|lease| lease.ended);
        let reason = reason.clone();
        let lost = Record::LeaseLost { attempt: id, reason, preempted: *preempted };
        live.record(over(live, id, lost, ended)?).await?;
        return Ok(());
    }
    let released = Record::LeaseReleased { attempt: id };
    // Until it is durable, what is on record is that it is being given back: whoever goes on from there does so again.
    live.soon(over(live, id, released, seen.and_then(|lease| lease.ended))?)?;
    Ok(())
}
