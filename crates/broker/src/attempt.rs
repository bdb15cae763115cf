//! One attempt: machines, data, `setup` everywhere, `run` everywhere, commit.
//!
//! ```text
//! obtain lease ─┐
//! stage data ───┴─▶ prepare on every node ─▶ barrier ─▶ run on every node ─▶ commit
//!                   └──────────── watch the lease meanwhile ────────────┘
//! ```
//! Each part looks at the record first and goes on from there, so that calling [`pursue`] again after
//! a crash is the recovery.

use crate::acquaint;
use crate::error::StoreError;
use crate::follow::follow;
use crate::lease;
use crate::limits::{NODE_SILENCE, STOP_GRACE};
use crate::live::{Fact, Halt, Live};
use crate::patience::{Patience, trying, unless_final};
use crate::rest;
use crate::sealed;
use crate::shelf::Shelf;
use crate::stage;
use crate::step;
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use welkin_provider::{EventKind, Exit, Fetch, Node, ProviderError, Step};
use welkin_records::{AttemptEnd, AttemptId, LeaseState, Phase, Record, StepKey, TreeRef};

/// Takes an attempt from wherever it is to its end, which is on record when this returns, or soon. `fresh`
/// says that it was begun by this very process.
pub(crate) async fn pursue(live: &Live, id: AttemptId, fresh: bool) -> Result<AttemptEnd, StoreError> {
    match work(live, id, fresh).await {
        Ok(outputs) => {
            // The commit point: from here on these are the task's outputs and no others can be.
            let is_bare = outputs.is_empty();
            let committed = vec![Fact::Record(Record::TaskCommitted { attempt: id, outputs })];
            match is_bare {
                // Nobody reads or delivers anything of it, and whoever follows it records before they act.
                true => live.soon(committed)?,
                false => live.record(committed).await?,
            }
            Ok(AttemptEnd::Committed)
        }
        Err(Halt::End(end, mut facts)) => {
            facts.push(Fact::Record(Record::AttemptEnded { attempt: id, end: end.clone() }));
            live.record(facts).await?;
            Ok(end)
        }
        Err(Halt::Store(error)) => Err(error),
    }
}

async fn work(live: &Live, id: AttemptId, fresh: bool) -> Result<BTreeMap<String, TreeRef>, Halt> {
    // Data move while machines boot, but not to a place that has not said yes.
    let staged = async {
        if !stage::needed(live, id)? {
            return Ok(Vec::new());
        }
        live.until(|view| {
            let lease = view.attempt(id).map(|attempt| attempt.lease);
            !matches!(lease, Some(LeaseState::Intended))
        })
        .await;
        stage::all(live, id).await
    };
    let (fetches, ()) = futures::future::try_join(staged, lease::obtain(live, id, fresh)).await?;
    loop {
        rest::rest(live, id).await?;
        let poked = Notify::new();
        tokio::select! {
            lost = lease::watch(live, id, &poked) => match lost? {},
            done = steps(live, id, &fetches, &poked) => return done,
            // Its steps are gone with what the machines had in memory, and begin anew when they are there again.
            () = rest::wanted(live, id) => {}
        }
    }
}

async fn steps(
    live: &Live,
    id: AttemptId,
    fetches: &[Fetch],
    poked: &Notify,
) -> Result<BTreeMap<String, TreeRef>, Halt> {
    let nodes = reach(live, id, poked).await?;
    let shelf = Shelf::of(live, &live.attempt(id)?.place.location).await?;
    for phase in [Phase::Prepare, Phase::Run] {
        let attempt = live.attempt(id)?;
        if phase == Phase::Prepare && fetches.is_empty() && live.job.tasks[id.task].setup.is_none() {
            continue;
        }
        if attempt.phase < Some(phase) {
            live.record(vec![Fact::Record(Record::PhaseBegan { attempt: id, phase })]).await?;
        }
        let steps: Vec<Step> = (0..attempt.place.nodes)
            .map(|rank| step::build(live, &attempt, phase, rank, fetches, &shelf.access))
            .collect();
        let task = &live.job.tasks[id.task];
        let failure = match phase {
            Phase::Run if task.sealed.is_some() || task.federated.is_some() => {
                alone(live, id, &nodes, &steps, poked).await?
            }
            _ => gang(live, id, phase, &nodes, &steps, poked).await?,
        };
        if let Some((rank, exit)) = failure {
            let failed = || Halt::end(AttemptEnd::Failed { rank, phase, exit });
            return Err(lease::going(live, id).await?.unwrap_or_else(failed));
        }
    }
    outputs(live, id).await
}

/// A connection to every node, by rank.
async fn reach(live: &Live, id: AttemptId, poked: &Notify) -> Result<Vec<Arc<dyn Node>>, Halt> {
    let attempt = live.attempt(id)?;
    let unreachable =
        |error: ProviderError| Halt::end(AttemptEnd::Unreachable { message: error.to_string() });
    let provider = live.world.provider(&attempt.place.location.provider).map_err(unreachable)?;
    let Some(lease) = &attempt.lease_id else {
        let message = "the lease was never accepted".to_owned();
        return Err(Halt::end(AttemptEnd::Unreachable { message }));
    };
    let patience = Patience { within: NODE_SILENCE, passes: unless_final };
    let mut nodes = Vec::new();
    for rank in 0..attempt.place.nodes {
        let notice = |error: &ProviderError| {
            poked.notify_one();
            live.retrying(error);
        };
        let node = trying(patience, &live.world.rng, notice, || provider.node(lease, rank)).await;
        nodes.push(node.map_err(unreachable)?);
    }
    Ok(nodes)
}

/// A script that is talked with, on its one node: the engine of a sealed task, or one of a training.
async fn alone(
    live: &Live,
    id: AttemptId,
    nodes: &[Arc<dyn Node>],
    steps: &[Step],
    poked: &Notify,
) -> Result<Option<(u32, Exit)>, Halt> {
    let (Some(node), Some(step)) = (nodes.first(), steps.first()) else { return Ok(None) };
    let exit = match live.job.tasks[id.task].federated {
        Some(_) => acquaint::run(live, id, &**node, step, poked).await?,
        None => sealed::run(live, id, &**node, step, poked).await?,
    };
    Ok((exit != Exit::Success).then_some((0, exit)))
}

/// One step on every node at once. The first node that fails stops the others; it is the answer.
async fn gang(
    live: &Live,
    id: AttemptId,
    phase: Phase,
    nodes: &[Arc<dyn Node>],
    steps: &[Step],
    poked: &Notify,
) -> Result<Option<(u32, Exit)>, Halt> {
    let mut running: FuturesUnordered<_> = (0_u32..)
        .zip(nodes.iter().zip(steps))
        .map(|(rank, (node, step))| async move {
            let key = StepKey { attempt: id, phase, rank };
            (rank, follow(live, key, &**node, step, poked, None).await)
        })
        .collect();
    while let Some((rank, exit)) = running.next().await {
        let exit = exit?;
        if exit == Exit::Success {
            continue;
        }
        // What the others still say is worth keeping, but not worth waiting for beyond their grace.
        let until = Instant::now() + 2 * STOP_GRACE.duration();
        let others =
            nodes.iter().zip(steps).enumerate().filter(|(at, _)| Some(*at) != usize::try_from(rank).ok());
        let stops = join_all(others.map(|(_, (node, step))| node.stop(&step.id, STOP_GRACE)));
        let rest = async {
            // A stop that fails is no matter: the lease is given back next.
            drop(stops.await);
            while running.next().await.is_some() {}
        };
        drop(timeout_at(until, rest).await);
        return Ok(Some((rank, exit)));
    }
    Ok(None)
}

/// The outputs the first node published, as it told.
async fn outputs(live: &Live, id: AttemptId) -> Result<BTreeMap<String, TreeRef>, Halt> {
    let key = StepKey { attempt: id, phase: Phase::Run, rank: 0 };
    let told = live.world.store.records().await?.told(&live.id, key).await?.events;
    let task = &live.job.tasks[id.task];
    let mut outputs = BTreeMap::new();
    for event in told {
        if let EventKind::Published { name, digest, bytes, .. } = event {
            let prefix = id.prefix(&live.id, &task.name, &name);
            outputs.insert(name, TreeRef { prefix, digest, bytes });
        }
    }
    match task.outputs.keys().find(|name| !outputs.contains_key(*name)) {
        None => Ok(outputs),
        Some(missing) => {
            let exit = Exit::PublishFailed { message: format!("the node did not publish {missing}") };
            Err(Halt::end(AttemptEnd::Failed { rank: 0, phase: Phase::Run, exit }))
        }
    }
}
