//! Finding again what costs money.

use crate::conformance::bench::{Bench, Checked, Miss, ensure, ensure_eq, sleep};
use crate::lease::{LeaseId, LeaseRequest, Owner};

async fn listed(bench: &Bench<'_>, owner: &Owner, id: &LeaseId) -> Checked {
    bench
        .eventually("in the list", bench.patience().lag, async || {
            Ok(bench.list(owner).await?.into_iter().find(|lease| lease.id == *id))
        })
        .await
        .map(drop)
}

pub(super) async fn shows_own(bench: &Bench<'_>) -> Checked {
    let request = bench.request("token");
    let lease = bench.ready(&request).await?;
    // Once the list has caught up, its entry is the lease as observed.
    sleep(bench.patience().lag).await;
    let entry = bench.list(&request.owner).await?.into_iter().find(|entry| entry.id == lease.id);
    let Some(entry) = entry else {
        return Err(Miss::Failed(format!("{} is not in the list", lease.id)));
    };
    ensure_eq("token in the list", &entry.token, &lease.token)?;
    ensure_eq("location in the list", &entry.location, &lease.location)?;
    ensure_eq("beginning in the list", &entry.started, &lease.started)
}

pub(super) async fn hides_released(bench: &Bench<'_>) -> Checked {
    let request = bench.request("token");
    let id = bench.acquire(&request).await?.id;
    bench.release(&id).await?;
    sleep(bench.patience().lag).await;
    let list = bench.list(&request.owner).await?;
    ensure(list.iter().all(|lease| lease.id != id), || format!("{id} is released and still listed"))?;
    ensure(list.iter().all(|lease| !lease.state.is_over()), || "a lease that is over is listed".to_owned())
}

pub(super) async fn only_own(bench: &Bench<'_>) -> Checked {
    let mine = bench.request("mine");
    let yours = LeaseRequest { owner: bench.owner("other"), ..bench.request("yours") };
    let my_lease = bench.acquire(&mine).await?.id;
    let your_lease = bench.acquire(&yours).await?.id;
    listed(bench, &mine.owner, &my_lease).await?;
    listed(bench, &yours.owner, &your_lease).await?;
    for owner in [&mine.owner, &yours.owner] {
        let list = bench.list(owner).await?;
        let strange = list.iter().find(|lease| lease.owner != *owner);
        ensure(strange.is_none(), || format!("the list of {owner} has {strange:?}"))?;
        let other = if owner == &mine.owner { &your_lease } else { &my_lease };
        ensure(list.iter().all(|lease| lease.id != *other), || format!("{other} is in the list of {owner}"))?;
    }
    Ok(())
}
