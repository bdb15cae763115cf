//! Asking for leases.

use crate::conformance::bench::{Bench, Checked, ensure, ensure_eq, ensure_refused, needs, sleep};
use crate::error::{ErrorKind, ProviderError, Retry};
use crate::lease::{Lease, LeaseRequest, MachineSpec};
use futures::future::join_all;
use std::collections::BTreeSet;

pub(super) async fn as_asked(bench: &Bench<'_>) -> Checked {
    let (request, clock) = (bench.request("token"), bench.harness.clock());
    let before = clock.now();
    let lease = bench.acquire(&request).await?;
    // The provider's clock is not ours, but it counts the same unit from the same epoch.
    let slack = bench.patience().lag;
    let soon = before <= lease.started.after(slack) && lease.started <= clock.now().after(slack);
    ensure(soon, || format!("asked for at {before:?}, it began at {:?}", lease.started))?;
    ensure_eq("token", &lease.token, &request.token)?;
    ensure_eq("owner", &lease.owner, &request.owner)?;
    ensure_eq("location", &lease.location, &request.location)?;
    ensure_eq("provider", &&lease.location.provider, &bench.provider.name())?;
    ensure(!lease.id.0.is_empty(), || "the lease has no id".to_owned())
}

pub(super) async fn same_token(bench: &Bench<'_>) -> Checked {
    let request = bench.request("token");
    let first = bench.acquire(&request).await?;
    let second = bench.acquire(&request).await?;
    ensure_eq("lease of the second call", &second.id, &first.id)?;
    ensure_eq("its beginning", &second.started, &first.started)
}

pub(super) async fn at_once(bench: &Bench<'_>) -> Checked {
    const CALLS: usize = 4;
    let request = bench.request("token");
    let answers = join_all((0..CALLS).map(|_| bench.acquire(&request))).await;
    let leases = answers.into_iter().collect::<Result<Vec<Lease>, ProviderError>>()?;
    let ids: BTreeSet<_> = leases.iter().map(|lease| &lease.id).collect();
    ensure(ids.len() == 1, || format!("one token made the leases {ids:?}"))?;
    // A second machine behind the same answer would show in the list, once that has caught up.
    sleep(bench.patience().lag).await;
    let listed = bench.list(&request.owner).await?;
    let listed: BTreeSet<_> = listed.iter().map(|lease| &lease.id).collect();
    ensure(listed.is_subset(&ids), || format!("one token made {ids:?}, and the list has {listed:?}"))
}

pub(super) async fn conflict(bench: &Bench<'_>) -> Checked {
    let request = bench.request("token");
    bench.acquire(&request).await?;
    let other = LeaseRequest { nodes: request.nodes + 1, ..request };
    let refused = bench.patiently(|| bench.provider.acquire(&other)).await;
    ensure_refused(bench, refused, &[ErrorKind::Conflict])
}

pub(super) async fn after_end(bench: &Bench<'_>) -> Checked {
    let request = bench.request("token");
    let first = bench.acquire(&request).await?;
    bench.release(&first.id).await?;
    bench.over(&first.id).await?;
    let again = bench.acquire(&request).await?;
    ensure_eq("lease of the call after the end", &again.id, &first.id)?;
    ensure(again.state.is_over(), || format!("it was released and is {:?}", again.state))
}

pub(super) async fn unknown_type(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().knows_types, "list of machine types")?;
    let request =
        LeaseRequest { machine: MachineSpec::of_type("zz9.plural-z-alpha"), ..bench.request("token") };
    let refused = bench.patiently(|| bench.provider.acquire(&request)).await;
    if let Err(error) = &refused {
        ensure_eq("what to do about it", &error.retry(), &Retry::Never)?;
    }
    ensure_refused(bench, refused, &[ErrorKind::NotFound, ErrorKind::Invalid])
}

pub(super) async fn no_nodes(bench: &Bench<'_>) -> Checked {
    let request = LeaseRequest { nodes: 0, ..bench.request("token") };
    let refused = bench.patiently(|| bench.provider.acquire(&request)).await;
    ensure_refused(bench, refused, &[ErrorKind::Invalid])
}

pub(super) async fn capacity(bench: &Bench<'_>) -> Checked {
    let target = bench.target();
    // Which answer it is says nothing: capacity is a belief.
    let ask = || bench.provider.capacity(&target.location, &target.instance_type, target.tier);
    bench.patiently(ask).await?;
    Ok(())
}
