//! The life of a lease, from pending to over.

use crate::conformance::bench::{
    Bench, Checked, Miss, ensure, ensure_eq, ensure_refused, exit_of, lines_of, needs, sleep,
};
use crate::conformance::probe::{GREETING, Probe};
use crate::error::ErrorKind;
use crate::lease::{Lease, LeaseId, LeaseRequest, LeaseState};
use crate::node::{Exit, Stream};
use std::collections::BTreeSet;

pub(super) async fn ready(bench: &Bench<'_>) -> Checked {
    let request = bench.request("token");
    let accepted = bench.acquire(&request).await?;
    if accepted.state == LeaseState::Pending {
        ensure(accepted.nodes.is_empty(), || format!("it is pending and has nodes: {:?}", accepted.nodes))?;
    }
    let lease = bench.ready(&request).await?;
    ensure_eq("token", &lease.token, &request.token)?;
    ensure_eq("owner", &lease.owner, &request.owner)?;
    ensure_eq("end", &lease.ended, &None)?;
    ensure_ranks(&lease, 1)
}

fn ensure_ranks(lease: &Lease, nodes: u32) -> Checked {
    let ranks: Vec<u32> = lease.nodes.iter().map(|node| node.rank).collect();
    ensure_eq("ranks", &ranks, &(0..nodes).collect())?;
    ensure(lease.nodes.iter().all(|node| !node.address.is_empty()), || "a node has no address".to_owned())
}

pub(super) async fn gang(bench: &Bench<'_>) -> Checked {
    let able = bench.harness.capabilities();
    needs(able.gang >= 2, "gangs")?;
    let lease = bench.ready(&LeaseRequest { nodes: 2, ..bench.request("token") }).await?;
    ensure_ranks(&lease, 2)?;
    if able.own_addresses {
        let addresses: BTreeSet<_> = lease.nodes.iter().map(|node| &node.address).collect();
        ensure(addresses.len() == 2, || format!("two nodes share the address {addresses:?}"))?;
    }
    if !able.scripts {
        return Ok(());
    }
    for rank in 0..2 {
        let node = bench.node(&lease.id, rank).await?;
        let mut step = bench.step(&format!("rank-{rank}"), Probe::Greet);
        step.env.insert(GREETING.to_owned(), rank.to_string());
        let events = bench.run(&*node, &step).await?;
        ensure_eq("exit", &exit_of(&events), &Some(&Exit::Success))?;
        ensure_eq("output", &lines_of(&events, Stream::Stdout), &vec![rank.to_string().as_str()])?;
    }
    Ok(())
}

pub(super) async fn release_twice(bench: &Bench<'_>) -> Checked {
    let id = bench.acquire(&bench.request("token")).await?.id;
    bench.release(&id).await?;
    bench.release(&id).await?;
    let lease = bench.over(&id).await?;
    bench.release(&id).await?;
    ensure_eq("state", &lease.state, &LeaseState::Released)?;
    match lease.ended {
        Some(ended) => ensure(ended >= lease.started, || "it ended before it began".to_owned()),
        None => Err(Miss::Failed("it is over and has no end".to_owned())),
    }
}

pub(super) async fn final_state(bench: &Bench<'_>) -> Checked {
    const LOOKS: usize = 3;
    let id = bench.ready(&bench.request("token")).await?.id;
    bench.release(&id).await?;
    sleep(bench.patience().lag).await;
    let lease = bench.over(&id).await?;
    for _ in 0..LOOKS {
        bench.release(&id).await?;
        ensure_eq("the lease at another look", &bench.observe(&id).await?, &lease)?;
    }
    Ok(())
}

pub(super) async fn unknown(bench: &Bench<'_>) -> Checked {
    let nobody = LeaseId(bench.unique("no-such-lease"));
    let not_found = [ErrorKind::NotFound];
    // The bench's own calls are patient already.
    ensure_refused(bench, bench.observe(&nobody).await, &not_found)?;
    ensure_refused(bench, bench.release(&nobody).await, &not_found)?;
    ensure_refused(bench, bench.patiently(|| bench.provider.node(&nobody, 0)).await, &not_found)
}
