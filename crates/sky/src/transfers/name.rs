//! Names of transfers.

use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_broker::Clocks;

/// A name for a new transfer: its verb, the time, and something of its own.
pub(super) fn name(verb: &str, clocks: &dyn Clocks) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let reading = clocks.read();
    let wall = i64::try_from(reading.wall.0).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(wall).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%d-%H%M%S");
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let own = format!("{wall}-{:?}-{}-{count}", reading.uptime, std::process::id());
    format!("{verb}-{time}-{}", &blake3::hash(own.as_bytes()).to_hex()[..4])
}
