//! Machines that are stopped and started within their lease, where a provider does that.

use crate::conformance::bench::{
    Bench, Checked, Miss, ensure, ensure_eq, ensure_refused, exit_of, lines_of, sleep,
};
use crate::conformance::probe::Probe;
use crate::error::{ErrorKind, ProviderError};
use crate::lease::{Lease, LeaseId, LeaseRequest, LeaseState, Tier};
use crate::node::{Exit, Stream};
use welkin_units::Span;

/// A request that can be stopped: clouds keep spot machines for some requests only.
fn request(bench: &Bench<'_>) -> LeaseRequest {
    LeaseRequest { tier: Tier::OnDemand, ..bench.request("token") }
}

/// A lease that is ready; nothing where machines are not stopped, and then it is said so.
async fn ready(bench: &Bench<'_>) -> Checked<Lease> {
    let lease = bench.ready(&request(bench)).await?;
    if bench.provider.stops() {
        return Ok(lease);
    }
    ensure_refused(bench, stop(bench, &lease.id).await, &[ErrorKind::NotSupported])?;
    ensure_refused(bench, start(bench, &lease.id).await, &[ErrorKind::NotSupported])?;
    Err(Miss::NotTested("the provider does not stop machines, and says so".to_owned()))
}

async fn stop(bench: &Bench<'_>, lease: &LeaseId) -> Result<Lease, ProviderError> {
    bench.patiently(|| bench.provider.stop(lease)).await
}

async fn start(bench: &Bench<'_>, lease: &LeaseId) -> Result<Lease, ProviderError> {
    bench.patiently(|| bench.provider.start(lease)).await
}

/// The lease once it is observed in a state, within so much time.
async fn observed(bench: &Bench<'_>, id: &LeaseId, state: &LeaseState, within: Span) -> Checked<Lease> {
    bench
        .eventually(&format!("{state:?}"), within, async || {
            Ok(Some(bench.observe(id).await?).filter(|lease| lease.state == *state))
        })
        .await
}

/// Stops it, and sees that it is.
async fn stopped(bench: &Bench<'_>, id: &LeaseId) -> Checked<Lease> {
    let answer = stop(bench, id).await?;
    ensure_eq("state in the answer to a stop", &answer.state, &LeaseState::Stopped)?;
    let lease = observed(bench, id, &LeaseState::Stopped, bench.patience().lag).await?;
    ensure_eq("end of the cost", &lease.ended, &answer.ended)?;
    Ok(lease)
}

pub(super) async fn stop_twice(bench: &Bench<'_>) -> Checked {
    let id = ready(bench).await?.id;
    let lease = stopped(bench, &id).await?;
    match lease.ended {
        Some(ended) => ensure(ended >= lease.started, || "it stopped before it began".to_owned())?,
        None => return Err(Miss::Failed("it is stopped and still costs".to_owned())),
    }
    ensure(lease.nodes.is_empty(), || format!("it is stopped and has nodes: {:?}", lease.nodes))?;
    sleep(bench.patience().lag).await;
    let again = stop(bench, &id).await?;
    ensure_eq("the lease stopped again", &again, &lease)?;
    ensure_eq("the lease at another look", &bench.observe(&id).await?, &lease)?;
    let listed = bench.list(&bench.owner("owner")).await?;
    ensure(listed.iter().any(|listed| listed.id == id), || "what is stopped is not listed".to_owned())
}

pub(super) async fn ends_work(bench: &Bench<'_>) -> Checked {
    let id = ready(bench).await?.id;
    if !bench.harness.capabilities().scripts {
        return Err(Miss::NotTested("the harness has no nodes that run scripts".to_owned()));
    }
    let node = bench.node(&id, 0).await?;
    let step = bench.step("linger", Probe::Linger);
    bench.patiently(|| node.start(&step)).await?;
    stopped(bench, &id).await?;
    let lost = |refused| ensure_refused(bench, refused, &[ErrorKind::LeaseLost]);
    lost(bench.patiently(|| bench.provider.node(&id, 0)).await.map(drop))?;
    lost(bench.patiently(|| node.events(&step.id, 0, Span::ZERO)).await.map(drop))?;
    let late = bench.step("late", Probe::Greet);
    lost(bench.patiently(|| node.start(&late)).await)
}

pub(super) async fn start_again(bench: &Bench<'_>) -> Checked {
    let id = ready(bench).await?.id;
    let scripts = bench.harness.capabilities().scripts;
    if scripts {
        count(bench, &id, "first", 1).await?;
    }
    let before = stopped(bench, &id).await?;
    start(bench, &id).await?;
    start(bench, &id).await?;
    let lease = observed(bench, &id, &LeaseState::Ready, bench.patience().ready).await?;
    ensure_eq("end", &lease.ended, &None)?;
    ensure(Some(lease.started) >= before.ended, || "its times of cost overlap".to_owned())?;
    ensure_eq("nodes", &lease.nodes.len(), &1)?;
    // What is there stays as it is.
    start(bench, &id).await?;
    sleep(bench.patience().lag).await;
    ensure_eq("the lease started again", &bench.observe(&id).await?, &lease)?;
    // Its disk is as it was left.
    if scripts { count(bench, &id, "second", 2).await } else { Ok(()) }
}

/// Appends a line to a file on a node, and expects so many.
async fn count(bench: &Bench<'_>, id: &LeaseId, label: &str, lines: usize) -> Checked {
    let node = bench.node(id, 0).await?;
    let events = bench.run(&*node, &bench.step(label, Probe::Count)).await?;
    ensure_eq("exit", &exit_of(&events), &Some(&Exit::Success))?;
    ensure_eq("lines on the disk", &lines_of(&events, Stream::Stdout), &vec!["once"; lines])
}

pub(super) async fn over(bench: &Bench<'_>) -> Checked {
    let id = ready(bench).await?.id;
    let resting = stopped(bench, &id).await?;
    bench.release(&id).await?;
    let lease = bench.over(&id).await?;
    ensure_eq("state", &lease.state, &LeaseState::Released)?;
    sleep(bench.patience().lag).await;
    ensure_eq("end, which was that of the stop", &lease.ended, &resting.ended)?;
    for answer in [stop(bench, &id).await?, start(bench, &id).await?, bench.observe(&id).await?] {
        ensure_eq("what is over", &answer, &lease)?;
    }
    Ok(())
}

pub(super) async fn unknown(bench: &Bench<'_>) -> Checked {
    let nobody = LeaseId(bench.unique("no-such-lease"));
    if !bench.provider.stops() {
        return Err(Miss::NotTested("the provider does not stop machines".to_owned()));
    }
    ensure_refused(bench, stop(bench, &nobody).await, &[ErrorKind::NotFound])?;
    ensure_refused(bench, start(bench, &nobody).await, &[ErrorKind::NotFound])
}
