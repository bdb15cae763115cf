//! The usage feed.

use crate::clock::UnixMillis;
use crate::conformance::bench::{Bench, Checked, ensure, needs, sleep};
use crate::lease::{Lease, LeaseRequest, Owner, Usage};

const METER: &str = "vm.seconds";

fn able(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().usage, "usage feed")
}

/// A lease that was kept for a while and is over.
async fn metered(bench: &Bench<'_>, request: &LeaseRequest) -> Checked<Lease> {
    let id = bench.ready(request).await?.id;
    sleep(bench.patience().metered).await;
    bench.release(&id).await?;
    bench.over(&id).await
}

async fn feed(bench: &Bench<'_>, owner: &Owner, since: UnixMillis) -> Checked<Vec<Usage>> {
    Ok(bench.patiently(|| bench.provider.usage(owner, since)).await?)
}

/// Node-milliseconds metered for a lease.
fn total(feed: &[Usage], lease: &Lease) -> u64 {
    let own = feed.iter().filter(|usage| usage.lease == lease.id && usage.meter == METER);
    own.map(|usage| usage.quantity_milli).sum()
}

pub(super) async fn amount(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let request = bench.request("token");
    let lease = metered(bench, &request).await?;
    let lived = lease.ended.unwrap_or(lease.started).since(lease.started).millis();
    // Clouds round to their own interval; half is too little and twice too much all the same.
    bench
        .eventually("half of the lease's time in the feed", bench.patience().usage, async || {
            let told = total(&feed(bench, &request.owner, lease.started).await?, &lease);
            Ok((told > lived / 2).then_some(()))
        })
        .await?;
    // Time for all of it to arrive.
    sleep(bench.patience().usage).await;
    let usage = feed(bench, &request.owner, lease.started).await?;
    let told = total(&usage, &lease);
    ensure(told < lived.saturating_mul(2), || format!("it lived {lived} ms and is metered with {told} ms"))?;
    let strange = usage.iter().find(|usage| usage.lease != lease.id || usage.token != request.token);
    ensure(strange.is_none(), || format!("the feed names another lease or token: {strange:?}"))
}

pub(super) async fn once(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let request = bench.request("token");
    let lease = metered(bench, &request).await?;
    sleep(bench.patience().usage).await;
    let mut usage = feed(bench, &request.owner, lease.started).await?;
    ensure(usage.iter().all(|usage| usage.from < usage.to), || format!("an interval is empty: {usage:?}"))?;
    usage.sort_by(|a, b| (&a.lease, &a.meter, a.from).cmp(&(&b.lease, &b.meter, b.from)));
    let twice = usage.windows(2).find(|pair| {
        let same = (&pair[0].lease, &pair[0].meter) == (&pair[1].lease, &pair[1].meter);
        same && pair[1].from < pair[0].to
    });
    ensure(twice.is_none(), || format!("metered twice: {twice:?}"))?;
    let mut again = feed(bench, &request.owner, lease.started).await?;
    again.sort_by(|a, b| (&a.lease, &a.meter, a.from).cmp(&(&b.lease, &b.meter, b.from)));
    ensure(again == usage, || format!("read again, {usage:?} became {again:?}"))
}

pub(super) async fn only_own(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let lease = metered(bench, &bench.request("token")).await?;
    sleep(bench.patience().usage).await;
    let strange = feed(bench, &bench.owner("other"), lease.started).await?;
    ensure(strange.is_empty(), || format!("an owner without leases has the usage {strange:?}"))
}
