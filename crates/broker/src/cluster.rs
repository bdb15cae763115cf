//! Clusters: a run that holds machines for others, and the others.
//!
//! The run that holds a cluster has one task, whose script waits. Work on the cluster is a run like any other, at
//! a place that the provider makes of the machines held. What is here is what ties their lives together.
//!
//! *Guarantee:* when a cluster ends, for whatever reason, every run on it is asked to end, and no later one is
//! taken: the state that the store checks a submission against is written before the others are looked for.

use crate::error::StoreError;
use crate::limits::{CLEARED_WITHIN, IDLE_LOOK, IDLE_LOOKS};
use crate::live::{Fact, Live};
use crate::login;
use tokio::time::{Instant, sleep};
use welkin_records::{AttemptId, Change, ClusterRole, Open, Record, Which, Write};
use welkin_units::Span;

/// Whether a cluster may be called so.
#[must_use]
pub fn is_cluster_name(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    begins && text.len() <= 40 && text.bytes().all(fine)
}

/// Returns when nothing has been under way on the cluster that this run holds for as long as it may be; pending for
/// ever when it may for ever. What happened before this broker began is not known, and counts as busy.
pub(crate) async fn idle(live: &Live) -> Result<Span, StoreError> {
    let Some(ClusterRole::Holds(_)) = role(live) else { return std::future::pending().await };
    let mut view = live.view.subscribe();
    loop {
        let manner = view.borrow_and_update().manner;
        tokio::select! {
            // Whoever says anew how long it may be means from then on.
            () = async { drop(view.wait_for(|view| view.manner != manner).await) } => {}
            idle = idle_for(live, manner.idle) => {
                let (span, Some(attempt)) = (idle?, at_work(live)) else { continue };
                if !manner.stops {
                    return Ok(span);
                }
                live.record(vec![Fact::Record(Record::LeaseStopping { attempt })]).await?;
            }
        }
    }
}

/// The attempt whose machines the cluster has now.
fn at_work(live: &Live) -> Option<AttemptId> {
    live.view.borrow().attempts().find(|attempt| attempt.is_at_work()).map(|attempt| attempt.id)
}

async fn idle_for(live: &Live, limit: Option<Span>) -> Result<Span, StoreError> {
    let Some(limit) = limit else { return std::future::pending().await };
    let pause = Span::from_millis(limit.millis() / IDLE_LOOKS).clamp(IDLE_LOOK.0, IDLE_LOOK.1);
    let watched = live.world.lines.watch(&live.id);
    let mut busy = Instant::now();
    loop {
        sleep(pause.duration()).await;
        if is_busy(live).await? {
            busy = Instant::now();
        }
        // What began and ended since the look before was under way, too.
        busy = busy.max(watched.ended());
        if busy.elapsed() >= limit.duration() {
            return Ok(limit);
        }
    }
}

/// Whether somebody has use of the cluster, as far as is known.
async fn is_busy(live: &Live) -> Result<bool, StoreError> {
    let Some(attempt) = at_work(live) else { return Ok(true) };
    Ok(has_work(live).await? || login::anybody(live, &live.attempt(attempt)?).await)
}

/// Whether anything is under way or waiting on the cluster that this run holds.
pub(crate) async fn has_work(live: &Live) -> Result<bool, StoreError> {
    Ok(!live.world.store.records().await?.runs(on(live, Open::Only)).await?.is_empty())
}

/// Waits, for a while, until what was asked to end on the cluster has ended: politely, before its machines stop.
pub(crate) async fn cleared(live: &Live) -> Result<(), StoreError> {
    let began = Instant::now();
    while began.elapsed() < CLEARED_WITHIN.duration() {
        let records = live.world.store.records().await?;
        let (open, ending) = (records.runs(on(live, Open::Only)).await?, records.cancels().await?);
        if !open.iter().any(|run| ending.contains(&run.id)) {
            break;
        }
        sleep(IDLE_LOOK.0.duration()).await;
    }
    Ok(())
}

/// Asks every run on the cluster that this one holds to end. The state of this one is on record.
pub(crate) async fn dismiss(live: &Live) -> Result<(), StoreError> {
    let Some(ClusterRole::Holds(_)) = role(live) else { return Ok(()) };
    let others = live.world.store.records().await?.runs(on(live, Open::Only)).await?;
    if others.is_empty() {
        return Ok(());
    }
    let at = live.world.options.clock.now();
    let cancels = others.into_iter().map(|other| Change::CancelRequested { run: other.id, at });
    live.world.store.write(Write(cancels.collect())).await?;
    live.world.requests.send_modify(|count| *count += 1);
    Ok(())
}

fn on(live: &Live, open: Open) -> Which {
    Which::InCluster(ClusterRole::On(live.id.clone()), open)
}

fn role(live: &Live) -> Option<ClusterRole> {
    live.view.borrow().cluster.clone()
}
