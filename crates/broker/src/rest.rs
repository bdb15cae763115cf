//! Machines that rest: stopped with their disks, and started again.
//!
//! ```text
//! Active ─▶ Stopping ─▶ Stopped ─▶ Starting ─▶ Requested ─▶ Active
//!    ◀── refused ──┘         ◀── refused ──┘
//! ```
//! Whoever wants machines to rest puts `Stopping` on record, and this goes on from whatever is on record: before each
//! call of the provider stands the record that says so, and each call may be made again.
//!
//! *Guarantee:* the time before a stop is charged in the write that says that they are stopped, up to the moment that the
//! provider names; so it is charged once, and a stop that was not heard of is one that still costs.
//!
//! *Rejected:* a stop as the end of an attempt, and a start as the next one on the disk of the other: two leases would
//! have a share in one disk, and whoever died in between would have left either none or both.

use crate::cluster;
use crate::error::StoreError;
use crate::lease::{gone, observe, vanished, wait_until_ready, went};
use crate::limits::{ACQUIRE_WITHIN, OBSERVE_EVERY, RELEASE_WITHIN};
use crate::live::{Fact, Halt, Live};
use crate::meter::used;
use crate::patience::{Patience, trying, unless_final};
use crate::projects;
use tokio::time::sleep;
use welkin_ledger::EntryKind;
use welkin_provider::{ErrorKind, Lease, ProviderError, UnixMillis};
use welkin_records::{AttemptId, LeaseState, Record};

/// Takes the lease of an attempt from wherever it rests to machines that are there. Returns at once when they are.
pub(crate) async fn rest(live: &Live, id: AttemptId) -> Result<(), Halt> {
    loop {
        match live.attempt(id)?.lease {
            LeaseState::Stopping => stop(live, id).await?,
            LeaseState::Stopped => stay(live, id).await?,
            LeaseState::Starting => start(live, id).await?,
            LeaseState::Requested => wait_until_ready(live, id).await?,
            _ => return Ok(()),
        }
    }
}

/// Returns when the machines of an attempt are to be stopped.
pub(crate) async fn wanted(live: &Live, id: AttemptId) {
    live.until(|view| view.attempt(id).is_some_and(|attempt| attempt.lease == LeaseState::Stopping)).await;
}

async fn stop(live: &Live, id: AttemptId) -> Result<(), Halt> {
    cluster::cleared(live).await?;
    let patience = Patience { within: RELEASE_WITHIN, passes: unless_final };
    match call(live, id, patience, Call::Stop).await {
        Ok(lease) if lease.state.is_over() => Err(went(live, id, &lease)?),
        Ok(lease) => {
            let since = lease.ended.unwrap_or_else(|| live.world.options.clock.now());
            Ok(live.record(stopped(live, id, since)?).await?)
        }
        Err(error) if gone(&error) => Err(vanished(live, id, &error)?),
        Err(error) => {
            let refused = Record::StopRefused { attempt: id, reason: error.message };
            Ok(live.record(vec![Fact::Record(refused)]).await?)
        }
    }
}

/// The record of a stop with the charge for the time before it.
fn stopped(live: &Live, id: AttemptId, since: UnixMillis) -> Result<Vec<Fact>, Halt> {
    let attempt = live.attempt(id)?;
    let terms = live.world.options.terms_of(&attempt.place.location.provider);
    let event = used(&live.id, live.task_name(id.task), &attempt, &live.token(id), terms, since);
    let charge = event.map(|event| Fact::Booked(EntryKind::Charge { event }));
    let record = Fact::Record(Record::LeaseStopped { attempt: id, since });
    Ok(std::iter::once(record).chain(charge).collect())
}

/// Until somebody wants them started, or work has come that was submitted before anybody knew of the stop.
async fn stay(live: &Live, id: AttemptId) -> Result<(), Halt> {
    let attempt = live.attempt(id)?;
    let still = |lease: LeaseState| lease == LeaseState::Stopped;
    loop {
        tokio::select! {
            () = live.until(|view| !view.attempt(id).is_some_and(|attempt| still(attempt.lease))) => return Ok(()),
            () = sleep(OBSERVE_EVERY.duration()) => {}
        }
        if attempt.rest_refused.is_none() && cluster::has_work(live).await? {
            match projects::start(live, id).await {
                // Whoever wanted them started was faster.
                Ok(()) if !still(live.attempt(id)?.lease) => return Ok(()),
                Ok(()) => {
                    let starting = Record::LeaseStarting { attempt: id };
                    return Ok(live.record(vec![Fact::Record(starting)]).await?);
                }
                // They stay stopped until there is enough; the work waits.
                Err(StoreError::Over(over)) => live.noted(format!("machines not started: {over}")),
                Err(error) => return Err(error.into()),
            }
        }
        match observe(live, &attempt).await {
            Ok(lease) if lease.state.is_over() => return Err(went(live, id, &lease)?),
            Err(error) if gone(&error) => return Err(vanished(live, id, &error)?),
            Ok(_) => {}
            Err(error) => live.retrying(error),
        }
    }
}

async fn start(live: &Live, id: AttemptId) -> Result<(), Halt> {
    let patience = Patience { within: ACQUIRE_WITHIN, passes: unless_refused };
    let record = match call(live, id, patience, Call::Start).await {
        Ok(lease) if lease.state.is_over() => return Err(went(live, id, &lease)?),
        Ok(lease) => Record::LeaseStarted { attempt: id, started: lease.started },
        Err(error) if gone(&error) => return Err(vanished(live, id, &error)?),
        Err(error) => Record::StartRefused { attempt: id, reason: error.message },
    };
    Ok(live.record(vec![Fact::Record(record)]).await?)
}

/// Failures that are no answer: there is one place where the disks are, and no other to ask meanwhile.
fn unless_refused(error: &ProviderError) -> bool {
    unless_final(error)
        && !matches!(error.kind, ErrorKind::NoCapacity | ErrorKind::QuotaExceeded | ErrorKind::Forbidden)
}

#[derive(Clone, Copy)]
enum Call {
    Stop,
    Start,
}

async fn call(live: &Live, id: AttemptId, patience: Patience, which: Call) -> Result<Lease, ProviderError> {
    let attempt = live.view.borrow().attempt(id).cloned();
    let Some((provider, lease)) =
        attempt.and_then(|attempt| Some((attempt.place.location.provider, attempt.lease_id?)))
    else {
        return Err(ProviderError::new("", "stop or start", ErrorKind::NotFound, "no lease"));
    };
    let provider = live.world.provider(&provider)?;
    let notice = |error: &ProviderError| live.retrying(error);
    trying(patience, &live.world.rng, notice, || async {
        match which {
            Call::Stop => provider.stop(&lease).await,
            Call::Start => provider.start(&lease).await,
        }
    })
    .await
}
