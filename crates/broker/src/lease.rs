//! Getting machines: intent, request, ready; and noticing when they go.

use crate::limits::{ABANDON_AFTER, ACQUIRE_WITHIN, OBSERVE_EVERY, READY_POLL, READY_WITHIN};
use crate::live::{Fact, Halt, Live};
use crate::meter::{self, Headroom, over};
use crate::patience::{Patience, as_told, trying};
use crate::view::AttemptView;
use futures::poll;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use welkin_job::Resources;
use welkin_ledger::EntryKind;
use welkin_provider::{
    Accelerators, ErrorKind, HOLDS, Lease, LeaseRequest, LeaseState as Provided, MachineSpec, ON, PRIORITY,
    ProviderError, UnixMillis,
};
use welkin_records::{AttemptEnd, AttemptId, ClusterRole, LeaseState, Record};
use welkin_units::Span;

/// What an attempt asks its place for: the same words whenever it is asked again.
pub(crate) fn request(live: &Live, attempt: &AttemptView) -> LeaseRequest {
    LeaseRequest {
        token: live.token(attempt.id),
        owner: live.world.owner.clone(),
        location: attempt.place.location.clone(),
        machine: machine(live, attempt),
        tier: attempt.place.tier,
        nodes: attempt.place.nodes,
        waits: has_no_other_provider(live, attempt),
        hourly: attempt.place.hourly,
        abandon_after: ABANDON_AFTER,
        labels: labels(live, attempt.id),
    }
}

/// For the provider's console; and what a lease has to do with a cluster, for whoever makes places of its machines.
fn labels(live: &Live, id: AttemptId) -> BTreeMap<String, String> {
    let view = live.view.borrow();
    let cluster = match &view.cluster {
        None => Vec::new(),
        Some(ClusterRole::Holds(name)) => vec![(HOLDS, name.clone())],
        Some(ClusterRole::On(run)) => vec![(ON, run.0.clone()), (PRIORITY, view.manner.priority.to_string())],
    };
    let usual = [
        ("run", live.id.0.clone()),
        ("task", live.task_name(id.task).to_owned()),
        ("attempt", id.number.to_string()),
    ];
    usual.into_iter().chain(cluster).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One machine of an attempt: the plan says what it is, the job what is wanted of it beyond that.
fn machine(live: &Live, attempt: &AttemptView) -> MachineSpec {
    let node = &live.placement(attempt).node;
    let options = &live.job.tasks[attempt.id.task].options;
    let accelerator = node.accelerator.clone();
    MachineSpec {
        instance_type: attempt.place.instance_type.clone(),
        vcpus_milli: node.vcpus_milli,
        memory: node.memory,
        accelerator: accelerator.map(|(name, count_milli)| Accelerators { name, count_milli }),
        tee: node.tee.clone(),
        image: agreed(options, |option| option.image_id.clone()).flatten(),
        disk: agreed(options, |option| option.disk_size).flatten(),
        ports: agreed(options, |option| option.ports.clone()).unwrap_or_default(),
        network_tier: agreed(options, |option| option.network_tier.clone()).flatten(),
    }
}

/// What all options of a task say alike: a plan does not tell which of them it has chosen.
fn agreed<T: PartialEq>(options: &[Resources], what: impl Fn(&Resources) -> T) -> Option<T> {
    let mut said = options.iter().map(what);
    let first = said.next()?;
    said.all(|other| other == first).then_some(first)
}

/// Whether waiting is all that is left when the provider is full.
fn has_no_other_provider(live: &Live, attempt: &AttemptView) -> bool {
    let task = &live.plan.tasks[attempt.id.task];
    let provider = &attempt.place.location.provider;
    task.alternatives.iter().chain([&task.choice]).all(|other| other.place.provider == *provider)
}

/// Takes the lease of an attempt from wherever the record says it is to ready. `fresh` says that
/// nobody can have asked for it before.
pub(crate) async fn obtain(live: &Live, id: AttemptId, fresh: bool) -> Result<(), Halt> {
    if live.attempt(id)?.lease == LeaseState::Intended {
        ask(live, id, fresh).await?;
    }
    live.world.lines.leave(&live.id);
    if live.attempt(id)?.lease == LeaseState::Requested {
        wait_until_ready(live, id).await?;
    }
    Ok(())
}

/// Asks when nobody before this run in its line still has to, and lets the next one ask as soon as it has: providers take
/// calls in the order in which they are begun.
async fn in_line<T>(live: &Live, asking: impl Future<Output = T>) -> T {
    let mut asking = pin!(asking);
    live.world.lines.turn(&live.id).await;
    let begun = poll!(asking.as_mut());
    live.world.lines.leave(&live.id);
    match begun {
        Poll::Ready(answer) => answer,
        Poll::Pending => asking.await,
    }
}

async fn ask(live: &Live, id: AttemptId, fresh: bool) -> Result<(), Halt> {
    let attempt = live.attempt(id)?;
    let request = request(live, &attempt);
    // Whether some call may have taken effect though its answer was no.
    let doubtful = AtomicBool::new(!fresh);
    let within = if request.waits { Span::MAX } else { ACQUIRE_WITHIN };
    let patience = Patience { within, passes: as_told };
    let answer = match live.world.provider(&attempt.place.location.provider) {
        Err(error) => Err(error),
        Ok(provider) => {
            let noticed = |error: &ProviderError| {
                doubtful.fetch_or(error.kind == ErrorKind::Transient, Ordering::Relaxed);
                live.retrying(error);
            };
            let asking = trying(patience, &live.world.rng, noticed, || provider.acquire(&request));
            in_line(live, asking).await
        }
    };
    match answer {
        Ok(lease) => {
            let requested =
                Record::LeaseRequested { attempt: id, lease: lease.id.clone(), started: lease.started };
            // Until it is durable, what is on record is the intent: who goes on from there asks again, with the same token.
            live.soon(vec![Fact::Record(requested)])?;
            Ok(())
        }
        Err(error) => {
            let end = AttemptEnd::Refused { kind: error.kind, message: error.message.clone() };
            if doubtful.into_inner() || error.kind == ErrorKind::Transient {
                // The attempt ends now; its lease stays `Intended` until it is certain.
                return Err(Halt::end(end));
            }
            let refused = Fact::Record(Record::LeaseRefused { attempt: id });
            Err(Halt::End(end, vec![refused, Fact::Booked(EntryKind::Void { lease: request.token.0 })]))
        }
    }
}

pub(crate) async fn wait_until_ready(live: &Live, id: AttemptId) -> Result<(), Halt> {
    let attempt = live.attempt(id)?;
    let began = Instant::now();
    let mut last = String::from("it is still being made");
    while began.elapsed() < READY_WITHIN.duration() {
        match observe(live, &attempt).await {
            Ok(lease) => match &lease.state {
                Provided::Ready | Provided::Preempting { .. } if !lease.nodes.is_empty() => {
                    let ready = Record::LeaseReady { attempt: id, nodes: lease.nodes };
                    live.soon(vec![Fact::Record(ready)])?;
                    return Ok(());
                }
                state if state.is_over() => return Err(went(live, id, &lease)?),
                _ => {}
            },
            Err(error) if gone(&error) => return Err(vanished(live, id, &error)?),
            Err(error) => {
                live.retrying(&error);
                last = error.to_string();
            }
        }
        // A machine that boots costs as one that works.
        let lasts = within_budget(live)?;
        // A quarter of the time it has taken, so that a boot of a second is noticed within 250 ms and looked at
        // some fifteen times.
        let (shortest, longest) = READY_POLL;
        let pause = (began.elapsed() / 4).clamp(shortest.duration(), longest.duration());
        sleep(pause.min(lasts.duration())).await;
    }
    let message = format!("not ready within {READY_WITHIN}: {last}");
    Err(Halt::end(AttemptEnd::Unreachable { message }))
}

/// Watches a lease that works. Returns only when it is gone; looks at once when `poked`.
pub(crate) async fn watch(live: &Live, id: AttemptId, poked: &Notify) -> Result<Infallible, Halt> {
    let attempt = live.attempt(id)?;
    loop {
        match observe(live, &attempt).await {
            Ok(lease) => match lease.state {
                Provided::Preempting { at } if live.attempt(id)?.preemption_notice.is_none() => {
                    let noticed = Record::PreemptionNoticed { attempt: id, at };
                    live.record(vec![Fact::Record(noticed)]).await?;
                }
                // By somebody else, at the provider's console, say: that is taken up as if it had been asked for here.
                Provided::Stopped if live.attempt(id)?.lease == LeaseState::Active => {
                    live.record(vec![Fact::Record(Record::LeaseStopping { attempt: id })]).await?;
                }
                ref state if state.is_over() => return Err(went(live, id, &lease)?),
                _ => {}
            },
            Err(error) if gone(&error) => return Err(vanished(live, id, &error)?),
            // A provider that does not answer says nothing about the machines.
            Err(error) => live.retrying(error),
        }
        let lasts = within_budget(live)?;
        tokio::select! {
            () = sleep(OBSERVE_EVERY.min(lasts).duration()) => {}
            // At most one extra look a second, however often a node fails.
            () = async { poked.notified().await; sleep(std::time::Duration::from_secs(1)).await } => {}
        }
    }
}

/// How long the budget lasts; an attempt for which it does not ends.
fn within_budget(live: &Live) -> Result<Span, Halt> {
    match meter::headroom(live) {
        Headroom::Endless => Ok(Span::MAX),
        Headroom::Lasts(span) => Ok(span),
        Headroom::Passed(end) => Err(Halt::end(end)),
    }
}

/// How the attempt ends when its lease is on its way out: a step that failed on it says nothing about
/// its script.
pub(crate) async fn going(live: &Live, id: AttemptId) -> Result<Option<Halt>, Halt> {
    let attempt = live.attempt(id)?;
    let announced = || {
        let reason = "the provider announced that it takes the machines back".to_owned();
        Halt::end(AttemptEnd::Lost { reason, preempted: true })
    };
    if attempt.preemption_notice.is_some() {
        return Ok(Some(announced()));
    }
    match observe(live, &attempt).await {
        Ok(lease) => match lease.state {
            Provided::Preempting { .. } => Ok(Some(announced())),
            ref state if state.is_over() => went(live, id, &lease).map(Some),
            _ => Ok(None),
        },
        Err(error) if gone(&error) => vanished(live, id, &error).map(Some),
        Err(_) => Ok(None),
    }
}

pub(crate) async fn observe(live: &Live, attempt: &AttemptView) -> Result<Lease, ProviderError> {
    let provider = live.world.provider(&attempt.place.location.provider)?;
    match &attempt.lease_id {
        Some(lease) => provider.observe(lease).await,
        None => Err(ProviderError::new(
            provider.name(),
            "observing a lease",
            ErrorKind::NotFound,
            "the lease was never accepted",
        )),
    }
}

pub(crate) fn gone(error: &ProviderError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::LeaseLost)
}

pub(crate) fn went(live: &Live, id: AttemptId, lease: &Lease) -> Result<Halt, Halt> {
    let (reason, preempted) = match &lease.state {
        Provided::Lost { reason, preempted } => (reason.clone(), *preempted),
        _ => ("it was released by somebody else, or because no broker was there".to_owned(), false),
    };
    lost(live, id, reason, preempted, lease.ended)
}

pub(crate) fn vanished(live: &Live, id: AttemptId, error: &ProviderError) -> Result<Halt, Halt> {
    lost(live, id, error.message.clone(), false, None)
}

/// The end of an attempt whose lease is over.
fn lost(
    live: &Live,
    id: AttemptId,
    reason: String,
    preempted: bool,
    ended: Option<UnixMillis>,
) -> Result<Halt, Halt> {
    let record = Record::LeaseLost { attempt: id, reason: reason.clone(), preempted };
    Ok(Halt::End(AttemptEnd::Lost { reason, preempted }, over(live, id, record, ended)?))
}
