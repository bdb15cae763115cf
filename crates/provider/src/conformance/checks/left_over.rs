//! The last check: whatever the others took is given back.

use super::check;
use crate::conformance::bench::{Bench, Checked, Miss, ensure, sleep};
use crate::conformance::suite::Check;

pub(in crate::conformance) const CHECK: Check =
    check!("nothing-left-over", "whatever was released costs nothing", nothing);

async fn nothing(bench: &Bench<'_>) -> Checked {
    sleep(bench.patience().lag).await;
    for id in &bench.before.leases {
        let lease = bench.observe(id).await?;
        ensure(lease.state.is_over(), || format!("{id} was released and is {:?}", lease.state))?;
    }
    for owner in &bench.before.owners {
        let left = bench.list(owner).await?;
        ensure(left.is_empty(), || format!("{owner} still has {left:?}"))?;
    }
    match bench.harness.left_over() {
        Some(left) if !left.is_empty() => Err(Miss::Failed(format!("still costing: {left:?}"))),
        _ => Ok(()),
    }
}
