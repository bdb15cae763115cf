//! Clusters: a run that holds machines for others, and the others.
//!
//! The run that holds a cluster has one task, whose script waits. Work on the cluster is a run like any other, at
//! a place that the provider makes of the machines held. What is here is what ties their lives together.
//!
//! *Guarantee:* when a cluster ends, for whatever reason, every run on it is asked to end, and no later one is
//! taken: the state that the store checks a submission against is written before the others are looked for.

use crate::error::StoreError;
use crate::limits::{IDLE_LOOK, IDLE_LOOKS};
use crate::live::Live;
use tokio::time::{Instant, sleep};
use welkin_records::{Change, ClusterRole, Open, Which, Write};
use welkin_units::Span;

/// Returns when nothing has been under way on the cluster that this run holds for as long as it may be; pending for
/// ever when it may for ever. What happened before this broker began is not known, and counts as busy.
pub(crate) async fn idle(live: &Live) -> Result<Span, StoreError> {
    let Some(ClusterRole::Holds(_)) = role(live) else { return std::future::pending().await };
    let mut view = live.view.subscribe();
    loop {
        let manner = view.borrow_and_update().manner;
        tokio::select! {
            // Whoever says anew how long it may be means from then on.
            chosen = view.wait_for(|view| view.manner != manner) => drop(chosen),
            idle = idle_for(live, manner.idle) => return idle,
        }
    }
}

async fn idle_for(live: &Live, limit: Option<Span>) -> Result<Span, StoreError> {
    let Some(limit) = limit else { return std::future::pending().await };
    let pause = Span::from_millis(limit.millis() / IDLE_LOOKS).clamp(IDLE_LOOK.0, IDLE_LOOK.1);
    let mut busy = Instant::now();
    loop {
        sleep(pause.duration()).await;
        let ready = live.view.borrow().attempts().any(|attempt| attempt.is_at_work());
        let records = live.world.store.records().await?;
        if !ready || !records.runs(on(live, Open::Only)).await?.is_empty() {
            busy = Instant::now();
        }
        if busy.elapsed() >= limit.duration() {
            return Ok(limit);
        }
    }
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
