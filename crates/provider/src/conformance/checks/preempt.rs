//! Being taken back.

use crate::conformance::bench::{Bench, Checked, ensure, ensure_refused, needs};
use crate::error::ErrorKind;
use crate::lease::LeaseState;

pub(super) async fn preempted(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().preempt, "way to have a lease taken back")?;
    let lease = bench.ready(&bench.request("machine")).await?.id;
    bench.patiently(|| bench.harness.preempt(&lease)).await?;
    let lost = bench.over(&lease).await?;
    let as_preempted = matches!(lost.state, LeaseState::Lost { preempted: true, .. });
    ensure(as_preempted, || format!("it was taken back and is {:?}", lost.state))?;
    ensure(lost.ended.is_some(), || "it is over and has no end".to_owned())?;
    ensure_refused(bench, bench.patiently(|| bench.provider.node(&lease, 0)).await, &[ErrorKind::LeaseLost])?;
    // Cleaning up after a loss is what every broker does.
    Ok(bench.release(&lease).await?)
}
